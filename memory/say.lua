-- say.lua: adds a message to a conversation and drops the oldest ones.
--
-- KEYS  1 stream: <seq>-0
-- ARGV  1 JSON  2 how many messages are kept
-- Answer  {"ok", now (us), seq}
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local seq = newest and tonumber(string.match(newest[1], '^%d+')) + 1 or 1
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], string.format('%.0f', seq) .. '-0', 'at', string.format('%.0f', now), 'm', ARGV[1])
return {'ok', now, seq}
