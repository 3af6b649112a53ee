-- post.lua: a foreign event at the tail, under a condition that holds here and now.
-- It touches the stream, the escalation and the wake-up; the summary stays the owner's.
--
-- KEYS  1 head  2 journal  3 blobs  4 open  5 places  6 decided  7 due  8 leases
-- ARGV  1 header, JSON: run, escalation (id that must be open; "": the run must not have ended), decision (key of a repeated delivery, or ""),
--         release (starts the count of claims anew), most (events of a journal), wake (channel)
--       2 content hash or ""  3 JSON
-- Answer  {what, now (us), seq, at (us), hash, json}
--       ok       written
--       again    this decision was delivered before: its event
--       closed   the escalation is not open
--       ended    the run has ended
--       full     the journal holds as many events as it may
--       missing  there is no such run
--       broken   the stream does not end where the head says
local head, journal, blobs, open, places, decided, due, leases = unpack(KEYS)
local b = cjson.decode(ARGV[1])
local hash, json = ARGV[2], ARGV[3]
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function int(n) return string.format('%.0f', n) end

local h = redis.call('HMGET', head, 'owner', 'until', 'tail', 'at', 'ended')
if not h[1] then return {'missing', now, 0} end
local owner, till, tail, last = h[1], tonumber(h[2]), tonumber(h[3]), tonumber(h[4])

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
if b.escalation ~= '' and redis.call('HEXISTS', open, b.escalation) == 0 then return {'closed', now, tail} end
if h[5] == '1' then return {'ended', now, tail} end
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
if b.escalation ~= '' then
  local place
  for line in string.gmatch(redis.call('HGET', places, b.escalation) or '', '[^\n]+') do
    if place then redis.call('ZREM', line, place) else place = line end
  end
  redis.call('HDEL', places, b.escalation)
  redis.call('HDEL', open, b.escalation)
end
if b.decision ~= '' then redis.call('HSET', decided, b.decision, int(seq)) end
if b.release then redis.call('HSET', head, 'claims', '0') end

if owner ~= '' and till > now then
  redis.call('PUBLISH', b.wake .. ':' .. owner, b.run)
else
  -- An owner whose lease is over is gone: the run is due by its lease already.
  if owner == '' then redis.call('ZADD', due, 'LT', int(now), b.run) end
  redis.call('PUBLISH', b.wake, '')
end
return {'ok', now, seq, at, hash, json}
