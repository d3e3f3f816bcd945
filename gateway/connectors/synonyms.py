"""Tables of keys and types of other tools, with the words of the gateway. A table of this length needs a long module."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

_NULLABLE = "write nullable: true"
_REQUIRED = (
    "a field is required unless it is nullable or has a default: delete the key, or write nullable: true"
)
_KEY = "write primary_key: [FIELD] beside fields:, not in a field"
_INSIDE = "write type: json; the gateway does not look inside"
#: The hint for what other tools call `fields`.
FIELDS = "write fields: and a line NAME: TYPE for each"


def _table(hints: Mapping[str, str]) -> Mapping[str, str]:
    """Build a table of single words from one of words with blanks between them."""
    return {word: hint for words, hint in hints.items() for word in words.split()}


#: For each kind of mapping in a connector file, keys of other tools without `_` and `-`, and the hint for each.
KEYS: Mapping[str, Mapping[str, str]] = {
    "connector": _table(
        {
            "columns column schema properties attributes props model field record structure": FIELDS,
            "endpoint url uri route slug prefix basepath location": "write path: /NAME",
            "title summary desc comment doc docs documentation label": "write description",
            "id table tablename dataset topic connector resource": "write name",
            "required": "fields are required unless they say nullable: true; delete the key",
            "unique pk key keys primarykeys primary": "write primary_key: [FIELD]",
            "upsert onduplicate conflict ifexists writemode mode merge": "write on_conflict: reject, ignore or replace",
            "onerror errors invalid onbadrows validation lenient strict": "write on_invalid: reject, keep or on_request",
            "ttl expires expire expiry retain retentiondays lifetime maxage": "write retention: {days: 90}",
            "maxrows dbmaxrows rowlimit maxresults pagesize maxlimit": "write read_limit: 10000",
            "ratelimit ratelimits rate throttle quota": "write limits: {rows_per_second: 1000}",
            "auth authorization permissions acl roles security tokens users grants": "write access: {read: [NAME]}",
            "public": "write access: {read: [public]}",
            "read ingest change": "write it inside access:, as in access: {read: [public]}",
            "write writers": "write access: {ingest: [NAME]}",
            "idempotent idempotencykey dedup dedupe deduplicate": "write idempotency: required",
            "enabled active disabled": "delete it: a file that is there is served; gateway remove NAME ends that",
            "version apiversion kind type": "delete it",
            "additionalproperties": "delete it: rows with other fields are refused anyhow",
        }
    ),
    "field": _table(
        {
            "required mandatory notnull nonnull nonnullable isrequired": _REQUIRED,
            "optional null isnullable allownull nillable canbenull": _NULLABLE,
            "regex regexp match matches re": "write pattern",
            "values value options choices oneof allowed allowedvalues accepted in": "write enum: [A, B]",
            "const": "write enum: [VALUE]",
            "unique primarykey primary pk key isprimarykey identity": _KEY,
            "length len maxlen size maxsize maxchars width": "write max_length",
            "minlen minsize": "write min_length",
            "min minvalue gte ge atleast lowerbound": "write minimum",
            "max maxvalue lte le atmost upperbound": "write maximum",
            "gt above exclusivemin": "write exclusive_minimum",
            "lt below exclusivemax": "write exclusive_maximum",
            "range between": "write minimum and maximum",
            "precision scale digits decimals decimalplaces multipleof": 'write type: "decimal(12, 2)"',
            "desc comment doc docs title label help note": "write description",
            "example sample samples": "write examples: [VALUE]",
            "defaultvalue initial": "write default",
            "datatype dtype kind fieldtype columntype": "write type",
            "items itemtype elements elementtype of": "write the type of an item and [], such as type: string[]",
            "properties fields schema columns": _INSIDE,
            "alias aliases oldname previousname formerly was rename": "write renamed_from: OLD",
            "name": "the key of a field is its name: write NAME: {type: string}",
            "index indexed": "delete it: the gateway has no indexes to declare",
            "foreignkey references": "delete it: the gateway has no foreign keys",
            "autoincrement serial generated": "delete it: each row has a number of its own, _id",
            "timezone tz": "write type: timestamp for instants, and type: datetime for times without a zone",
            "additionalproperties": _INSIDE,
            "convert cast expression sql transform": "write using: SQL",
            "fill fillna": "write backfill: VALUE",
            "anyof allof ref": "write type: and one type, with nullable: true for one that may be null",
            "readonly writeonly deprecated": "delete it: the gateway has no such mark; description says it to people",
            "tests datatests constraints checks": "delete it, and write what it tests as keys of the field, such as minimum, enum or pattern; a"
            " field that is not nullable is never null",
            "meta tags config policytags pii classification airbytetype quote": "delete it, or say it in description",
        }
    ),
    "string field": _table(
        {
            "min minvalue gte ge gt atleast above lowerbound exclusivemin": "write min_length",
            "max maxvalue lte le lt atmost below upperbound exclusivemax": "write max_length",
            "range between": "write min_length and max_length",
        }
    ),
    "number field": _table(
        {
            "length len maxlen size maxsize maxchars width": "write maximum: a number has no length",
            "minlen minsize": "write minimum: a number has no length",
        }
    ),
    "plain field": _table(
        {
            "min minvalue gte ge gt atleast above lowerbound exclusivemin max maxvalue lte le lt atmost below upperbound"
            " exclusivemax range between": "delete it: this type has no bounds; enum lists the values it takes",
            "length len maxlen size maxsize maxchars width minlen minsize": "delete it: this type has one size",
        }
    ),
    "access": _table(
        {
            "write writers post insert create send append": "write ingest: [NAME]",
            "get select view readers consumers": "write read: [NAME]",
            "update delete patch put edit modify": "write change: [NAME]",
            "public anyone everyone anonymous": "write read: [public]",
        }
    ),
    "retention": _table(
        {
            "day ttl maxage age hours weeks months years": "write days: 90",
            "row count max maxrows limit": "write rows: 1000000",
        }
    ),
    "limits": _table(
        {
            "rows rowspersec rowspermin rowsperminute rate": "write rows_per_second: 1000",
            "requests rps requestspersec requestsperminute requestspermin": "write requests_per_second: 10",
        }
    ),
}


def key_hint(key: str, known: Iterable[str], kind: str) -> str | None:
    """Return what to write for a key of another tool, or None where it is none."""
    word = _bare(key)
    for name in known:
        if _bare(name) == word:
            return f"write {name}"
    own = KEYS.get(kind, {}).get(word)
    return own or KEYS.get(kind.rpartition(" ")[2], {}).get(word)


def spelled_otherwise(key: str, known: Iterable[str], kind: str) -> str | None:
    """Return the key that another one is beyond doubt, so that what stands there is read; None where there is none."""
    hint = key_hint(key, known, kind)
    if hint == FIELDS:
        return "fields"
    name = (hint or "").removeprefix("write ")
    return name if name == "type" or (name in known and _bare(name) == _bare(key)) else None


def _bare(word: str) -> str:
    return re.sub(r"[ _.$-]", "", word.lower())


#: Types of other tools without blanks, `_` and digits of width that say nothing: what the gateway calls them.
_TYPES: Mapping[str, str] = _table(
    {
        "string text str varchar varchar2 nvarchar nvarchar2 char nchar bpchar character charactervarying tinytext"
        " mediumtext longtext clob utf8 largestring largeutf8 fixedstring citext keyword unicode symbol ascii": "string",
        "integer int bigint smallint tinyint mediumint long short int8 int16 int32 int64 int2 int4 byte uint8 uint16"
        " uint32 serial bigserial smallserial bigintunsigned intunsigned unsignedint unsignedinteger smallintunsigned"
        " tinyintunsigned year epoch unixtime": "integer",
        "number float double real float4 float8 float16 float32 float64 doubleprecision binaryfloat binarydouble": "number",
        "decimal numeric dec fixed decimal128 bignumeric bigdecimal": "decimal(18, 3)",
        "money smallmoney currency": "decimal(18, 2)",
        "hugeint int128 bigint128 largeint": "decimal(38, 0)",
        "uint64 ubigint unsignedbigint uint unsigned unsignedlong ulong": "decimal(20, 0)",
        "boolean bool bit logical flag": "boolean",
        "date date32 date64 day localdate": "date",
        "time time32 time64 timewithouttimezone localtime timeofday": "time",
        "timestamp timestamptz timestampwithtimezone timestamptz timestampltz timestampwithlocaltimezone instant"
        " datetimeoffset datetimetz zoneddatetime offsetdatetime": "timestamp",
        "datetime datetime2 datetime64 smalldatetime timestampntz timestampwithouttimezone localdatetime": "datetime",
        "uuid guid uniqueidentifier uuid4 uuidv4 uuidv7": "uuid",
        "json jsonb object struct record dict map mapping any variant mixed super hstore dynamic row": "json",
        "array list set sequence tuple repeated": "string[]",
    }
)
#: Types of other tools that are one of the gateway's with other keys beside it.
_WITH_KEYS: Mapping[str, tuple[str, str]] = {
    "enum": ("string", "enum: [A, B]"),
    "enumeration": ("string", "enum: [A, B]"),
    "choice": ("string", "enum: [A, B]"),
    "category": ("string", "enum: [A, B]"),
    "email": ("string", "format: email"),
    "url": ("string", "format: uri"),
    "uri": ("string", "format: uri"),
    "hostname": ("string", "format: hostname"),
    "ip": ("string", "format: ipv4"),
    "inet": ("string", "format: ipv4"),
    "ipv4": ("string", "format: ipv4"),
    "ipv6": ("string", "format: ipv6"),
    "interval": ("string", "format: duration"),
    "duration": ("string", "format: duration"),
    "timedelta": ("string", "format: duration"),
    "regex": ("string", "pattern: '^[A-Z]+$'"),
    **dict.fromkeys(
        ("binary", "varbinary", "bytes", "bytea", "blob", "longblob", "image", "base64"),
        ("string", "description: in base64"),
    ),
}
_CONTAINERS = frozenset(("array", "list", "set", "sequence", "vector", "repeated", "tuple", "iterable"))
_WRAPPERS = frozenset(("nullable", "optional", "maybe", "lowcardinality"))
#: What stands behind a type in SQL.
_MODIFIERS = re.compile(
    r" (?:not null|primary key|unique|auto_?increment|default|references|check ?\(|generated|collate|comment|identity|constraint)"
    r"(?![\w]).*",
    re.IGNORECASE,
)
_SQL_DEFAULT = re.compile(r"\bdefault (?:'([\w .-]+)'|(-?[0-9.]+|true|false)(?= |$))", re.IGNORECASE)
_PARTS = re.compile(r"(?P<word>[a-z][a-z0-9_ .-]*?) *[(\[<](?P<inside>.*)[)\]>](?P<tail>[a-z ]*)")


@dataclass(frozen=True, slots=True)
class MeantType:
    """A type of the gateway, the keys beside it, and whether it is nullable."""

    type: str
    keys: tuple[str, ...] = ()
    nullable: bool = False

    def __str__(self) -> str:
        keys = (*self.keys, *(("nullable: true",) if self.nullable else ()))
        quoted = f'"{self.type}"' if "," in self.type else self.type
        return f"{{type: {quoted}, {', '.join(keys)}}}" if keys else self.type


def meant_by(text: str) -> MeantType | None:
    """Return what a type of another tool is here, such as `varchar(20)`, `Nullable(Int64)`, `list[str]`."""
    text, default = _without_modifiers(" ".join(text.split()))
    if default:
        meant = meant_by(text)
        return replace(meant, keys=(*meant.keys, f"default: {default}")) if meant else None
    text = text.lower()
    if len(text) > 100:
        return None
    if found := re.fullmatch(r"(?:(?:null|none) ?\| ?)?(.+?)(?: ?\| ?(?:null|none)|\?| null)?", text):
        inner = found[1]
        if inner != text:
            meant = meant_by(inner)
            return replace(meant, nullable=True) if meant else None
    if text.endswith("[]"):
        return _list_of(text[:-2])
    if found := _PARTS.fullmatch(text):
        return _with_arguments(found["word"].strip(), found["inside"].strip(), found["tail"].strip())
    return _simple(text)


def _without_modifiers(text: str) -> tuple[str, str]:
    """Return a type of SQL without what stands behind it in a column's definition, and the default that is a literal."""
    found = _MODIFIERS.search(text)
    if not found:
        return text, ""
    default = _SQL_DEFAULT.search(text, found.start())
    return text[: found.start()], (default[1] or default[2]) if default else ""


def _simple(text: str) -> MeantType | None:
    word = _bare(text.rpartition(".")[2]).removesuffix("dtype")
    if word in _WITH_KEYS:
        type_, keys = _WITH_KEYS[word]
        return MeantType(type_, (keys,))
    return MeantType(_TYPES[word]) if word in _TYPES else None


def _list_of(item: str) -> MeantType | None:
    meant = meant_by(item)
    if meant is None or meant.type.endswith("[]") or meant.type == "json":
        return MeantType("json") if meant else None
    return MeantType(f"{meant.type}[]", meant.keys)


def _with_arguments(word: str, inside: str, tail: str) -> MeantType | None:
    bare = _bare(word.rpartition(".")[2])
    if bare in _CONTAINERS:
        return _list_of(inside)
    if bare in _WRAPPERS:
        meant = meant_by(inside)
        return replace(meant, nullable=meant.nullable or bare != "lowcardinality") if meant else None
    if bare in ("enum", "enum8", "enum16"):
        values = re.findall(r"'([^']*)'|\"([^\"]*)\"", inside)
        return MeantType("string", (f"enum: [{', '.join(a or b for a, b in values) or 'A, B'}]",))
    meant = _simple(f"{word} {tail}")
    numbers = [int(each) for each in re.findall(r"[0-9]{1,9}", inside)]
    return _of_size(meant, numbers) if meant and numbers else meant


def _of_size(meant: MeantType, numbers: Sequence[int]) -> MeantType:
    """Add what the numbers in brackets say: a length, or the digits of a decimal."""
    if meant.type == "string" and not meant.keys:
        return MeantType("string", (f"max_length: {numbers[0]}",))
    precision, scale = numbers[0], numbers[1] if len(numbers) > 1 else 0
    if meant.type == "decimal(18, 3)" and 1 <= precision <= 38 and scale <= precision:
        return MeantType(f"decimal({precision}, {scale})")
    return meant


#: The keys at the top of files that are something else, what they are, and the fix.
OTHER_FILES: tuple[tuple[frozenset[str], str, str], ...] = (
    (
        frozenset(("$schema", "properties")),
        "this is a JSON Schema, not a connector",
        "write its properties below fields:, each as NAME: TYPE; those that are not required are nullable",
    ),
    (
        frozenset(("type", "properties")),
        "this is a JSON Schema, not a connector",
        "write its properties below fields:, each as NAME: TYPE; those that are not required are nullable",
    ),
    (
        frozenset(("apiVersion", "kind")),
        "this is a Kubernetes manifest, not a connector",
        "put the connector file itself there, such as the one below data:",
    ),
    (
        frozenset(("openapi", "paths")),
        "this is an OpenAPI document, not a connector",
        "write the fields of one schema of it below fields:, each as NAME: TYPE",
    ),
    (
        frozenset(("jobs", "on")),
        "this is a GitHub workflow, not a connector",
        "put it into .github/workflows",
    ),
    (
        frozenset(("repos",)),
        "this is a configuration of pre-commit, not a connector",
        "put it where the repository begins, as .pre-commit-config.yaml",
    ),
    (
        frozenset(("swagger", "paths")),
        "this is an OpenAPI document, not a connector",
        "write the fields of one schema of it below fields:, each as NAME: TYPE",
    ),
    *(
        (
            frozenset((key,)),
            f"this is a file of dbt with {key}, not a connector",
            "write the columns of one of them below fields:, each as NAME: TYPE",
        )
        for key in ("models", "sources", "seeds")
    ),
    (
        frozenset(("streams",)),
        "this is a catalog of streams, as Airbyte has them, not a connector",
        "write a file for each stream, with the properties of its schema below fields:, each as NAME: TYPE",
    ),
    (
        frozenset(("connectors",)),
        "several connectors are declared here",
        "write a file for each, whose name is the connector's; fields: stands at the beginning of a line",
    ),
    (
        frozenset(("services",)),
        "this is a Compose file, not a connector",
        "put it outside the directory of connectors",
    ),
)


def other_file(keys: Iterable[str]) -> tuple[str, str] | None:
    """Return what a file is that is no connector, and the fix, as far as its keys tell."""
    given = frozenset(keys)
    return next(((what, hint) for known, what, hint in OTHER_FILES if known <= given), None)
