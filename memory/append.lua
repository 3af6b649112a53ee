-- append.lua: an owner's batch, all or none. Lua does not roll back: everything is checked before the first write.
--
-- KEYS  1 head  2 journal  3 blobs  4 open  5 places  6 taken  7 due  8 leases
-- ARGV  1 header, JSON: run, id, epoch, owner, expect, events (how many), most (events of a journal), lease (us), park, due (us; 0: never),
--         rerun (the first event opens an ended run again), ended (the last one ends it), ttl (ms, of the idempotency key once the run has ended), lists, needs (names of sets), wake (channel),
--         open ([{id, place, boxes, taken (who has taken it on, or "")}]), close ([id])
--       2 summary, JSON
--       3.. for each event: at (us; 0: now), content hash or "", JSON; then for each of open: its JSON
-- Answer  {what, now (us), tail}
--       ok        written; or written before, and the epoch still stands
--       fenced    another epoch or owner
--       sequence  the journal's tail is not at expect
--       ended     events after the end of the run, and the first is no rerun
--       running   a rerun of a run that has not ended
--       full      more events than a journal may hold
--       missing   there is no such run
--       broken    the stream does not end where the head says
-- Names in the header and in the head's fields are all of this shard, so they are in the slot of KEYS.
local head, journal, blobs, open, places, taken, due, leases = unpack(KEYS)
local b = cjson.decode(ARGV[1])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function int(n) return string.format('%.0f', n) end
local function lines(s) return string.gmatch(s or '', '[^\n]+') end

local h = redis.call('HMGET', head, 'epoch', 'owner', 'tail', 'at', 'batch', 'ended', 'until', 'lists', 'place', 'record')
if not h[1] then return {'missing', now, 0} end
local epoch, owner, tail, last, batch, ended, till = tonumber(h[1]), h[2], tonumber(h[3]), tonumber(h[4]), h[5], h[6] == '1', tonumber(h[7])

-- One append of a run is outstanding at a time, so its last id is enough to recognise the same append sent again.
if batch == b.id then return {epoch == b.epoch and 'ok' or 'fenced', now, tail} end
if epoch ~= b.epoch or owner ~= b.owner then return {'fenced', now, tail} end
if tail ~= b.expect then return {'sequence', now, tail} end
if b.events > 0 then
  if ended ~= b.rerun then return {ended and 'ended' or 'running', now, tail} end
  if tail + b.events > b.most and not b.ended then return {'full', now, tail} end
end
local newest = redis.call('XREVRANGE', journal, '+', '-', 'COUNT', 1)
if not newest[1] or newest[1][1] ~= int(tail) .. '-0' then return {'broken', now, tail} end

local arg = 3
for i = 1, b.events do
  local at, hash, json = tonumber(ARGV[arg]), ARGV[arg + 1], ARGV[arg + 2]
  arg = arg + 3
  -- Times never run backwards, whatever the owner's clock did.
  last = math.max(last, at > 0 and at or now)
  local id = int(tail + i) .. '-0'
  if hash ~= '' then
    redis.call('HSETNX', blobs, hash, json)
    redis.call('XADD', journal, id, 'at', int(last), 'b', hash)
  else
    redis.call('XADD', journal, id, 'at', int(last), 'e', json)
  end
end
tail = tail + b.events

local function shut(id)
  local place
  for line in lines(redis.call('HGET', places, id) or nil) do
    if place then redis.call('ZREM', line, place) else place = line end
  end
  redis.call('HDEL', places, id)
  redis.call('HDEL', open, id)
  redis.call('HDEL', taken, id)
end
for i, q in ipairs(b.open or {}) do
  shut(q.id)
  redis.call('HSET', open, q.id, ARGV[arg + i - 1])
  redis.call('HSET', places, q.id, q.place .. '\n' .. table.concat(q.boxes, '\n'))
  if q.taken ~= '' then redis.call('HSET', taken, q.id, q.taken) end
  for _, box in ipairs(q.boxes) do redis.call('ZADD', box, 0, q.place) end
end
for _, id in ipairs(b.close or {}) do shut(id) end

local lists = table.concat(b.lists, '\n')
if lists ~= h[8] then
  for list in lines(h[8]) do redis.call('ZREM', list, h[9]) end
  for list in lines(lists) do redis.call('ZADD', list, 0, h[9]) end
end

if b.lease > 0 then till = math.max(till, now + b.lease) end
ended = b.ended or ended and not b.rerun
-- The key may have been forgotten since the run ended, and used for another run.
local ours = (ended or b.rerun) and h[10] ~= '' and redis.call('HGET', h[10], 'run') == b.run
if b.rerun and ours then redis.call('PERSIST', h[10]) end
if ended then
  for _, id in ipairs(redis.call('HKEYS', open)) do shut(id) end
  redis.call('ZREM', due, b.run)
  redis.call('ZREM', leases, b.run)
  if ours and redis.call('PTTL', h[10]) == -1 then redis.call('PEXPIRE', h[10], int(b.ttl)) end
  if b.park then owner, till = '', 0 end
elseif b.park then
  owner, till = '', 0
  redis.call('ZREM', leases, b.run)
  for _, set in ipairs(b.needs or {}) do redis.call('SADD', set, b.run) end
  redis.call('HSET', head, 'needs', table.concat(b.needs or {}, '\n'))
  if b.due > 0 then
    redis.call('ZADD', due, int(b.due), b.run)
    local first = redis.call('ZRANGE', due, 0, 0)[1]
    if b.due <= now or first == b.run then redis.call('PUBLISH', b.wake, '') end
  end
else
  redis.call('ZADD', leases, int(till), b.run)
end
redis.call('HSET', head, 'owner', owner, 'until', int(till), 'claims', '0', 'batch', b.id, 'tail', int(tail), 'at', int(last),
  'ended', ended and '1' or '0', 'lists', lists, 'summary', ARGV[2])
return {'ok', now, tail}
