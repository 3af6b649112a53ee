-- claim.lua: takes runs of one shard for an owner and raises their epochs.
--
-- KEYS  1 due  2 leases  3.. heads, one per run
-- ARGV  1 header, JSON: owner, lease (us), runs, force (also when not due; then one run), ended (force: a run that has ended, for a rerun)
-- Answer  {what, now (us), run, epoch, until (us), tail, claims, run, …}
--       ok       what was taken; runs that are not due any more are left out
--       owned    force: another owner's lease stands
--       ended    force: the run has ended
--       running  ended: the run has not ended
--       missing  force: there is no such run
local due, leases = KEYS[1], KEYS[2]
local b = cjson.decode(ARGV[1])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function int(n) return string.format('%.0f', n) end

local answer = {'ok', now}
for i, run in ipairs(b.runs) do
  local head = KEYS[2 + i]
  local h = redis.call('HMGET', head, 'epoch', 'owner', 'until', 'ended', 'tail', 'claims', 'needs')
  local refused
  if not h[1] then
    refused = 'missing'
  elseif (h[4] == '1') ~= b.ended then
    refused = b.ended and 'running' or 'ended'
  elseif h[2] ~= '' and tonumber(h[3]) > now and not (b.force and h[2] == b.owner) then
    refused = 'owned'
  elseif h[2] == '' and not b.force then
    local at = redis.call('ZSCORE', due, run)
    if not at or tonumber(at) > now then refused = 'early' end
  end
  if refused and b.force then return {refused, now} end
  if refused == 'missing' or refused == 'ended' then
    redis.call('ZREM', due, run)
    redis.call('ZREM', leases, run)
  elseif not refused then
    local epoch, claims, till = tonumber(h[1]) + 1, tonumber(h[6]) + 1, now + b.lease
    for set in string.gmatch(h[7] or '', '[^\n]+') do redis.call('SREM', set, run) end
    redis.call('ZREM', due, run)
    -- A run that has ended is nobody's to take over: only the append of its rerun puts it among the leases.
    if not b.ended then redis.call('ZADD', leases, int(till), run) end
    redis.call('HSET', head, 'epoch', int(epoch), 'claims', int(claims), 'owner', b.owner, 'until', int(till), 'needs', '')
    for _, v in ipairs({run, epoch, till, tonumber(h[5]), claims}) do answer[#answer + 1] = v end
  end
end
return answer
