-- One more failure. KEYS[1] `<locked until> <failures>`; ARGV: now (ms), how long it is remembered (ms), then how long each
-- further failure locks (ms), the last one for all after it.
local now = tonumber(ARGV[1])
local failures = tonumber((redis.call('GET', KEYS[1]) or '0 0'):match('%d+ (%d+)')) + 1
local lock = tonumber(ARGV[math.min(failures, #ARGV - 2) + 2])
redis.call('SET', KEYS[1], string.format('%.0f %d', now + lock, failures), 'PX', ARGV[2])
return 1
