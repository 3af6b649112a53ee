-- post.lua: a foreign event at the tail, under a condition that holds here and now.
-- It touches the stream, the escalation and the wake-up; the summary stays the owner's.
--
-- KEYS  1 head  2 journal  3 blobs  4 open  5 places  6 taken  7 decided  8 due
-- ARGV  1 header, JSON: run, kind, by, escalation (id that must be open, or ""), decision (key of a repeated delivery, or ""),
--         quiet (nobody has to look at the run for this), most (events of a journal), denied (denials of a journal), wake (channel)
--       2 content hash or ""  3 JSON
-- Answer  {what, now (us), seq, at (us), hash, json}
--       ok       written
--       again    this decision was delivered before: its event
--       stands   a claim or its return that changes nothing: not written
--       closed   the escalation is not open
--       taken    somebody else has taken it on
--       ended    the run has ended
--       full     the journal holds as many events as it may
--       denied   and as many denials
--       missing  there is no such run
--       broken   the stream does not end where the head says
local head, journal, blobs, open, places, taken, decided, due = unpack(KEYS)
local b = cjson.decode(ARGV[1])
local hash, json = ARGV[2], ARGV[3]
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function int(n) return string.format('%.0f', n) end

local h = redis.call('HMGET', head, 'owner', 'until', 'tail', 'at', 'ended', 'denied')
if not h[1] then return {'missing', now, 0} end
local owner, till, tail, last, denied = h[1], tonumber(h[2]), tonumber(h[3]), tonumber(h[4]), tonumber(h[6] or 0)

if b.decision ~= '' then
  local seq = redis.call('HGET', decided, b.decision)
  if seq then
    local found = redis.call('XRANGE', journal, seq .. '-0', seq .. '-0')[1]
    if not found then return {'broken', now, tail} end
    local f = found[2]
    if f[3] == 'b' then return {'again', now, tonumber(seq), tonumber(f[2]), f[4], ''} end
    return {'again', now, tonumber(seq), tonumber(f[2]), '', f[4]}
  end
end
if b.escalation ~= '' then
  if redis.call('HEXISTS', open, b.escalation) == 0 then return {'closed', now, tail} end
  local holder = redis.call('HGET', taken, b.escalation) or ''
  if b.kind == 'claimed' and holder == b.by or b.kind == 'unclaimed' and holder == '' then return {'stands', now, tail} end
  if b.kind ~= 'unclaimed' and holder ~= '' and b.by ~= '' and holder ~= b.by then return {'taken', now, tail} end
end
if b.kind == 'denied' then
  if denied >= b.denied then return {'denied', now, tail} end
elseif h[5] == '1' then
  return {'ended', now, tail}
end
if tail >= b.most then return {'full', now, tail} end
local newest = redis.call('XREVRANGE', journal, '+', '-', 'COUNT', 1)
if not newest[1] or newest[1][1] ~= int(tail) .. '-0' then return {'broken', now, tail} end

local seq, at = tail + 1, math.max(now, last)
if hash ~= '' then
  redis.call('HSETNX', blobs, hash, json)
  redis.call('XADD', journal, int(seq) .. '-0', 'at', int(at), 'b', hash)
else
  redis.call('XADD', journal, int(seq) .. '-0', 'at', int(at), 'e', json)
end
redis.call('HSET', head, 'tail', int(seq), 'at', int(at))
if b.kind == 'claimed' then
  redis.call('HSET', taken, b.escalation, b.by)
elseif b.kind == 'unclaimed' then
  redis.call('HDEL', taken, b.escalation)
elseif b.kind == 'denied' then
  redis.call('HSET', head, 'denied', int(denied + 1))
elseif b.kind == 'released' then
  redis.call('HSET', head, 'claims', '0') -- else it would be quarantined again at once
elseif b.kind == 'decided' then
  local place
  for line in string.gmatch(redis.call('HGET', places, b.escalation) or '', '[^\n]+') do
    if place then redis.call('ZREM', line, place) else place = line end
  end
  redis.call('HDEL', places, b.escalation)
  redis.call('HDEL', open, b.escalation)
  redis.call('HDEL', taken, b.escalation)
end
if b.decision ~= '' then redis.call('HSET', decided, b.decision, int(seq)) end

if owner ~= '' and till > now then
  redis.call('PUBLISH', b.wake .. ':' .. owner, b.run)
elseif not b.quiet then
  -- An owner whose lease is over is gone: the run is due by its lease already.
  if owner == '' then redis.call('ZADD', due, 'LT', int(now), b.run) end
  redis.call('PUBLISH', b.wake, '')
end
return {'ok', now, seq, at, hash, json}
