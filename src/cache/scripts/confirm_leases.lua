-- Connections of one user that were seen: each holds or regains its lease. Returns those that wait for their kick.
-- KEYS[1] the user's leases. ARGV: the key's lifetime in milliseconds, then for each: state l|k, id, device, node, since,
-- until, addr|-. State k marks it: from here on it counts nowhere. One that is only now heard of, though newer ones have
-- taken all its device's room on its node, was admitted before a flush: it waits for its kick, too.
local key, pending = KEYS[1], {}
local form = '^(%a) (%d+) (%d+) (%d+) (%d+) (%S+) (%S+)$'

local function has_lost_its_place(device, node)
  local newer, room = 0, nil
  for _, value in ipairs(redis.call('HVALS', key)) do
    local s, d, n, _, _, _, r = string.match(value, form)
    r = tonumber(r)
    if s == 'l' and d == device and n == node and r then
      newer, room = newer + 1, math.min(r, room or r)
    end
  end
  return room and newer >= room
end

for i = 2, #ARGV, 7 do
  local state, id, device, node = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local since, til, addr = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local room = '-'
  local s, _, _, at, t, a, r = string.match(redis.call('HGET', key, id) or '', form)
  if s then
    if s == 'k' then state = 'k' end
    if tonumber(t) > tonumber(til) then til = t end
    since, addr, room = at, a, r
  elseif state == 'l' and has_lost_its_place(device, node) then
    state = 'k'
  end
  redis.call('HSET', key, id, table.concat({ state, device, node, since, til, addr, room }, ' '))
  if state == 'k' then pending[#pending + 1] = id end
end
if redis.call('PTTL', key) < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', key, ARGV[1])
end
return pending
