-- A counter is a text of numbers: until when it is locked, or 0, then the time of each
-- failure, the oldest first. Milliseconds.
local function read(key)
    local numbers = {}
    for number in string.gmatch(redis.call('GET', key) or '0', '%d+') do
        numbers[#numbers + 1] = tonumber(number)
    end
    return numbers
end

local function text(numbers)
    local words = {}
    for i, number in ipairs(numbers) do words[i] = string.format('%.0f', number) end
    return table.concat(words, ' ')
end
