-- prefix, milliseconds
-- The last entry stays, however old: a log that is empty has been lost. Whole nodes only
-- ('~'): before 6.2.7 an exact MINID may take entries that are newer (redis#9410).
local last = redis.call('XREVRANGE', P .. 'log', '+', '-', 'COUNT', 1)
if not last[1] then return 0 end
local now = redis.call('TIME')
local oldest = string.format('%.0f', now[1] * 1000 - ARGV[2])
local newest = string.match(last[1][1], '^%d+')
if tonumber(newest) < tonumber(oldest) then oldest = last[1][1] end
return redis.call('XTRIM', P .. 'log', 'MINID', '~', oldest, 'LIMIT', 0)
