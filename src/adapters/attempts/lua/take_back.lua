-- Keys: the streaks, their order, then counters that forget one failure.
-- Arguments: when it was; 1 if the first counter and the streaks end with it, 0 if they too
-- forget one failure; the failures of a streak that is not few; then the streaks.
local at, ends, few = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[3])
for k = FIRST, #KEYS do
    local counter = numbers_of(redis.call('GET', KEYS[k]))
    if k == FIRST and ends then counter = { 0 } end
    for i = #counter, 2, -1 do
        if counter[i] == at then
            table.remove(counter, i)
            break
        end
    end
    counter[1] = 0
    if #counter == 1 then
        redis.call('DEL', KEYS[k])
    else
        redis.call('SET', KEYS[k], text(counter), 'XX', 'KEEPTTL')
    end
end
for i = 4, #ARGV do
    local streak = streak_of(ARGV[i])
    if ends or streak.failures <= 1 then
        forget(ARGV[i])
    else
        streak.failures = streak.failures - 1
        if streak.last == at then streak['until'] = 0 end
        keep(ARGV[i], streak, few)
    end
end
return 0
