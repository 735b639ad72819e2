-- Sends the requests of a file in turn (see request.ts), again from the first when they run out.
local requests = {}
local at = 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for size in file:lines() do requests[#requests + 1] = file:read(tonumber(size)) end
  file:close()
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
