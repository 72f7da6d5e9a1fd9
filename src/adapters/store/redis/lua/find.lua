-- prefix, sid
local found = redis.call('HMGET', P .. 's:' .. ARGV[2], 'record', 'user', 'created')
if not found[1] or is_cut(found[3], found[2]) then return false end
return found[1]
