-- offer.lua: makes parked runs of one shard due that miss one of the offered workers.
--
-- KEYS  1 due  2.. heads, one per run
-- ARGV  1 header, JSON: runs, sets (names of the needs sets that are offered), wake (channel)
-- Answer  {"ok", now (us), how many}
local due = KEYS[1]
local b = cjson.decode(ARGV[1])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local offered, n = {}, 0
for _, set in ipairs(b.sets) do offered[set] = true end

for i, run in ipairs(b.runs) do
  local h = redis.call('HMGET', KEYS[1 + i], 'owner', 'needs', 'ended')
  local wanted = false
  for set in string.gmatch(h[2] or '', '[^\n]+') do wanted = wanted or offered[set] end
  if not h[1] then
    for _, set in ipairs(b.sets) do redis.call('SREM', set, run) end
  elseif wanted and h[1] == '' and h[3] ~= '1' then
    for set in string.gmatch(h[2], '[^\n]+') do redis.call('SREM', set, run) end
    redis.call('HSET', KEYS[1 + i], 'needs', '')
    redis.call('ZADD', due, 'LT', string.format('%.0f', now), run)
    n = n + 1
  end
end
if n > 0 then redis.call('PUBLISH', b.wake, '') end
return {'ok', now, n}
