-- Sends the requests of a file in turn, one per line: Authorization header, tab, form. Path and Host by arguments.
local requests = {}
local at = 0

function init(args)
  local path, host, file = args[1], args[2], args[3]
  for line in io.lines(file) do
    local authorization, form = line:match("^([^\t]*)\t(.*)$")
    local headers = { ["Host"] = host, ["Content-Type"] = "application/x-www-form-urlencoded" }
    if authorization ~= "" then headers["Authorization"] = authorization end
    requests[#requests + 1] = wrk.format("POST", path, headers, form)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
