-- Stands before every script. Times are milliseconds in twenty digits, so that they
-- compare as text; Lua's numbers are doubles. A missing time is '', before all others.
local P = ARGV[1]

local function later(a, b)
    if a > b then return a end
    return b
end

-- A cut-off whose sessions are not all deleted yet reaches them all the same.
local function is_cut(created, user)
    local cuts = redis.call('HMGET', P .. 'cuts', 'e', 'u' .. user)
    return created <= later(cuts[1] or '', cuts[2] or '')
end

local function forget(sid)
    local key = P .. 's:' .. sid
    local user = redis.call('HGET', key, 'user')
    redis.call('DEL', key)
    redis.call('ZREM', P .. 'all', sid)
    redis.call('ZREM', P .. 'ends', sid)
    if user then redis.call('ZREM', P .. 'u:' .. user, sid) end
end

local function outlive(key, ttl)
    if redis.call('PTTL', key) < tonumber(ttl) then redis.call('PEXPIRE', key, ttl) end
end

-- Records a revocation and tells the replicas. Of two the later cut-off and end count.
local function record(reach, at, til)
    local known = redis.call('HGET', P .. 'live', reach)
    if known then
        at = later(at, string.sub(known, 1, 20))
        til = later(til, string.sub(known, 22))
    end
    redis.call('HSET', P .. 'live', reach, at .. ' ' .. til)
    redis.call('ZADD', P .. 'until', til, reach)
    redis.call('XADD', P .. 'log', '*', 'reach', reach, 'at', at, 'until', til)
    return { at, til }
end

-- Deletes up to `most` sessions of a cut-off; whether there may be more.
local function forget_cut(reach, most)
    local at = redis.call('HGET', P .. 'cuts', reach)
    if not at then return 0 end
    local index = P .. 'all'
    if reach ~= 'e' then index = P .. 'u:' .. string.sub(reach, 2) end
    local found = redis.call('ZRANGEBYSCORE', index, '-inf', at, 'LIMIT', 0, most)
    for _, sid in ipairs(found) do
        forget(sid)
        redis.call('ZREM', index, sid)
    end
    if #found < tonumber(most) then
        redis.call('HDEL', P .. 'cuts', reach)
        return 0
    end
    return 1
end
