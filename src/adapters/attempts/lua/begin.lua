-- Keys: the three counters.
-- Arguments: now, window, lockout, the limit of each.
-- Whether it may begin, and then whether it locks, else until when it is locked.
local now, window, lockout = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local counters, locked = {}, 0
for i, key in ipairs(KEYS) do
    counters[i] = read(key)
    locked = math.max(locked, counters[i][1])
end
if locked > now then return { 0, string.format('%.0f', locked) } end

local locks = 0
for i, key in ipairs(KEYS) do
    local kept, keep = { 0 }, window
    -- A lock that is over takes its failures with it.
    if counters[i][1] == 0 then
        for j = 2, #counters[i] do
            if counters[i][j] > now - window then kept[#kept + 1] = counters[i][j] end
        end
    end
    kept[#kept + 1] = now
    if #kept - 1 >= tonumber(ARGV[3 + i]) then
        kept[1] = now + lockout
        keep = math.max(window, lockout)
        locks = 1
    end
    redis.call('SET', key, text(kept), 'PX', string.format('%.0f', math.max(keep, 1)))
end
return { 1, tostring(locks) }
