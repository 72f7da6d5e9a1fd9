-- prefix, sessions to delete at most for each, '1' to end with the tokens of a known
-- session, then reach, cut-off and end of each
local kept = {}
for i = 4, #ARGV, 3 do
    local reach, at, til = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local more = 0
    if string.sub(reach, 1, 1) == 's' then
        local sid = string.sub(reach, 2)
        local token_until = redis.call('HGET', P .. 's:' .. sid, 'token_until')
        if token_until then
            -- What is kept may be older than the tokens, where Redis lost writes.
            local known = ARGV[3] == '1' and redis.call('EXISTS', P .. 'lost') == 0
            if known and token_until < til then til = token_until end
            forget(sid)
        end
    else
        local cut = redis.call('HGET', P .. 'cuts', reach) or ''
        redis.call('HSET', P .. 'cuts', reach, later(cut, at))
        more = forget_cut(reach, ARGV[2])
    end
    local merged = record(reach, at, til)
    kept[#kept + 1] = { reach, merged[1], merged[2], more }
end
return kept
