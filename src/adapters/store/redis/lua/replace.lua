-- prefix, sid, old record, new record, end, token_until, time to live
local key = P .. 's:' .. ARGV[2]
local found = redis.call('HMGET', key, 'record', 'user', 'created')
if found[1] ~= ARGV[3] or is_cut(found[3], found[2]) then return 0 end
redis.call('HSET', key, 'record', ARGV[4], 'ends', ARGV[5], 'token_until', ARGV[6])
redis.call('PEXPIRE', key, ARGV[7])
redis.call('ZADD', P .. 'ends', ARGV[5], ARGV[2])
outlive(P .. 'u:' .. found[2], ARGV[7])
return 1
