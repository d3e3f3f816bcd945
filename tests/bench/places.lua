-- wrk … URL -- PATH ROWS FIRST STRIDE PLACES FEW: gets PATH, with a place and the one ROWS after it for the %d in it.
-- Each place is STRIDE after the one before, round and round among 1 to PLACES.
-- FEW is `few` where there will be few answers.
require "summary"
local path, rows, place, stride, places

function init(args)
  path = args[1]
  rows, place, stride, places = tonumber(args[2]), tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  if args[6] == "few" then until_last_answer() end
end

function request()
  place = (place + stride) % places
  return wrk.format("GET", string.format(path, place + 1, place + 1 + rows))
end
