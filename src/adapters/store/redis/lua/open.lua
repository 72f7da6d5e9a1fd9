-- prefix, sid, user, record, created, end, token_until, time to live, most or '', now
local sid, user, created = ARGV[2], ARGV[3], ARGV[5]
local key, index = P .. 's:' .. sid, P .. 'u:' .. user
redis.call('HSET', key, 'user', user, 'record', ARGV[4], 'created', created,
    'ends', ARGV[6], 'token_until', ARGV[7])
redis.call('PEXPIRE', key, ARGV[8])
redis.call('ZADD', P .. 'all', created, sid)
redis.call('ZADD', P .. 'ends', ARGV[6], sid)
redis.call('ZADD', index, created, sid)
outlive(index, ARGV[8])
if ARGV[9] == '' then return {} end

local living = {}
for _, other in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    if other ~= sid then
        local found = redis.call('HMGET', P .. 's:' .. other, 'ends', 'token_until', 'created')
        if not found[1] then
            redis.call('ZREM', index, other)
        elseif found[1] > ARGV[10] and not is_cut(found[3], user) then
            living[#living + 1] = { other, found[2] }
        end
    end
end
-- The new one counts too, and stays.
local ended = {}
for i = 1, math.min(#living, #living + 1 - tonumber(ARGV[9])) do
    forget(living[i][1])
    local kept = record('s' .. living[i][1], ARGV[10], living[i][2])
    ended[#ended + 1] = { 's' .. living[i][1], kept[1], kept[2] }
end
return ended
