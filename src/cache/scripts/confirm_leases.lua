-- Connections of one user that were seen: each holds or regains its lease. Returns those that wait for their kick.
-- KEYS[1] the user's leases. ARGV: the key's lifetime in milliseconds, then for each: state l|k, id, device, node, since,
-- until, addr|-. State k marks it: from here on it counts nowhere.
local key, pending = KEYS[1], {}
for i = 2, #ARGV, 7 do
  local state, id, device, node = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local since, til, addr = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local value = redis.call('HGET', key, id)
  if value then
    local s, d, n, at, t, a = string.match(value, '^(%a) (%d+) (%d+) (%d+) (%d+) (%S+)$')
    if s then
      if s == 'k' then state = 'k' end
      if tonumber(t) > tonumber(til) then til = t end
      since, addr = at, a
    end
  end
  redis.call('HSET', key, id, table.concat({ state, device, node, since, til, addr }, ' '))
  if state == 'k' then pending[#pending + 1] = id end
end
if redis.call('PTTL', key) < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', key, ARGV[1])
end
return pending
