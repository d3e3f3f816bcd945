-- Says at the end what was counted, as one JSON object.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50_us": %.1f,'
      .. ' "errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.duration, latency:percentile(50),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
