-- Like requests.lua, but each request spends a refresh token, which is its end. The successor that the answer brings
-- takes its place at the end of the queue; by its family it is known whose it is.
local before = {}
local queue, first, last = {}, 1, 0

local function familyOf(token) return token:sub(9, 24) end

local function wait(request)
  last = last + 1
  queue[last] = request
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for size in file:lines() do
    local request = file:read(tonumber(size))
    local head, token = request:match("^(.*refresh_token=)(kr_.*)$")
    before[familyOf(token)] = head
    wait(request)
  end
  file:close()
end

function request()
  local next = queue[first]
  queue[first] = nil
  first = first + 1
  return next
end

function response(status, headers, body)
  local token = body:match('"refresh_token":"([^"]+)"')
  if token then wait(before[familyOf(token)] .. token) end
end

function done(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
