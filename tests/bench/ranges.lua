-- wrk … URL -- PATH ROWS FIRST STRIDE PLACES: gets PATH with the ends of a range for the two %d in it.
-- The place of a range is STRIDE after that of the last, round and round among PLACES.
require "summary"
local path, rows, place, stride, places

function init(args)
  path = args[1]
  rows, place, stride, places = tonumber(args[2]), tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
end

function request()
  place = (place + stride) % places
  return wrk.format("GET", string.format(path, place + 1, place + 1 + rows))
end
