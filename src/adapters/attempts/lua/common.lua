-- A counter is a text of numbers: until when it is locked, or 0, then the time of each
-- failure, the oldest first. Milliseconds.
local function numbers_of(text)
    local numbers = {}
    for number in string.gmatch(text or '0', '%d+') do
        numbers[#numbers + 1] = tonumber(number)
    end
    return numbers
end

local function text(numbers)
    local words = {}
    for i, number in ipairs(numbers) do words[i] = string.format('%.0f', number) end
    return table.concat(words, ' ')
end

-- Streaks are the fields of one hash, each the number of failures, the time of the last and
-- until when the next attempt waits. A sorted set has the order in which they are forgotten:
-- by the time of the last failure, those of many failures behind all others (2^42 ms is the
-- year 2109).
local STREAKS, ORDER, FIRST = KEYS[1], KEYS[2], 3
local BEHIND = 4398046511104

local function streak_of(field)
    local numbers = numbers_of(redis.call('HGET', STREAKS, field))
    return { failures = numbers[1] or 0, last = numbers[2] or 0, ['until'] = numbers[3] or 0 }
end

local function forget(field)
    redis.call('HDEL', STREAKS, field)
    redis.call('ZREM', ORDER, field)
end

local function keep(field, streak, few)
    local score = streak.last
    if streak.failures >= few then score = score + BEHIND end
    redis.call('HSET', STREAKS, field, text({ streak.failures, streak.last, streak['until'] }))
    redis.call('ZADD', ORDER, string.format('%.0f', score), field)
end
