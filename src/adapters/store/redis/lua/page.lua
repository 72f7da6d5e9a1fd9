-- prefix, user or '' for all, first place, last place
-- How many places were looked at, then the records.
local index = P .. 'all'
if ARGV[2] ~= '' then index = P .. 'u:' .. string.sub(ARGV[2], 2) end
local members = redis.call('ZRANGE', index, ARGV[3], ARGV[4])
local page = { #members }
for _, sid in ipairs(members) do
    local found = redis.call('HMGET', P .. 's:' .. sid, 'record', 'user', 'created')
    if found[1] and not is_cut(found[3], found[2]) then page[#page + 1] = found[1] end
end
return page
