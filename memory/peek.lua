-- peek.lua: which runs of a shard are due, and when the next one that nobody holds will be.
--
-- KEYS  1 due  2 leases
-- ARGV  1 how many at most
-- Answer  {"ok", now (us), next (us; -1: none), run, due (us), run, due (us), …}, oldest first in each of the two lists
local due, leases = KEYS[1], KEYS[2]
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local limit = string.format('%.0f', now)
local answer = {'ok', now, -1}
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
if first[1] then answer[3] = tonumber(first[2]) end
for _, set in ipairs({leases, due}) do
  local found = redis.call('ZRANGE', set, '-inf', limit, 'BYSCORE', 'LIMIT', 0, ARGV[1], 'WITHSCORES')
  for i = 1, #found, 2 do
    answer[#answer + 1] = found[i]
    answer[#answer + 1] = tonumber(found[i + 1])
  end
end
local silent = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')
if silent[1] and tonumber(silent[2]) <= now and (answer[3] < 0 or tonumber(silent[2]) < answer[3]) then
  answer[3] = tonumber(silent[2])
end
return answer
