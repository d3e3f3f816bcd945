"""Dates, times and UUIDs: one set of spellings for JSON, CSV, filters and connector files, and one value for each."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.connectors import literals
from gateway.connectors.connector_file import parse_connector
from gateway.connectors.fieldtypes.scalars import DOUBLE_MAX, SCALARS
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.lexical_forms import FORMATS
from gateway.connectors.schema import build_field, compile_schema
from gateway.media_types import Media
from tests.ingest.test_columnar import connector_of, require_equal
from tests.support.reference_validator import reference
from tests.support.sizes import examples

#: By type, each spelling and what is served of it.
TAKEN = {
    "date": {"2024-02-29": "2024-02-29", "0001-01-01": "0001-01-01", "9999-12-31": "9999-12-31"},
    "time": {
        "08:30": "08:30:00",
        "08:30:00": "08:30:00",
        "08:30:00.5000000": "08:30:00.5",
        "08:30:00.1234567": "08:30:00.123457",
        "08:30:59.9999999": "08:31:00",
        "23:59:59.9999994": "23:59:59.999999",
    },
    "datetime": {
        "2026-11-23": "2026-11-23T00:00:00",
        "2026-11-23 08:30": "2026-11-23T08:30:00",
        "2026-11-23t08:30:00.5": "2026-11-23T08:30:00.5",
        "2026-12-31 23:59:59.9999999": "2027-01-01T00:00:00",
        "9999-12-31T23:59:59.999999000": "9999-12-31T23:59:59.999999",
    },
    "timestamp": {
        "2026-11-23T08:30:00Z": "2026-11-23T08:30:00Z",
        "2026-11-23t08:30:00z": "2026-11-23T08:30:00Z",
        "2026-11-23 08:30:00+00:00": "2026-11-23T08:30:00Z",
        "2026-11-23 08:30:00.25+01": "2026-11-23T07:30:00.25Z",
        "2026-11-23 08:30:00 +0100": "2026-11-23T07:30:00Z",
        "2026-11-23T08:30-0930": "2026-11-23T18:00:00Z",
        "2024-01-02T10:00:00.1230000Z": "2024-01-02T10:00:00.123Z",
        "2024-01-01T00:00:00.123456000Z": "2024-01-01T00:00:00.123456Z",
        # A half of a microsecond goes to the even one, as far as a double tells it from less and more.
        "2024-01-01T00:00:00.0000005Z": "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00.0000015Z": "2024-01-01T00:00:00.000002Z",
        "2024-01-01T00:00:00.1234565Z": "2024-01-01T00:00:00.123456Z",
        "2023-12-31T23:59:59.9999999Z": "2024-01-01T00:00:00Z",
        "9999-12-31T23:59:59+01:00": "9999-12-31T22:59:59Z",
        "9999-12-31T23:59:59.9999999+00:01": "9999-12-31T23:59:00Z",
        "9999-12-31T00:00:00-23:59": "9999-12-31T23:59:00Z",
        "0001-01-01T00:00:00-05:00": "0001-01-01T05:00:00Z",
        "0001-01-01T23:59:00+23:59": "0001-01-01T00:00:00Z",
    },
    "uuid": {"0190D6B2-7B7E-7C3A-9F2E-3C1D5A6B7C8D": "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d"},
}
#: By type, what is none of its values, and why.
REFUSED = {
    "date": {"2023-02-29": "names 2023-02-29, which is no day of the calendar", "23.11.2026": "is not a date as YYYY-MM-DD"},
    "time": {
        "24:00:00": "has 24 for the hour, which is at most 23",
        "08:30:60": "has 60 for the second, which is at most 59",
        "23:59:59.9999999": "is rounded to 24:00:00, which is no time of a day",
        "08:30:00Z": "has an offset",
    },
    "datetime": {
        "9999-12-31T23:59:59.9999995": "is rounded to the year 10000",
        "2026-11-31 00:00": "names 2026-11-31, which is no day of the calendar",
        "2026-11-23T08:30:00Z": "has an offset: declare the field as timestamp",
    },
    "timestamp": {
        "9999-12-31T23:59:59-01:00": "is outside the years 1 to 9999 in UTC",
        "0001-01-01T00:59:59+01:00": "is outside the years 1 to 9999 in UTC",
        "9999-12-31T23:59:59.9999999Z": "is rounded to the year 10000 in UTC",
        "2026-02-30T08:30:00Z": "names 2026-02-30, which is no day of the calendar",
        "2026-11-23T25:30:00Z": "has 25 for the hour, which is at most 23",
        "2026-11-23T08:30:00+24:00": "has 24 for the hour of its offset, which is at most 23",
        "2026-11-23T08:30:00": "has no offset: append Z if it is UTC",
    },
    "uuid": {"0190d6b27b7e7c3a9f2e3c1d5a6b7c8d": "is not a UUID"},
}  # fmt: skip


@pytest.fixture(scope="session")
def paths(server):
    return {
        kind: server.declare(
            f"spelled_{kind}", f"fields: {{v: {kind}}}\naccess: {{read: [public], change: [admin]}}\n"
        )
        for kind in TAKEN
    }


def served(server, path):
    return [row["v"] for row in json.loads(server.client.get(f"{path}?order=_id").content)]


def bodies(values):
    return {
        "application/json": json.dumps([{"v": value} for value in values]),
        "application/x-ndjson": "".join(f'{{"v": "{value}"}}\n' for value in values),
        "text/csv": "v\n" + "".join(f"{value}\n" for value in values),
    }


@pytest.mark.parametrize("kind", TAKEN)
def test_spellings_of_a_time_store_one_value(server, paths, kind):
    """Check every spelling in bodies of each format, in filters, and in patches."""
    path, expected = paths[kind], list(TAKEN[kind].values())

    for many in (1, 100):  # Few rows take another way than many.
        for media, body in bodies([*TAKEN[kind]] * many).items():
            answer = server.client.put(path, content=body, headers={"Content-Type": media})
            assert answer.status_code == 201, answer.text
            assert served(server, path) == expected * many
    for spelled, value in TAKEN[kind].items():
        found = server.client.get(path, params={"v": f"eq.{spelled}"}).json()
        assert value in [row["v"] for row in found]
    server.client.patch(path, params={"_id": "gt.0"}, json={"v": next(iter(TAKEN[kind]))})
    assert set(served(server, path)) == {expected[0]}


@pytest.mark.parametrize("kind", REFUSED)
def test_invalid_time_is_rejected_with_its_reason(server, paths, kind):
    """Check the rejected rows of each body format and the refused filters."""
    for value, why in REFUSED[kind].items():
        for media, body in bodies([value]).items():
            answer = server.client.post(paths[kind], content=body, headers={"Content-Type": media})
            assert answer.status_code == 422
            (error,) = answer.json()["errors"]
            assert (error["code"], error["value"]) == ("22P02", value)
            assert error["message"].startswith(f"'{value}' {why}")
        if why.startswith(("is not", "has an offset", "has no offset")):
            continue  # A filter takes a day and an instant without an offset, too.
        filtered = server.client.get(paths[kind], params={"v": f"eq.{value}"})
        assert filtered.status_code == 400
        assert filtered.json()["message"] == f"'{value}' in the filter on 'v' {why}"


@pytest.mark.parametrize("kind", TAKEN)
def test_defaults_and_enums_accept_every_spelling(server, name, kind):
    spelled = list(TAKEN[kind])
    lines = [
        f"  d{number}: {{type: {kind}, default: {json.dumps(each)}}}" for number, each in enumerate(spelled)
    ]
    lines.append(f"  e: {{type: {kind}, enum: {json.dumps(spelled)}, nullable: true}}")
    path = server.declare(name, "fields:\n" + "\n".join(lines) + "\naccess: {read: [public]}\n")

    for value in TAKEN[kind]:
        assert server.client.post(path, json={"e": value}).status_code == 201
    rows = server.client.get(path).json()
    assert server.client.post(path, json=rows).status_code == 201, "what is served is taken again"
    csv = server.client.get(path, headers={"Accept": "text/csv"}).content
    assert server.client.post(path, content=csv, headers={"Content-Type": "text/csv"}).status_code == 201
    assert [row["e"] for row in rows] == list(TAKEN[kind].values())
    assert [rows[0][f"d{number}"] for number in range(len(spelled))] == list(TAKEN[kind].values())


@pytest.mark.parametrize("key", ["default: {}", "enum: [{}]", "backfill: {}", "examples: [{}]"])
def test_invalid_time_in_a_file_names_its_reason(key):
    given = key.format("'9999-12-31T23:59:59-01:00'")

    with pytest.raises(InvalidFileError) as refused:
        parse_connector(f"fields: {{v: {{type: timestamp, {given}}}}}\n".encode(), "c.yaml")
    assert "is outside the years 1 to 9999 in UTC" in str(
        [finding.message for finding in refused.value.findings]
    )


DAYS = st.sampled_from(["0001-01-01", "0001-01-02", "9999-12-30", "9999-12-31"])
OFFSETS = st.integers(-1439, 1439)
SECONDS = st.sampled_from(
    ["", ":00", ":59", ":59.999999", ":59.9999994", ":59.9999995", ":59.99999949999999999", ":59.99999990"]
)
SIGNED = st.sampled_from(["{}{:02d}:{:02d}", "{}{:02d}{:02d}", " {}{:02d}:{:02d}"])


def read(literal, text):
    try:
        return literal(text)
    except ValueError:
        return None


@examples(1500)
@given(DAYS, st.integers(0, 1439), st.integers(-3, 3), OFFSETS, SECONDS, SIGNED, st.booleans())
@example("9999-12-31", 1439, 0, 0, ":59.9999995", "{}{:02d}:{:02d}", False)
@example("9999-12-31", 1439, 0, 0, ":59.9999995", " {}{:02d}:{:02d}", False)
def test_published_pattern_rejects_instants_outside_the_years(
    day, minute, near, offset, seconds, form, is_near
):
    """Check the first and the last day, where the offset decides it; most of the drawn times are near the bound."""
    if is_near:
        offset = (minute if day < "5" else minute - 1439) + near
    sign, hours, minutes = "-" if offset < 0 else "+", *divmod(min(abs(offset), 1439), 60)
    text = f"{day}T{minute // 60:02d}:{minute % 60:02d}{seconds}{form.format(sign, hours, minutes)}"
    short = f"{text[:-3]}" if text.endswith(":00") else text
    schema = dict(SCALARS["timestamp"].schema)

    for each in (text, short):
        is_taken = read(literals.timestamp, each) is not None
        assert PUBLISHED.is_valid(each) == compile_schema(schema).is_valid(each) == is_taken


PUBLISHED = reference(strictjson.write(dict(SCALARS["timestamp"].schema)))


@pytest.mark.parametrize("kind", ["time", "datetime", "timestamp", "date", "uuid"])
@examples(300)
@given(data=st.data())
def test_schema_and_literal_accept_the_same_texts(kind, data):
    type = SCALARS[kind]
    text = data.draw(
        st.from_regex(type.schema["pattern"], fullmatch=True)
        | st.sampled_from([*TAKEN[kind], *REFUSED[kind]])
    )
    put, place = (
        data.draw(st.sampled_from(["", "0", "9", ":", "٣", "\n", " "])),
        data.draw(st.integers(0, len(text))),
    )
    text = text[:place] + put + text[place:]

    assert compile_schema(dict(type.schema)).is_valid(text) == (read(type.text.parse, text) is not None), text


@pytest.mark.parametrize("kind", ["time", "datetime", "timestamp"])
def test_columnar_reader_reads_every_spelling_of_times(kind):
    """Check that the columnar reader reads every spelling, and leaves invalid values to the reader of rows."""
    connector = connector_of(f"fields: {{v: {kind}}}")
    rows = [strictjson.write({"v": each}) for each in TAKEN[kind]]

    assert require_equal(b"[%b]" % b",".join(rows * 3), Media.JSON, connector)
    for value in REFUSED[kind]:
        body = b"\n".join([*rows, strictjson.write({"v": value})])
        assert not require_equal(body, Media.NDJSON, connector)


# ------------------------------------------------------------------------------------------------------
# The greatest doubles

#: Those that are rounded to the greatest double, and the first that would be infinite.
GREATEST = [
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.79769313486231580793e308",
    "17976931348623158" + "0" * 292,
]
INFINITE = ["1.7976931348623159e308", "1.797693134862315808e308", "2e308", "1e309"]


@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson", "text/csv"])
def test_numbers_rounded_to_greatest_double_are_stored(server, name, media):
    """Check that the first number that would be infinite is rejected, with either sign."""
    path = server.declare(name, "fields: {v: number}\naccess: {read: [public], change: [admin]}\n")

    def post(texts):
        body = {"text/csv": "v\n" + "\n".join(texts)}.get(
            media, "\n".join(f'{{"v": {text}}}' for text in texts)
        )
        body = f"[{body.replace(chr(10), ',')}]" if media == "application/json" else body
        return server.client.put(path, content=body, headers={"Content-Type": media})

    signed = [sign + text for text in GREATEST for sign in ("", "-")]
    for many in (1, 100):
        assert post(signed * many).status_code == 201
        assert {abs(value) for value in served(server, path)} == {1.7976931348623157e308}
    assert len(server.client.get(path, params={"v": "gte.1.7976931348623158e308"}).json()) == 400
    for text in INFINITE:
        for each in (text, f"-{text}"):
            assert (post([each]).status_code, post([each]).json()["code"]) == (422, "22003")
            assert server.client.get(path, params={"v": f"eq.{each}"}).status_code == 400
    assert float(DOUBLE_MAX) == float(str(DOUBLE_MAX)) == 1.7976931348623157e308


# ------------------------------------------------------------------------------------------------------
# Formats of strings

LABEL = "a" * 63
#: What the JSON Schema Test Suite says of formats where it is least plain.
OF_FORMAT = {
    "date-time": (
        ["1998-12-31T23:59:60Z", "1998-12-31T15:59:60.123-08:00", "1963-06-19t08:30:06.283185z", "1985-04-12T00:59:59.999999999999999Z",
         "9999-12-31T23:59:59-01:00", "2016-12-31T23:59:60+00:00", "2017-01-01T05:29:60+05:30", "2017-01-01T00:59:60+01:00"],
        ["1998-12-31T23:59:61Z", "1998-12-31T23:58:60Z", "1998-12-31T22:59:60Z", "1990-12-31T15:59:59-24:00", "1963-06-19 08:30:06Z",
         "1963-06-19T08:30:06.28123+01:00Z", "06/19/1963 08:30:06 PST", "1963-06-1৪T00:00:00Z", "2013-350T01:01:01", "2017-01-01T23:59:60+01:00"],
    ),
    "time": (
        ["23:59:60Z", "23:59:60+00:00", "01:29:60+01:30", "23:29:60+23:30", "15:59:60-08:00", "00:29:60-23:30", "08:30:06z",
         "08:30:06.123456789Z", "00:59:60+01:00"],
        ["22:59:60Z", "23:58:60Z", "22:59:60+00:00", "23:58:60+00:00", "23:59:60+01:00", "23:59:60+00:30", "23:59:60-01:00", "23:59:60-00:30",
         "12:00:00", "01:02:03+24:00", "08:30:06 Z", "24:00:00Z"],
    ),
    "hostname": (
        ["a", "www.example.com", "1host", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}", LABEL],
        ["", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 62}", f"{LABEL}a", "-a", "a-", "a_b", "a.", ".a", "ａ"],
    ),
    "email": (
        ["te~st@example.com", '"joe bloggs"@example.com', '"joe..bloggs"@example.com', '"joe@bloggs"@example.com', "joe@[127.0.0.1]", "joe@[IPv6:::1]"],
        ["2962", ".test@example.com", "te..st@example.com", "joe@invalid=domain", "joe@[127.0.0.300]", '"joe"x@example.com', "a@b@c"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("format", OF_FORMAT)
def test_formats_follow_the_json_schema_test_suite(server, name, format):
    path = server.declare(
        name, f"fields: {{v: {{type: string, format: {format}}}}}\naccess: {{read: [public]}}\n"
    )
    published = reference(server.client.get(f"/-/connectors/{name}/schema").content)
    good, bad = OF_FORMAT[format]

    for value in good:
        assert (
            server.client.post(path, json={"v": value}).status_code,
            published.is_valid({"v": value}),
        ) == (201, True), value
    for value in bad:
        assert (
            server.client.post(path, json={"v": value}).status_code,
            published.is_valid({"v": value}),
        ) == (422, False), value
    assert served(server, path) == good


def test_max_length_may_be_below_the_formats_limit():
    """Check that the schema has the lower one of the two."""
    for most, expected in ((10, 10), (300, 253)):
        connector = connector_of(f"fields: {{v: {{type: string, format: hostname, max_length: {most}}}}}")
        assert build_field(connector.fields[0])["maxLength"] == expected


def test_our_patterns_work_in_other_regex_engines():
    """Check that no pattern has a look-around, a back-reference, or a class that differs among ECMA-262, RE2 and Python."""
    patterns = [pattern for format in FORMATS.values() for pattern in format.patterns]
    patterns += re.findall(
        r'"pattern":"((?:[^"\\]|\\.)*)"',
        strictjson.write([dict(each.schema) for each in SCALARS.values()]).decode(),
    )

    assert not [each for each in patterns if re.search(r"\(\?[^:]|\\[1-9dDwWsSbB]", each)]
