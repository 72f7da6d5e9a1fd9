-- Keys: the streaks, their order, then the counters.
-- Arguments: now, window, lockout; the failures after which a streak waits; how many streaks
-- there may be, the failures of one that is not few, how long few are kept, and many; how
-- many of the fields that follow are streaks, the first of them the one that must wait, the
-- last the name's; then the limit of each counter.
-- Whether it may begin, then whether it locks and the failures of the name; else until when
-- it is locked, and 0.
local now, window, lockout = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local patience, most, few = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local few_kept, many_kept = tonumber(ARGV[7]), tonumber(ARGV[8])
local fields = tonumber(ARGV[9])

local counters, locked = {}, streak_of(ARGV[10])['until']
for i = FIRST, #KEYS do
    counters[i] = numbers_of(redis.call('GET', KEYS[i]))
    locked = math.max(locked, counters[i][1])
end
if locked > now then return { 0, string.format('%.0f', locked), 0 } end

local locks = 0
for i = FIRST, #KEYS do
    local kept, keep = { 0 }, window
    -- A lock that is over takes its failures with it.
    if counters[i][1] == 0 then
        for j = 2, #counters[i] do
            if counters[i][j] > now - window then kept[#kept + 1] = counters[i][j] end
        end
    end
    kept[#kept + 1] = now
    if #kept - 1 >= tonumber(ARGV[10 + fields + i - FIRST]) then
        kept[1] = now + lockout
        keep = math.max(window, lockout)
        locks = 1
    end
    redis.call('SET', KEYS[i], text(kept), 'PX', string.format('%.0f', math.max(keep, 1)))
end

-- Before the new one comes: the stale, and the first in order where there is no room. A few
-- at a time, so that no call takes long.
local function sweep(from, to)
    for _, field in ipairs(redis.call('ZRANGEBYSCORE', ORDER, from, to, 'LIMIT', 0, 16)) do
        forget(field)
    end
end
sweep('-inf', string.format('%.0f', now - few_kept))
sweep(string.format('%.0f', BEHIND), string.format('%.0f', BEHIND + now - many_kept))
local surplus = redis.call('ZCARD', ORDER) + fields - most
if surplus > 0 then
    for _, field in ipairs(redis.call('ZRANGE', ORDER, 0, math.min(surplus, 16) - 1)) do
        forget(field)
    end
end

local failures = 0
for i = 10, 9 + fields do
    local streak = streak_of(ARGV[i])
    local lasts = few_kept
    if streak.failures >= few then lasts = many_kept end
    if streak.last + lasts <= now then streak.failures = 0 end
    streak.failures = streak.failures + 1
    streak.last = now
    -- None, not now: the clock of another gateway may be a little behind this one's.
    streak['until'] = 0
    if streak.failures >= patience then
        streak['until'] = now + math.min(1000 * 2 ^ (streak.failures - patience), lockout)
    end
    if streak['until'] > now then locks = 1 end
    keep(ARGV[i], streak, few)
    failures = streak.failures
end
for _, key in ipairs({ STREAKS, ORDER }) do
    redis.call('PEXPIRE', key, string.format('%.0f', many_kept))
end
return { 1, locks, failures }
