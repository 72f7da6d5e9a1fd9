-- Keys: counters that forget one failure. Arguments: when it was, and how many of the
-- first keys forget all of theirs.
for k, key in ipairs(KEYS) do
    local counter = read(key)
    if k <= tonumber(ARGV[2]) then counter = { 0 } end
    for i = #counter, 2, -1 do
        if counter[i] == tonumber(ARGV[1]) then
            table.remove(counter, i)
            break
        end
    end
    counter[1] = 0
    if #counter == 1 then
        redis.call('DEL', key)
    else
        redis.call('SET', key, text(counter), 'XX', 'KEEPTTL')
    end
end
return 0
