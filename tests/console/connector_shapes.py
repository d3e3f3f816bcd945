"""Connectors of every shape that an API page has to show."""

import json

from gateway.connectors.fieldtypes.scalars import SCALARS

#: Every type, names and values that each language must quote, and a path of two parts.
THINGS = r"""
path: /shop/things
description: Things.
fields:
  id: {type: integer, examples: [7009]}
  big: {type: integer, nullable: true, examples: [9007199254740993]}
  "it's a \"name\", <b>": {type: string, default: "x'y\"z $HOME `w` ${a} \\ #(lf) </code>"}
  amount: {type: "decimal(38, 4)", examples: [12345678901234567890.1234]}
  two words: {type: string, nullable: true}
  paid: {type: boolean, default: false}
  at: timestamp
  day: {type: date, nullable: true}
  clock: time
  local: datetime
  uuid: uuid
  ratio: {type: number, examples: [0.1]}
  tags: {type: "string[]", examples: [["a, b", "c\"d"]]}
  amounts: {type: "decimal(38, 2)[]", nullable: true, examples: [[12345678901234567890.12]]}
  extra: {type: json, nullable: true, examples: [{"__proto__": 1, "a": [1, "x", null]}]}
access: {read: [etl], ingest: [etl], change: [admin]}
"""
OPEN = (
    THINGS.replace("/shop/things", "/open-things")
    .replace("[etl]", "[public]", 1)
    .replace("ingest: [etl], ", "")
)
DROP = r"""
fields:
  sku: {type: string, max_length: 3, pattern: "^[a-z]+$", examples: [abc]}
  pieces: {type: integer, minimum: 1}
  weights: "number[]"
  note: {type: string, nullable: true, examples: [""]}
primary_key: [sku]
on_conflict: replace
idempotency: required
access: {ingest: [etl], change: [admin]}
"""
#: Values at the ends of their types, and text that no language may change.
EDGES = r"""
fields:
  text: {type: string, examples: ["@line 1\nSQL\n\tROWS\r\n'\"`$(x)${y}\\ \u2028 é 😀 "]}
  empty: {type: string, examples: [""]}
  least: {type: integer, examples: [-9223372036854775808]}
  tiny: {type: number, examples: [5.0e-324]}
  huge: {type: number, examples: [1.7976931348623157e+308]}
  whole: {type: number, examples: [5]}
  cents: {type: "decimal(4, 2)", examples: [-0.10]}
  none: {type: json, nullable: true, examples: [null]}
  word: {type: json, examples: ["a \"word\""]}
  mixed: {type: json, examples: [[1, "a", null, {"b": [true]}]]}
  flags: {type: "boolean[]", examples: [[true, false]]}
  nothing: {type: "string[]", examples: [[]]}
  instants: {type: "timestamp[]", examples: [["2026-11-23T08:30:00.123456Z"]]}
access: {ingest: [etl], change: [admin]}
"""
#: Only read, with a former name, and a field whose example cannot be made up.
NARROW = r"""
description: |
  A first line, which is long enough to be broken on a phone, with <b>no</b> HTML & no `code` in it.
  A second line.
fields:
  code: {type: string, pattern: "^(?:AB|CD)[0-9]{7}$", description: "Two letters, and <i>seven</i> digits."}
  select: {type: integer, description: A word of the dialect.}
  format: {type: string, nullable: true}
  title: {type: string, nullable: true, renamed_from: name}
access: {read: [guest], ingest: [etl]}
on_invalid: keep
keep_at_most: 5%
read_limit: 100
retention: {days: 30, rows: 1000}
limits: {rows_per_second: 5000, requests_per_second: 1000}
"""
WIDE = json.dumps(
    {
        "description": "Wide. " * 200,
        "fields": {
            f"field_{number:03}": {
                "type": [*SCALARS, "string[]"][number % 11],
                "nullable": number % 3 == 0,
                "description": f"The field of number {number}. " * (number % 20),
            }
            for number in range(200)
        },
        "primary_key": ["field_001"],
        "access": {"read": ["public"], "ingest": ["etl"], "change": ["etl"]},
    }
)
CONNECTORS = {"things": THINGS, "open": OPEN, "drop": DROP, "edges": EDGES, "narrow": NARROW, "wide": WIDE}
