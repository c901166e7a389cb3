-- GCRA. KEYS[1] the theoretical arrival time; ARGV: now, interval (microseconds), burst, 1 to take or -1 to give back.
-- Answers {1, 0}, or {0, microseconds until one more would be let through}.
local now, interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stored = tonumber(redis.call('GET', KEYS[1]) or 0)
-- a minute further ahead than anybody writes it: a clock was set back since
if stored > now + burst * interval + 60000000 then
    stored = 0
end
local arrival = math.max(stored, now)
local next = arrival + interval * tonumber(ARGV[4])
if next - now > burst * interval then
    return {0, next - burst * interval - now}
end
if next <= now then
    redis.call('DEL', KEYS[1])
else
    redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
end
return {1, 0}
