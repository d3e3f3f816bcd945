-- wrk … URL -- BODY NUMBER: posts BODY again and again, with the next number for the %d in it.
require "summary"
local body, number

function init(args)
  body, number = args[1], tonumber(args[2])
end

function request()
  number = number + 1
  return wrk.format("POST", nil, nil, string.format(body, number))
end
