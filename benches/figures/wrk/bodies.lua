-- Requests from a file, one a line: path, Basic credentials, body; or path, bearer token, GET. All are formatted before the clock starts, so that the
-- generator costs the same for every server. Second argument "close": each request on a connection of its own.
local requests, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local path, basic, body = line:match("^(%S+) (%S+) (.*)$")
    local headers, method = { ["Authorization"] = "Basic " .. basic, ["Content-Type"] = "application/json" }, "POST"
    if body == "GET" then
      headers, method, body = { ["Authorization"] = "Bearer " .. basic }, "GET", nil
    end
    if args[2] == "close" then headers["Connection"] = "close" end
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end
  at = tonumber(args[3] or "0") % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary)
  local e = summary.errors
  io.write(string.format(
    '\nfigures {"requests":%d,"micros":%d,"errors":%d}\n', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end
