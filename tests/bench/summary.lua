-- Says at the end what was counted, as one JSON object.
local ffi = require "ffi"
ffi.cdef [[
  typedef struct { long seconds, microseconds; } bench_time;
  int gettimeofday(bench_time *time, void *zone);
]]
local threads = {}

local function now()
  local time = ffi.new("bench_time")
  ffi.C.gettimeofday(time, nil)
  return tonumber(time.seconds) * 1e6 + tonumber(time.microseconds)
end

function setup(thread)
  threads[#threads + 1] = thread
end

-- To be called in `init`: the time ends with the last answer, and what comes of the requests that are then under way
-- is left out. Where answers are few, they would count as time without an answer.
function until_last_answer()
  function response()
    last = now()
  end
end

function done(summary, latency)
  local ended, took = now(), summary.duration
  for _, thread in ipairs(threads) do
    took = math.min(took, summary.duration - (ended - (thread:get("last") or ended)))
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50_us": %.1f,'
      .. ' "errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, took, latency:percentile(50),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
