-- set.lua: writes a blackboard value, if its version is the expected one. A value that has expired is not there: its versions start anew.
--
-- KEYS  1 value (hash: version, at, expires, v)  2 names (sorted set: key by the microsecond it expires, +inf: never)
-- ARGV  1 key  2 JSON  3 expected version; "": any  4 time to live (us; 0: for ever)  5 how many values a scope may hold  6 channel that is told the key
-- Answer  {what, now (us), version}: ok; conflict, with the version there is; full
local value, names = KEYS[1], KEYS[2]
local key, json, expect, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function int(n) return string.format('%.0f', n) end

local h = redis.call('HMGET', value, 'version', 'expires')
local version, expires = tonumber(h[1] or 0), tonumber(h[2] or 0)
if expires > 0 and expires <= now then version = 0 end
if expect ~= '' and tonumber(expect) ~= version then return {'conflict', now, version} end
redis.call('ZREMRANGEBYSCORE', names, '-inf', int(now))
if version == 0 and redis.call('ZCARD', names) >= tonumber(ARGV[5]) then return {'full', now, 0} end

expires = ttl > 0 and now + ttl or 0
redis.call('DEL', value)
redis.call('HSET', value, 'version', int(version + 1), 'at', int(now), 'expires', int(expires), 'v', json)
if ttl > 0 then
  redis.call('PEXPIREAT', value, int(math.ceil(expires / 1000)))
  redis.call('ZADD', names, int(expires), key)
else
  redis.call('ZADD', names, '+inf', key)
end
redis.call('PUBLISH', ARGV[6], key)
return {'ok', now, version + 1}
