-- renew.lua: extends leases of one shard. A lease is never made shorter.
--
-- KEYS  1 leases  2.. heads, one per lease
-- ARGV  1 lease (us)  2.. for each head: run, epoch, owner
-- Answer  {"ok", now (us), until (us; 0: lost), tail, claims, until, …}, in order
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local answer = {'ok', now}
for i = 2, #KEYS do
  local run, epoch, owner = ARGV[3 * i - 4], ARGV[3 * i - 3], ARGV[3 * i - 2]
  local h = redis.call('HMGET', KEYS[i], 'epoch', 'owner', 'until', 'tail', 'claims', 'ended')
  local till = 0
  if h[1] == epoch and h[2] == owner then
    till = math.max(tonumber(h[3]), now + tonumber(ARGV[1]))
    redis.call('HSET', KEYS[i], 'until', string.format('%.0f', till))
    if h[6] ~= '1' then redis.call('ZADD', KEYS[1], string.format('%.0f', till), run) end
  end
  answer[#answer + 1] = till
  answer[#answer + 1] = tonumber(h[4] or 0)
  answer[#answer + 1] = tonumber(h[5] or 0)
end
return answer
