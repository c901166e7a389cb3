-- Prune, count, decide, lease: the same rules as admission/concurrency/user.rs, over one user's hash.
-- KEYS[1] the user's leases, KEYS[2] the lease space. Fields: connection id -> "<l|k> device node since until addr|- room|-" (l: leased,
-- k: kick pending; room: how many of the device its node takes before the oldest gives way),
-- "!device" -> "braked-until struck struck struck". Times are microseconds.
-- ARGV: now, id, device, node, addr|-, max_connections, refuse 0|1, online limit or empty, lease time, brake time,
-- displacements allowed within the brake time, the space by which the caller knows who is online, bound 0|1: whether
-- nothing is to be decided in another one.
-- Answers whether that space stands here (here|elsewhere), then the decision.
local key, now = KEYS[1], tonumber(ARGV[1])
local id, device, node, addr = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local max, refuse, limit = tonumber(ARGV[6]), ARGV[7] == '1', tonumber(ARGV[8])
local lease_time, brake_time, allowed = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])

-- In here and not beside it: between two commands Redis may be emptied.
local where = redis.call('GET', KEYS[2]) == ARGV[12] and 'here' or 'elsewhere'
if where == 'elsewhere' and ARGV[13] == '1' then
  return { where, 'nothing' }
end

local conflicts, devices, online, brake = {}, {}, 0, nil
local fields = redis.call('HGETALL', key)
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if string.sub(name, 1, 1) == '!' then
    if string.sub(name, 2) == device then brake = value end
  else
    local state, d, n, since, til, a = string.match(value, '^(%a) (%d+) (%d+) (%d+) (%d+) (%S+) %S+$')
    if not state or tonumber(til) <= now then
      redis.call('HDEL', key, name)
    elseif state == 'l' and name ~= id then
      if not devices[d] then
        devices[d], online = true, online + 1
      end
      if d == device and (n == node or (a ~= '-' and addr ~= '-' and a ~= addr)) then
        conflicts[#conflicts + 1] = { name = name, node = n, since = since, til = til, addr = a, at = tonumber(since) }
      end
    end
  end
end

if limit and not devices[device] and online >= limit then
  return { where, 'device_limit' }
end

local answer, excess = { where, 'leased' }, #conflicts + 1 - max
if excess > 0 then
  if refuse then
    return { where, 'device_concurrency' }
  end
  -- A reconnect replaces its own ghost before anybody else's connection; then the oldest.
  table.sort(conflicts, function(a, b)
    if (a.addr == addr) ~= (b.addr == addr) then return a.addr == addr end
    if a.at ~= b.at then return a.at < b.at end
    return a.name < b.name
  end)
  local between_addresses = false
  for i = 1, excess do
    local a = conflicts[i].addr
    between_addresses = between_addresses or (a ~= '-' and addr ~= '-' and a ~= addr)
  end
  if between_addresses then
    local times = {}
    for time in string.gmatch(brake or '0', '%d+') do times[#times + 1] = tonumber(time) end
    if now < times[1] then
      return { where, 'device_concurrency' }
    end
    local struck = {}
    for i = 2, #times do
      if now < times[i] + brake_time then struck[#struck + 1] = string.format('%.0f', times[i]) end
    end
    if #struck >= allowed then
      redis.call('HSET', key, '!' .. device, string.format('%.0f', now + brake_time))
      return { where, 'device_concurrency', 'braked_now' }
    end
    struck[#struck + 1] = string.format('%.0f', now)
    redis.call('HSET', key, '!' .. device, '0 ' .. table.concat(struck, ' '))
  end
  for i = 1, excess do
    local c = conflicts[i]
    redis.call('HSET', key, c.name, table.concat({ 'k', device, c.node, c.since, c.til, c.addr, '-' }, ' '))
    answer[#answer + 1] = c.node
    answer[#answer + 1] = c.name
  end
end

local til = string.format('%.0f', now + lease_time)
redis.call('HSET', key, id, table.concat({ 'l', device, node, ARGV[1], til, addr, refuse and '-' or max }, ' '))
redis.call('PEXPIRE', key, math.ceil(lease_time / 1000))
return answer
