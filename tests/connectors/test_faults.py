"""Faults of YAML in connector files: each is told in plain words, at its place, with its fix."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors import plan
from gateway.connectors.directory import ConnectorFile

#: A text, and its findings as `line:column: message (hint)`; the code is GW502 where none is written.
CASES: dict[str, tuple[bytes, list[str]]] = {
    "keys behind a type": (
        b"fields:\n  a: string, nullable: true\n  b: decimal(12, 2), nullable: true\n",
        [
            "2:6: keys stand behind the type of 'a' (write a: {type: string, nullable: true})",
            "3:6: keys stand behind the type of 'b' (write b: {type: \"decimal(12, 2)\", nullable: true})",
        ],
    ),
    "colon behind a type": (
        b"fields:\n  a: string:\n",
        ["2:6: a colon stands behind the type of 'a' (write a: string)"],
    ),
    "code fence": (
        b"```yaml\nfields:\n  a: string\n```\n",
        [" the file begins with a code fence of Markdown (delete the lines with ```)"],
    ),
    "diff": (
        b"--- a/x.yaml\n+++ b/x.yaml\n@@ -1 +1 @@\n",
        [" the file is a diff, not YAML (put the changed file itself there)"],
    ),
    "tab": (
        b"fields:\n\tid: integer\n",
        [
            "2:1: YAML is indented with blanks; line 2 begins with a tab (write two blanks for each tab)",
        ],
    ),
    "tab2": (
        b"fields:\n  id: integer\n\tname: string\n",
        [
            "3:1: YAML is indented with blanks; line 3 begins with a tab (write two blanks for each tab)",
        ],
    ),
    "tab_mixed": (
        b"fields:\n  a:\n  \ttype: string\n",
        [
            "3:3: YAML is indented with blanks; line 3 has a tab in its indentation (write two blanks for each tab)",
        ],
    ),
    "tab_mixed2": (
        b"fields:\n  a: integer\n  \tb: string\n",
        [
            "3:3: YAML is indented with blanks; line 3 has a tab in its indentation (write two blanks for each tab)",
        ],
    ),
    "tab_list": (
        b"fields:\n  id: integer\nprimary_key:\n-\tid\n",
        [
            "4:2: a tab stands after '-' (write a blank in its place)",
        ],
    ),
    "crlf_tab": (
        b"fields:\r\n\tid: integer\r\n",
        [
            "2:1: YAML is indented with blanks; line 2 begins with a tab (write two blanks for each tab)",
        ],
    ),
    "cr_tab": (
        b"fields:\r\tid: integer\r",
        [
            "2:1: YAML is indented with blanks; line 2 begins with a tab (write two blanks for each tab)",
        ],
    ),
    "tab_only_line": (
        b"fields:\n  a: integer\n\t\n  b: string\n",
        [
            "3:1: YAML is indented with blanks; line 3 begins with a tab (write two blanks for each tab)",
        ],
    ),
    "merge": (
        b"<<<<<<< HEAD\nfields:\n  id: integer\n=======\nfields:\n  id: string\n>>>>>>> x\n",
        [
            "1:1: the marks of a merge conflict stand here, from line 1 to line 7 (keep one of the two sides, and delete the lines with <<<<<<<, ======= and >>>>>>>)",
        ],
    ),
    "merge_mid": (
        b"fields:\n<<<<<<< HEAD\n  id: integer\n=======\n  id: string\n>>>>>>> x\n",
        [
            "2:1: the marks of a merge conflict stand here, from line 2 to line 6 (keep one of the two sides, and delete the lines with <<<<<<<, ======= and >>>>>>>)",
        ],
    ),
    "merge_diff3": (
        b"fields:\n<<<<<<< HEAD\n  id: integer\n||||||| base\n  id: number\n=======\n  id: string\n>>>>>>> x\n",
        [
            "2:1: the marks of a merge conflict stand here, from line 2 to line 8 (keep one of the two sides, and delete the lines with <<<<<<<, ======= and >>>>>>>)",
        ],
    ),
    "merge_tail": (
        b"fields:\n  id: integer\n>>>>>>> feature\n",
        [
            "3:1: a mark of a merge conflict stands here (delete the line)",
        ],
    ),
    "uq_double": (
        b'fields:\n  id: {type: string, description: "the id}\n  b: integer\n',
        [
            '2:35: the quote " that opens here is never closed (close it behind its text; a " inside is written \\")',
        ],
    ),
    "uq_double2": (
        b'description: "shop orders\nfields:\n  id: integer\n',
        [
            '1:14: the quote " that opens here is never closed (close it behind its text; a " inside is written \\")',
        ],
    ),
    "uq_single": (
        b"description: 'shop orders\nfields:\n  id: integer\n",
        [
            "1:14: the quote ' that opens here is never closed (close it behind its text; a ' inside is written '')",
        ],
    ),
    "uq_single_apos": (
        b"description: 'it's the shop'\nfields:\n  id: integer\n",
        [
            "1:17: a ' stands inside text in ', and ends it (write \"it's the shop\", or '' for the one inside)",
        ],
    ),
    "dq_inside": (
        b'description: "the "big" shop"\nfields:\n  id: integer\n',
        [
            '1:19: a " stands inside text in ", and ends it (write \'the "big" shop\', or \\" for the one inside)',
        ],
    ),
    "quote_mid": (
        b"fields:\n  a: {type: string, pattern: '[a-z]'+}\n",
        [
            "2:37: the text + stands behind the closing ' (take it into the quotes, or delete it)",
        ],
    ),
    "key_quote": (
        b"fields:\n  'a: integer\n",
        [
            "2:3: the quote ' that opens here is never closed (close it behind its text; a ' inside is written '')",
        ],
    ),
    "ub": (
        b"fields:\n  id: {type: integer\n  b: string\n",
        [
            "2:7: the { that opens here is never closed (close it with })",
        ],
    ),
    "ub2": (
        b"fields:\n  id: integer\nprimary_key: [id\non_conflict: replace\n",
        [
            "3:14: the [ that opens here is never closed (close it with ])",
        ],
    ),
    "ub_eof": (
        b"fields:\n  id: {type: integer\n",
        [
            "2:7: the { that opens here is never closed (close it with })",
        ],
    ),
    "open_end": (
        b"fields: {a: [\n",
        [
            "1:9: the { that opens here is never closed (close it with })",
            "1:13: the [ that opens here is never closed (close it with ])",
            "1:13: error GW505: field 'a': [] is not a type (write a: string, for one)",
        ],
    ),
    "open_end2": (
        b"fields:\n  a: {type: string, enum: [a, b}\n",
        [
            "2:6: the { that opens here is never closed (close it with })",
            "2:32: a } stands where the [ before it needs its ] (close [ with ])",
        ],
    ),
    "extra_bracket": (
        b"fields:\n  id: {type: integer}}\n",
        [
            "2:22: the } here closes nothing that is open (delete it, or put the value in quotes)",
        ],
    ),
    "extra_sq": (
        b"fields:\n  id: integer\nprimary_key: [id]]\n",
        [
            "3:18: the ] here closes nothing that is open (delete it, or put the value in quotes)",
        ],
    ),
    "wrong_close": (
        b"fields:\n  id: {type: integer]\n",
        [
            "2:21: a ] stands where the { before it needs its } (close { with })",
        ],
    ),
    "braces_block": (
        b"fields: {\n  a: integer\n  b: string\n}\n",
        [
            "2:12: no comma stands at the end of line 2 (write a comma behind each value but the last, or leave the brackets out)",
        ],
    ),
    "esc_d": (
        b'fields:\n  b: {type: string, pattern: "^[A-Z]\\d+$"}\n',
        [
            "2:37: in double quotes a backslash is \\\\, and \\d means nothing there (write the pattern in single quotes)",
        ],
    ),
    "esc_w": (
        b'fields:\n  b:\n    type: string\n    pattern: "\\w+"\n',
        [
            "4:15: in double quotes a backslash is \\\\, and \\w means nothing there (write the pattern in single quotes)",
        ],
    ),
    "esc_s": (
        b'fields:\n  b: {type: string, pattern: "a\\.b"}\n',
        [
            "2:32: in double quotes a backslash is \\\\, and \\. means nothing there (write the pattern in single quotes)",
        ],
    ),
    "esc_path": (
        b'description: "C:\\data\\users"\nfields:\n  b: string\n',
        [
            "1:17: in double quotes a backslash is \\\\, and \\d means nothing there (write the description in single quotes)",
        ],
    ),
    "esc_x": (
        b'description: "\\xZZ"\nfields:\n  b: string\n',
        [
            "1:15: in double quotes a backslash is \\\\, and \\x means nothing there (write the description in single quotes)",
        ],
    ),
    "esc_u": (
        b'description: "C:\\users"\nfields:\n  b: string\n',
        [
            "1:17: in double quotes a backslash is \\\\, and \\u means nothing there (write the description in single quotes)",
        ],
    ),
    "esc_U": (
        b'description: "\\UFFFFFFFF"\nfields:\n  b: string\n',
        [
            "1:15: \\UFFFFFFFF is no character: the last one is \\U0010FFFF (write a backslash as \\\\, or use single quotes)",
        ],
    ),
    "abc": (
        b"fields:\n  id: integer\ndescription: a: b: c\n",
        [
            "3:14: the value of 'description' has a colon and a blank in it, which would begin another value (put the value in quotes: 'a: b: c')",
        ],
    ),
    "abc2": (
        b"description: Orders: nightly\nfields:\n  id: integer\n",
        [
            "1:14: the value of 'description' has a colon and a blank in it, which would begin another value (put the value in quotes: 'Orders: nightly')",
        ],
    ),
    "abc3": (
        b"fields:\n  id: type: integer\n",
        [
            "2:7: a second key stands in the line of 'id' (write id: {type: integer})",
        ],
    ),
    "abc_desc_time": (
        b"fields:\n  a: {type: string, description: Note: this}\n",
        [
            "2:34: the value has a colon and a blank in it, which would begin another value (put the value in quotes: 'Note: this')",
        ],
    ),
    "nbsp": (
        b"fields:\n  id:\xc2\xa0 integer\n",
        [
            "2:6: the blank after 'id:' is a no-break space (U+00A0) (write a common blank in its place)",
        ],
    ),
    "nbsp2": (
        b"fields:\n  id:\xc2\xa0integer\n",
        [
            "2:6: the blank after 'id:' is a no-break space (U+00A0) (write a common blank in its place)",
        ],
    ),
    "nbsp_indent": (
        b"fields:\n\xc2\xa0\xc2\xa0id: integer\n",
        [
            "2:1: line 2 is indented with a no-break space (U+00A0) (write a common blank in its place)",
        ],
    ),
    "nbsp_indent2": (
        b"fields:\n  id: integer\n\xc2\xa0 b: integer\n",
        [
            "3:1: line 3 is indented with a no-break space (U+00A0) (write a common blank in its place)",
        ],
    ),
    "nbsp_key": (
        b"fields:\n  id\xc2\xa0: integer\n",
        [
            "2:5: a no-break space (U+00A0) stands in 'id' (write a common blank in its place)",
        ],
    ),
    "nbsp_list": (
        b"fields:\n  id: integer\nprimary_key:\n  -\xc2\xa0id\n",
        [
            "4:4: the blank after '-' is a no-break space (U+00A0) (write a common blank in its place)",
        ],
    ),
    "nbsp_flow": (
        b"fields:\n  id: {type:\xc2\xa0string}\n",
        [
            "2:13: the blank after 'type:' is a no-break space (U+00A0) (write a common blank in its place)",
        ],
    ),
    "emsp": (
        b"fields:\n  id:\xe2\x80\x83integer\n",
        [
            "2:6: the blank after 'id:' is an em space (U+2003) (write a common blank in its place)",
        ],
    ),
    "zwsp": (
        b"fields:\n  id: integer\xe2\x80\x8b\n",
        [
            "2:14: a zero width space (U+200B) stands in 'integer' (delete it)",
        ],
    ),
    "zwsp_key": (
        b"fi\xe2\x80\x8belds:\n  id: integer\n",
        [
            "1:3: a zero width space (U+200B) stands in 'fields' (delete it)",
        ],
    ),
    "bom_mid": (
        b"fields:\n  id: integer\n\xef\xbb\xbfaccess: {read: [public]}\n",
        [
            "3:1: line 3 begins with a zero width no-break space (U+FEFF) (delete it)",
        ],
    ),
    "ideographic": (
        b"fields:\n  id:\xe3\x80\x80integer\n",
        [
            "2:6: the blank after 'id:' is an ideographic space (U+3000) (write a common blank in its place)",
        ],
    ),
    "fullcolon": (
        b"fields\xef\xbc\x9a\n  id\xef\xbc\x9a integer\n",
        [
            "1:7: the fullwidth colon (U+FF1A) is no ':' for YAML (write : in its place)",
            "2:5: the fullwidth colon (U+FF1A) is no ':' for YAML (write : in its place)",
        ],
    ),
    "smart_quotes": (
        b"fields:\n  b: {type: string, pattern: \xe2\x80\x9c^[A-Z]+$\xe2\x80\x9d}\n",
        [
            "2:30: the left double quotation mark (U+201C) is no quote for YAML (write \" or ' in its place)",
        ],
    ),
    "smart_single": (
        b"fields:\n  b: {type: string, enum: [\xe2\x80\x98a\xe2\x80\x99, \xe2\x80\x98b\xe2\x80\x99]}\n",
        [
            "2:28: warning GW502: the left single quotation mark (U+2018) is a part of the value, for it is no quote for YAML (write \" or ' in its place)",
            "2:33: warning GW502: the left single quotation mark (U+2018) is a part of the value, for it is no quote for YAML (write \" or ' in its place)",
        ],
    ),
    "indent1": (
        b"fields:\n  id: integer\n   name: string\n",
        [
            "3:4: line 3 is indented deeper than 'id' above it, which has its value integer already (indent it by 2 blanks, as 'id')",
        ],
    ),
    "indent2": (
        b"fields:\n  id: integer\n name: string\n",
        [
            "3:2: line 3 is indented by 1 blank; the lines above it by 0 or 2 (indent it by 2 blanks, as 'id')",
        ],
    ),
    "indent3": (
        b"fields:\n    id: integer\n  name: string\n",
        [
            "3:3: line 3 is indented by 2 blanks; the lines above it by 0 or 4 (indent it by 4 blanks, as 'id')",
        ],
    ),
    "indent4": (
        b"description: x\n  fields:\n    id: integer\n",
        [
            "2:3: line 2 is indented deeper than 'description' above it, which has its value x already (indent it by no blanks, as 'description')",
        ],
    ),
    "indent5": (
        b" description: x\nfields:\n  id: integer\n",
        [
            "1:2: line 1 is indented, but line 2 is not (indent it by no blanks, as the other keys)",
        ],
    ),
    "indent8": (
        b"access:\n  read: [public]\n   ingest: [etl]\nfields:\n  id: integer\n",
        [
            "3:4: line 3 is indented by 3 blanks; the lines above it by 0 or 2 (indent it by 2 blanks, as 'read')",
        ],
    ),
    "noblank": (
        b"fields:\n  id:integer\n",
        [
            "2:6: no blank stands after 'id:' (write id: integer)",
        ],
    ),
    "noblank_top": (
        b"fields:\n  id: integer\non_conflict:replace\n",
        [
            "3:13: no blank stands after 'on_conflict:' (write on_conflict: replace)",
            "3:13: error GW505: on_conflict needs a primary_key (write primary_key: [FIELD], or leave it out)",
        ],
    ),
    "noblank_flow": (
        b"fields:\n  id: {type:string}\n",
        [
            "2:13: no blank stands after 'type:' (write type: string)",
        ],
    ),
    "noblank_all": (
        b"fields:\n  id:integer\n  name:string\n",
        [
            "2:6: no blank stands after 'id:' (write id: integer)",
            "3:8: no blank stands after 'name:' (write name: string)",
        ],
    ),
    "noblank_dash": (
        b"fields:\n  id: integer\nprimary_key:\n  -id\n",
        [
            "4:4: no blank stands after '-' (write - id)",
        ],
    ),
    "no_colon": (
        b"fields\n  id: integer\n",
        [
            "1:1: no colon stands after 'fields' (write fields: and its value, or indent the lines that belong to it)",
        ],
    ),
    "no_colon2": (
        b"fields:\n  id integer\n",
        [
            "2:3: no colon stands after 'id' (write id: integer)",
        ],
    ),
    "no_colon3": (
        b"fields:\n  id: integer\n  name\n",
        [
            "3:3: 'name' is no key and value: it has no colon (write name: and its value)",
        ],
    ),
    "eq": (
        b"fields:\n  id = integer\n",
        [
            "2:3: no colon stands after 'id' (write id: integer)",
        ],
    ),
    "list_then_map": (
        b"fields:\n  - id: integer\n  name: string\n",
        [
            "3:3: a key stands among the items of a list (write all of them as KEY: VALUE, without the -)",
        ],
    ),
    "dash_val": (
        b"fields: - a: integer\n",
        [
            "1:9: a list with - cannot begin in the line of its key (write [A, B], or each item on a line of its own below the key)",
        ],
    ),
    "pct": (
        b"fields:\n  id: integer\nkeep_at_most: %10\n",
        [
            "3:15: a value without quotes cannot begin with % (put the value in quotes: '%10')",
            "3:15: error GW505: keep_at_most '%10' is neither a number of rows nor a share of them (write one like 100 or 10%)",
            "3:15: error GW505: keep_at_most needs bad rows to be kept (write on_invalid: keep, or leave it out)",
        ],
    ),
    "at": (
        b"description: @shop\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with @ (put the value in quotes: '@shop')",
        ],
    ),
    "btick": (
        b"description: `shop`\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with ` (put the value in quotes: '`shop`')",
        ],
    ),
    "star": (
        b"description: *important*\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with * (put the value in quotes: '*important*')",
        ],
    ),
    "star2": (
        b"description: * all *\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with * (put the value in quotes: '* all *')",
        ],
    ),
    "star_read": (
        b"fields:\n  id: integer\naccess: {read: [*]}\n",
        [
            "3:17: a value without quotes cannot begin with * (for anyone write public; a star as text is written '*')",
            "3:17: error GW505: '*' is not the name of a token (write read: [public])",
        ],
    ),
    "amp": (
        b"description: & more\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with & (put the value in quotes: '& more')",
        ],
    ),
    "amp2": (
        b"description: &more\nfields:\n  id: integer\n",
        [
            "1:14: the anchor '&more' is not read (write the value out where it is used; text is put in quotes: '&more')",
        ],
    ),
    "bang": (
        b"description: !important\nfields:\n  id: integer\n",
        [
            "1:14: the tag '!important' is not read (delete it; text is put in quotes)",
        ],
    ),
    "pipe_mid": (
        b"description: | x\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with | (put the value in quotes: '| x')",
        ],
    ),
    "gt": (
        b"description: > 5 orders\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with > (put the value in quotes: '> 5 orders')",
        ],
    ),
    "q": (
        b"description: ? what\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with ? (put the value in quotes: '? what')",
        ],
    ),
    "comma": (
        b"description: , what\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with , (put the value in quotes: ', what')",
        ],
    ),
    "cbr": (
        b"description: ] what\nfields:\n  id: integer\n",
        [
            "1:14: a value without quotes cannot begin with ] (put the value in quotes: '] what')",
        ],
    ),
    "cp1252": (
        b"description: caf\xe9\nfields:\n  id: integer\n",
        [
            "1:17: the byte 0xE9 is not UTF-8; in Windows-1252 it is 'é' (save the file as UTF-8)",
        ],
    ),
    "cp1252q": (
        b"description: \x93Orders\x94\nfields:\n  id: integer\n",
        [
            "1:14: the byte 0x93 is not UTF-8; in Windows-1252 it is '“' (save the file as UTF-8)",
        ],
    ),
    "utf16le": (
        b"\xff\xfef\x00i\x00e\x00l\x00d\x00s\x00:\x00\n\x00 \x00 \x00i\x00d\x00:\x00 \x00i\x00n\x00t\x00e\x00g\x00e\x00r\x00\n\x00",
        [
            " the file is UTF-16 (save the file as UTF-8)",
        ],
    ),
    "utf16be": (
        b"\xfe\xff\x00f\x00i\x00e\x00l\x00d\x00s\x00:\x00\n\x00 \x00 \x00i\x00d\x00:\x00 \x00i\x00n\x00t\x00e\x00g\x00e\x00r\x00\n",
        [
            " the file is UTF-16 (save the file as UTF-8)",
        ],
    ),
    "utf16nobom": (
        b"f\x00i\x00e\x00l\x00d\x00s\x00:\x00\n\x00 \x00 \x00i\x00d\x00:\x00 \x00i\x00n\x00t\x00e\x00g\x00e\x00r\x00\n\x00",
        [
            " the file is UTF-16 without a byte order mark (save the file as UTF-8)",
        ],
    ),
    "utf32": (
        b"\xff\xfe\x00\x00f\x00\x00\x00i\x00\x00\x00e\x00\x00\x00l\x00\x00\x00d\x00\x00\x00s\x00\x00\x00:\x00\x00\x00\n\x00\x00\x00 \x00\x00\x00 \x00\x00\x00i\x00\x00\x00d\x00\x00\x00:\x00\x00\x00 \x00\x00\x00i\x00\x00\x00n\x00\x00\x00t\x00\x00\x00e\x00\x00\x00g\x00\x00\x00e\x00\x00\x00r\x00\x00\x00\n\x00\x00\x00",
        [
            " the file is UTF-32 (save the file as UTF-8)",
        ],
    ),
    "nul": (
        b"fields:\n  id: integer\n\x00\x00\x00",
        [
            "3:1: the NUL (U+0000) is not allowed in YAML; the file has 3 characters of this kind (save the file again as text in UTF-8)",
        ],
    ),
    "nul2": (
        b"fields:\n  i\x00d: integer\n",
        [
            "2:4: the NUL (U+0000) is not allowed in YAML (save the file again as text in UTF-8)",
        ],
    ),
    "bel": (
        b"description: \x07\x1b[31mred\nfields:\n  id: integer\n",
        [
            "1:14: the BEL (U+0007) is not allowed in YAML; the file has 2 characters of this kind (delete it, or write \\x07 in double quotes)",
        ],
    ),
    "hash": (
        b"fields:\n  b: {type: string, pattern: ^#[0-9]+$}\n",
        [
            "2:30: the value has a [ in it (put the value in quotes: '^#[0-9]+$')",
        ],
    ),
    "hash2": (
        b"fields:\n  b: {type: string, description: order # of}\n",
        [
            "2:40: the # here begins a comment, which hides the rest of the line and its closing bracket (put the text in quotes: 'order # of')",
        ],
    ),
    "hash5": (
        b"fields:\n  b: {type: string, enum: [#a, #b]}\n",
        [
            "2:28: the # here begins a comment, which hides the rest of the line and its closing bracket (put the text in quotes: '#a')",
            "2:32: the # here begins a comment, which hides the rest of the line and its closing bracket (put the text in quotes: '#b')",
        ],
    ),
    "hash_null": (
        b"description: #shop\nfields:\n  a: string\n",
        [
            "1:13: error GW505: description null is not text (a # behind a blank begins a comment: put the value in quotes, as in '#shop')",
        ],
    ),
    "hash_pattern": (
        b"fields:\n  a:\n    type: string\n    pattern: #[0-9]+\n",
        [
            "4:13: error GW505: a.pattern null is not a string (a # behind a blank begins a comment: put the value in quotes, as in '#[0-9]+')",
        ],
    ),
    "hash_cut": (
        b"description: order #1\nfields:\n  a:\n    type: string\n    pattern: a #b\n",
        [
            "1:20: warning GW502: the value of 'description' ends before #1, which is a comment (if it belongs to the value, put quotes around it: 'order #1')",
            "5:16: warning GW502: the value of 'pattern' ends before #b, which is a comment (if it belongs to the value, put quotes around it: 'a #b')",
        ],
    ),
    "dup": (
        b"fields:\n  id: integer\n  id: string\n",
        [
            "3:3: the key 'id' stands here again; it already stands in line 2 (delete one of them, or give it another name)",
        ],
    ),
    "dup_top": (
        b"fields:\n  id: integer\nfields:\n  b: string\n",
        [
            "3:1: the key 'fields' stands here again; it already stands in line 1 (delete one of them, or give it another name)",
        ],
    ),
    "deep": (
        b"fields:\n  id: " + b"[" * 50 + b"]" * 50 + b"\n",
        [
            "2:25: the values are nested deeper than 20 levels (a connector needs a few levels only: is a bracket never closed?)",
        ],
    ),
    "deep2": (
        b"fields:\n  id: " + b"[" * 5000 + b"\n",
        [
            "2:107: the values are nested deeper than 20 levels (a connector needs a few levels only: is a bracket never closed?)",
        ],
    ),
    "deepest": (
        b"[" * 100_000 + b"]" * 100_000,
        [
            "1:101: the values are nested deeper than 20 levels (a connector needs a few levels only: is a bracket never closed?)",
        ],
    ),
    "large": (
        b"#" * 300 * 1024,
        [
            " the file has 307200 bytes; at most 262144 are read (a connector needs a few kilobytes: is this another file?)",
        ],
    ),
    "jinja": (
        b"fields:\n  id: {{ type }}\n",
        [
            "2:7: a template stands here: {{ type }} (the gateway reads finished files: render the template first)",
        ],
    ),
    "jinja2": (
        b"{{- if .Values.x }}\nfields:\n  id: integer\n{{- end }}\n",
        [
            "1:1: a template stands here: {{- if .Values.x }} (the gateway reads finished files: render the template first)",
        ],
    ),
    "jinja3": (
        b"name: {{ name }}\nfields:\n  id: integer\n",
        [
            "1:7: a template stands here: {{ name }} (the gateway reads finished files: render the template first)",
        ],
    ),
    "jinja4": (
        b"{% for f in fields %}\nfields:\n  id: integer\n{% endfor %}\n",
        [
            "1:1: a template stands here: {% for f in fields %} (the gateway reads finished files: render the template first)",
        ],
    ),
    "jinja5": (
        b"name: orders-{{ env }}\nfields:\n  id: integer\n",
        [
            "1:14: a template stands here: {{ env }} (the gateway reads finished files: render the template first)",
        ],
    ),
    "jinja6": (
        b'name: "{{ env }}"\nfields:\n  id: integer\n',
        [
            "1:7: error GW505: the name '{{ env }}' is not a connector name: a to z, 0 to 9, _ and -, at most 63, a letter first (the gateway reads finished files: replace {{ env }} by its value)",
        ],
    ),
    "envvar": (
        b"name: ${NAME}\nfields:\n  id: integer\n",
        [
            "1:7: error GW505: the name '${NAME}' is not a connector name: a to z, 0 to 9, _ and -, at most 63, a letter first (the gateway reads finished files: replace ${NAME} by its value)",
        ],
    ),
    "two_docs": (
        b"fields:\n  a: string\n---\nfields:\n  b: string\n",
        [
            "3:1: a second document starts here (keep one connector a file)",
        ],
    ),
    "mergekey": (
        b"base: &b {a: string}\nfields:\n  <<: *b\n",
        [
            "1:1: error GW503: unknown key 'base' (a connector has name, description, path, fields, access, primary_key, on_conflict, on_invalid, keep_at_most, idempotency, retention, limits, read_limit)",
            "1:7: the anchor '&b' is not read (write the value out where it is used; text is put in quotes: '&b')",
            "3:7: the alias '*b' is not read (write the value out; text is put in quotes: '*b')",
        ],
    ),
    "html": (
        b"<!DOCTYPE html>\n<html><body>404</body></html>\n",
        [
            " the file is an HTML page, not YAML (put the connector file itself there)",
        ],
    ),
    "gzip": (
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03abc",
        [
            " the file is compressed with gzip (put the file itself there: gunzip FILE)",
        ],
    ),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n",
        [
            " the file is a pointer of Git LFS, not the file itself (run git lfs pull)",
        ],
    ),
    "regex_flow": (
        b"fields:\n  a: {type: string, pattern: [A-Z]{3}, nullable: true}\n",
        [
            "2:30: the value has a { in it (put the value in quotes: '[A-Z]{3}')",
        ],
    ),
    "regex_flow2": (
        b"fields:\n  a: {type: string, pattern: ^a{2,3}$, nullable: true}\n",
        [
            "2:30: the value has a { in it (put the value in quotes: '^a{2,3}$')",
        ],
    ),
    "regex_flow3": (
        b"fields:\n  a: {type: string, pattern: (a|b)[0-9]{2}}\n",
        [
            "2:30: the value has a [ in it (put the value in quotes: '(a|b)[0-9]{2}')",
        ],
    ),
    "many": (
        b'fields:\n\ta: integer\n\tb: {type: string, pattern: "\\d"}\n\tc: @x\n\td:string\n',
        [
            "2:1: YAML is indented with blanks; line 2 begins with a tab, and so do 3 more lines (write two blanks for each tab)",
            "3:30: in double quotes a backslash is \\\\, and \\d means nothing there (write the pattern in single quotes)",
            "4:5: a value without quotes cannot begin with @ (put the value in quotes: '@x')",
            "4:5: error GW505: field 'c': '@x' is not a type; use string, integer, number, decimal(p, s), boolean, date, time, timestamp, datetime, uuid, json",
            "5:4: no blank stands after 'd:' (write d: string)",
        ],
    ),
    "colon_first": (
        b": a\nfields:\n  a: integer\n",
        [
            "1:1: a colon stands here without a key before it (write KEY: VALUE)",
        ],
    ),
    "toml": (
        b'[fields]\na = "integer"\n',
        [
            "2:1: the text here does not belong to the keys and values above it (write KEY: VALUE lines alone)",
        ],
    ),
    "jsonc": (
        b'{\n  // shop\n  "fields": {"a": "integer"}\n}\n',
        [
            "2:3: // begins no comment in YAML (write # in its place)",
        ],
    ),
}
#: A file without faults, to be broken at random.
SOUND = b"""description: 'Orders: exported nightly'
fields:
  order_id: integer
  customer: {type: string, max_length: 200, pattern: '^[A-Z]'}
  note:
    type: string
    nullable: true
    enum: [a, "b c", 'd']
access:
  read: [public]
primary_key: [order_id]
"""
#: What nobody who edits YAML should have to read.
INTERNAL = re.compile(
    r"while (?:scanning|parsing)|<block|<stream|found '\?'|could not find|Internal|Error|Exception|Traceback"
)


def findings_of(text: bytes) -> list[str]:
    """Return the findings of a file as the table has them."""
    found = plan.parse_file(ConnectorFile.of("f", text)).findings
    return [str(each).removeprefix("f:").replace("error GW502: ", "") for each in found]


@pytest.mark.parametrize("case", CASES)
def test_fault_names_place_and_fix(case):
    text, expected = CASES[case]

    assert findings_of(text) == expected


@given(
    st.integers(0, len(SOUND)),
    st.integers(0, 3),
    st.text("\t :-#{}[]'\"\\|>*&!%@`,?\u00a0\u200b\u201cab\n<=", max_size=4),
)
def test_broken_file_is_reported_in_plain_words(place, cut, added):
    """Check that for any edit of a file no finding has a parser's words, and each has its place inside the file."""
    text = SOUND[:place] + added.encode() + SOUND[place + cut :]
    lines = text.decode().split("\n")

    for finding in plan.parse_file(ConnectorFile.of("f", text)).findings:
        assert not INTERNAL.search(f"{finding.message} {finding.hint}"), finding
        assert finding.line is None or 1 <= finding.line <= len(lines), finding


@given(st.binary(max_size=60))
def test_random_bytes_are_reported_in_plain_words(text):
    declared = plan.parse_file(ConnectorFile.of("f", text))

    assert declared.connector is None
    assert declared.findings
    for finding in declared.findings:
        assert not INTERNAL.search(f"{finding.message} {finding.hint}"), finding


@given(st.text("\t :-#{}[]'\"\\|>*&!%@`,?\u00a0ab\n", max_size=40))
def test_random_text_is_reported_in_plain_words(text):
    for finding in plan.parse_file(ConnectorFile.of("f", text.encode())).findings:
        assert not INTERNAL.search(f"{finding.message} {finding.hint}"), finding
