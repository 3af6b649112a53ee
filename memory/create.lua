-- create.lua: a new journal, unless its idempotency key or its id is known.
--
-- KEYS  1 head  2 journal  3 blobs  4 due  5 leases  [6 the idempotency key's record]
-- ARGV  1 header, JSON: run, digest, owner, lease (us), lists (names of the lists it stands in), wake (channel), record (key 6's name, or "")
--       2 summary, JSON
--       3.. for each event: content hash or "", JSON
-- Answer  {what, now (us), run, created (us)} and, for new and repeated, owner, epoch, tail, until (us), claims
--       new       this run was created
--       repeated  this very run is there already: the answer to its creation was lost
--       existed   the key belongs to an earlier run
--       reused    the key was used with another digest
local head, journal, blobs, due, leases, record = unpack(KEYS)
local b = cjson.decode(ARGV[1])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function int(n) return string.format('%.0f', n) end

if record then
  local known = redis.call('HMGET', record, 'run', 'digest', 'created')
  if known[1] then
    return {known[2] == b.digest and 'existed' or 'reused', now, known[1], tonumber(known[3])}
  end
end
if redis.call('EXISTS', head) == 1 then
  local h = redis.call('HMGET', head, 'created', 'owner', 'epoch', 'tail', 'until', 'claims')
  return {'repeated', now, b.run, tonumber(h[1]), h[2], tonumber(h[3]), tonumber(h[4]), tonumber(h[5]), tonumber(h[6])}
end

local at, seq = int(now), 0
for i = 3, #ARGV, 2 do
  local hash, json = ARGV[i], ARGV[i + 1]
  seq = seq + 1
  if hash ~= '' then
    redis.call('HSETNX', blobs, hash, json)
    redis.call('XADD', journal, int(seq) .. '-0', 'at', at, 'b', hash)
  else
    redis.call('XADD', journal, int(seq) .. '-0', 'at', at, 'e', json)
  end
end
if record then
  redis.call('HSET', record, 'run', b.run, 'digest', b.digest, 'created', at)
end
-- The place is fixed width, so that lists sort by time as text.
local place = string.format('%016.0f', now) .. ':' .. b.run
for _, list in ipairs(b.lists) do
  redis.call('ZADD', list, 0, place)
end
local epoch, till = 0, 0
if b.owner ~= '' then
  epoch, till = 1, now + b.lease
  redis.call('ZADD', leases, int(till), b.run)
else
  redis.call('ZADD', due, at, b.run)
  redis.call('PUBLISH', b.wake, '')
end
redis.call('HSET', head, 'created', at, 'at', at, 'place', place, 'lists', table.concat(b.lists, '\n'), 'record', b.record,
  'epoch', int(epoch), 'claims', int(epoch), 'owner', b.owner, 'until', int(till), 'tail', int(seq), 'summary', ARGV[2])
return {'new', now, b.run, now, b.owner, epoch, seq, till, epoch}
