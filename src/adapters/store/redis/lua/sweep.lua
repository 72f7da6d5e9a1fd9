-- prefix, now, how many at most; how many, and whether there may be more
local most = tonumber(ARGV[3])
local dead = redis.call('ZRANGEBYSCORE', P .. 'until', '-inf', ARGV[2], 'LIMIT', 0, most)
for _, reach in ipairs(dead) do
    redis.call('HDEL', P .. 'live', reach)
    redis.call('ZREM', P .. 'until', reach)
end
local over = redis.call('ZRANGEBYSCORE', P .. 'ends', '-inf', ARGV[2], 'LIMIT', 0, most)
for _, sid in ipairs(over) do forget(sid) end
local more = 0
if #dead == most or #over == most then more = 1 end
return { #dead + #over, more }
