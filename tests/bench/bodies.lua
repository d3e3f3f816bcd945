-- wrk … URL -- FILE…: posts the files in turn.
require "summary"
local requests, turn = {}, 0

function init(args)
  until_last_answer()
  for place, path in ipairs(args) do
    local file = assert(io.open(path, "rb"))
    requests[place] = wrk.format("POST", nil, nil, file:read("*a"))
    file:close()
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
