"""Imports point one way, and each library has its rooms. `LAYERS` is the map of the package."""

import ast
import functools
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.server import ROOT

PACKAGE = ROOT / "gateway"
LAYERS = [  # A module may import only from lines above its own.
    "plurals",
    "errors",
    "figures",
    "printable",
    "instants",
    "percent",
    "stage_times",
    "request_context",
    "logs",
    "threads",
    "unused_libraries",
    "setting_values",
    "settings",
    "lake_extra",
    "setting_texts",
    "atomic_files",
    "resources",
    "strictjson",
    "media_types",
    "metrics",
    "docs.pages",
    "ops.files",
    "connectors.finding",
    "connectors.name_patterns",
    "connectors.lexical_forms",
    "connectors.synonyms",
    "connectors.value_synonyms",
    "connectors.literals",
    "connectors.fieldtypes.field_type",
    "connectors.fieldtypes.arrow_values",
    "connectors.fieldtypes.decimals",
    "connectors.fieldtypes.lists",
    "connectors.fieldtypes.scalars",
    "connectors.fieldtypes.type_names",
    "connectors.policy",
    "connectors.connector",
    "connectors.numerals",
    "connectors.portable_patterns",
    "connectors.number_schema",
    "connectors.schema",
    "connectors.example_row",
    "connectors.constraints",
    "connectors.yaml_text.encoding",
    "connectors.yaml_text.fault",
    "connectors.yaml_text.positions",
    "connectors.yaml_text.characters",
    "connectors.yaml_text.leftovers",
    "connectors.yaml_text.quotes",
    "connectors.yaml_text.indentation",
    "connectors.yaml_text.keys",
    "connectors.yaml_text.brackets",
    "connectors.yaml_text.lost_text",
    "connectors.yaml_text.faults",
    "connectors.yaml_text.node",
    "connectors.yaml_text.event_reader",
    "connectors.yaml_text.repair",
    "connectors.yaml_text.document",
    "connectors.yaml_values",
    "connectors.fields",
    "connectors.policy_keys",
    "connectors.connector_file",
    "connectors.file_schema",
    "connectors.file_edit.refusal",
    "connectors.file_edit.same_value",
    "connectors.file_edit.scalar_text",
    "connectors.file_edit.block_text",
    "connectors.file_edit.key_order",
    "connectors.file_edit.new_text",
    "connectors.file_edit.source",
    "connectors.file_edit.file_style",
    "connectors.file_edit.arrangement",
    "connectors.file_edit.unit_edit",
    "connectors.file_edit.block_units",
    "connectors.file_edit.block_edit",
    "connectors.file_edit.flow_units",
    "connectors.file_edit.flow_edit",
    "connectors.file_edit.value_edit",
    "connectors.file_edit.edit",
    "connectors.file_patch",
    "connectors.widening",
    "connectors.change",
    "connectors.field_changes",
    "connectors.field_comparison",
    "connectors.connector_comparison",
    "connectors.ignored_files",
    "connectors.directory",
    "connectors.write_mode",
    "connectors.repository",
    "connectors.plan",
    "connectors.preview",
    "server.scope",
    "server.operations",
    "server.error_response",
    "server.parser_errors",
    "server.forwarded",
    "server.observed_request",
    "server.access_log",
    "server.connection_counts",
    "server.traffic",
    "server.minute_figures",
    "server.spans",
    "server.tracing",
    "server.middleware",
    "server.lifespan",
    "server.cors",
    "server.connection",
    "server.allocators",
    "server.gunicorn_private",
    "server.gunicorn_log",
    "server.worker",
    "auth.authorization_header",
    "auth.data_files",
    "auth.permissions",
    "auth.tokens_source",
    "auth.tokens",
    "auth.tokens_file",
    "auth.token_findings",
    "auth.login_throttle",
    "auth.credentials",
    "auth.token_maker",
    "auth.sessions",
    "auth.shared_sessions",
    "auth.sign_in_links",
    "auth.askers",
    "auth.rate_limit",
    "store.sql.names",
    "store.sql.times",
    "store.errors",
    "store.batch",
    "store.selection",
    "store.edit",
    "store.rejection",
    "store.rejected_reader",
    "store.definition",
    "store.definition_reader",
    "store.commit_counts",
    "store.usage",
    "store.upkeep",
    "store.activity",
    "store.interface",
    "store.sql.expression",
    "store.files.lock",
    "store.files.blocks",
    "store.files.saved_files",
    "store.files.checksum_repair",
    "store.files.restore",
    "store.files.integrity_check",
    "store.engine.interface",
    "store.engine.duckdb_errors",
    "store.engine.cursors",
    "store.engine.block_cache",
    "store.engine.row_groups",
    "store.engine.stream",
    "store.engine.options",
    "store.engine.open_file",
    "store.engine.read_transaction",
    "store.engine.open_database",
    "store.engine.backup",
    "store.engine.duckdb_file",
    "store.engine.prepared_insert",
    "store.journal.interface",
    "store.journal.identity",
    "store.journal.ledger",
    "store.journal.idempotency",
    "store.journal.activity",
    "store.journal.versions",
    "store.journal.duckdb_journal",
    "store.tables.migration",
    "store.tables.row_check",
    "store.tables.definitions",
    "store.tables.empty_tables",
    "store.tables.small_inserts",
    "store.tables.row_runs",
    "store.tables.batches",
    "store.tables.conflicts",
    "store.tables.rejected",
    "store.tables.commits",
    "store.tables.appends",
    "store.tables.edits",
    "store.tables.copies",
    "store.tables.expired_rows",
    "store.tables.row_check_cache",
    "store.tables.store",
    "store.file_store",
    "store.lake.lake_address",
    "store.lake.lake_settings",
    "store.lake.sockets",
    "store.lake.s3_watch",
    "store.lake.postgres",
    "store.lake.lake_sessions",
    "store.lake.catalog_watch",
    "store.lake.commit_lock",
    "store.lake.data_folder",
    "store.lake.data_owner",
    "store.lake.attach",
    "store.lake.data_files",
    "store.lake.lake_errors",
    "store.lake.lake_commit",
    "store.lake.ducklake",
    "store.lake.lake_ledger",
    "store.lake.lake_versions",
    "store.lake.lake_activity",
    "store.lake.lake_journal",
    "store.lake.lake_init",
    "store.lake.file_figures",
    "store.lake.file_window",
    "store.lake.compaction",
    "store.lake.old_files",
    "store.lake.upkeep_runs",
    "store.lake.upkeep_turn",
    "store.lake.maintenance",
    "store.lake.lake_store",
    "store.lake.journal_copies",
    "store.lake.moved_tables",
    "store.lake.other_sessions",
    "store.lake.lake_import",
    "store.lake.lake_export",
    "store.lake.lake_check",
    "ingest.timeouts",
    "ingest.arrival",
    "ingest.signatures",
    "ingest.decompression",
    "ingest.binary_formats",
    "ingest.body",
    "ingest.csv_records",
    "ingest.excerpts",
    "ingest.rows",
    "ingest.body_text",
    "ingest.json_problems",
    "ingest.json_array",
    "ingest.recognition",
    "ingest.json_rows",
    "ingest.column_names",
    "ingest.csv_header",
    "ingest.csv_rows",
    "ingest.form_rows",
    "ingest.arrow.malformed",
    "ingest.arrow.unpacked_size",
    "ingest.arrow.thrift",
    "ingest.arrow.parquet_sizes",
    "ingest.arrow.parquet_dictionary",
    "ingest.arrow.parquet_tables",
    "ingest.arrow.flatbuffer",
    "ingest.arrow.end_marker",
    "ingest.arrow.ipc_tables",
    "ingest.arrow.tables",
    "ingest.arrow.kinds",
    "ingest.arrow.plain_arrays",
    "ingest.arrow.json_values",
    "ingest.arrow.column_fix",
    "ingest.arrow.counted_moments",
    "ingest.arrow.column_fixes",
    "ingest.arrow.unfit_columns",
    "ingest.arrow.columns",
    "ingest.arrow.rows",
    "ingest.media_detection",
    "ingest.payload",
    "ingest.decoding",
    "ingest.in_flight",
    "ingest.columnar.not_columnar",
    "ingest.columnar.whole_text",
    "ingest.columnar.raw_texts",
    "ingest.columnar.checks",
    "ingest.columnar.field_column",
    "ingest.columnar.json_text",
    "ingest.columnar.value_shapes",
    "ingest.columnar.json_values",
    "ingest.columnar.split_rows",
    "ingest.columnar.json_columns",
    "ingest.columnar.csv_text",
    "ingest.columnar.cell_lists",
    "ingest.columnar.cell_column",
    "ingest.columnar.columnar_rows",
    "ingest.columnar.taken_fields",
    "ingest.columnar.csv_columns",
    "ingest.columnar.arrow_columns",
    "ingest.columnar.reader",
    "ingest.type_errors",
    "ingest.field_check",
    "ingest.row_errors",
    "ingest.envelope",
    "ingest.schema_check",
    "ingest.error_collector",
    "ingest.validation",
    "ingest.replay_body",
    "ingest.replay",
    "ingest.named_cells",
    "ingest.fair_queue",
    "ingest.memory_budget",
    "ingest.parse_pool",
    "ingest.loop_futures",
    "ingest.writer",
    "query.query",
    "query.operators",
    "query.casts",
    "query.aggregates",
    "query.patterns",
    "query.scanner",
    "query.columns",
    "query.selection",
    "query.filters",
    "query.rewrites",
    "query.parameters",
    "query.paging",
    "query.dialect",
    "query.preferences",
    "query.digits",
    "query.sql",
    "query.jsonb",
    "query.conditions",
    "query.keyset",
    "query.relation",
    "query.row_formats",
    "query.statement",
    "query.template",
    "query.compression",
    "query.encoders",
    "query.result_sizes",
    "query.read_pool",
    "query.render",
    "query.cell_rows",
    "openapi.unique_names",
    "openapi.field_schema",
    "openapi.row_schemas",
    "openapi.filters",
    "openapi.request_parameters",
    "openapi.body_examples",
    "openapi.shared_components",
    "openapi.operations",
    "openapi.connector_part",
    "openapi.document",
    "endpoints.etag_cache",
    "endpoints.negotiation",
    "endpoints.browser",
    "endpoints.preconditions",
    "endpoints.range_header",
    "endpoints.spooled_body",
    "endpoints.range_sessions",
    "endpoints.spool",
    "endpoints.read_request",
    "endpoints.request_head",
    "endpoints.write_request",
    "endpoints.edit_request",
    "endpoints.reply",
    "endpoints.request_cache",
    "endpoints.catching_up",
    "endpoints.response_bodies",
    "endpoints.read_response",
    "endpoints.endpoint",
    "endpoints.removed",
    "endpoints.live",
    "endpoints.session_loading",
    "endpoints.services",
    "endpoints.metered",
    "endpoints.request_bodies",
    "endpoints.methods",
    "endpoints.batch_order",
    "endpoints.write",
    "endpoints.edit",
    "endpoints.read",
    "endpoints.responders",
    "endpoints.router",
    "reload.watch",
    "reload.apply_groups",
    "reload.outcomes",
    "reload.reload_counts",
    "reload.former_paths",
    "reload.authors",
    "reload.parsed_files",
    "reload.shared_files",
    "reload.known_connectors",
    "reload.reload",
    "reload.file_errors",
    "reload.file_changes",
    "reload.connector_files",
    "rowfile.separators",
    "rowfile.compression",
    "rowfile.repeats",
    "rowfile.file_names",
    "rowfile.option_error",
    "rowfile.source",
    "rowfile.workbook.xml_parts",
    "rowfile.workbook.archive",
    "rowfile.workbook.contents",
    "rowfile.workbook.formats",
    "rowfile.workbook.days",
    "rowfile.workbook.texts",
    "rowfile.workbook.cell_values",
    "rowfile.workbook.sheet_rows",
    "rowfile.workbook.csv_text",
    "rowfile.source_reader",
    "rowfile.sniffing",
    "rowfile.chunk",
    "rowfile.arrow_file",
    "rowfile.arrow_rows",
    "rowfile.row_texts",
    "rowfile.column_chunk",
    "rowfile.column_chunks",
    "rowfile.read_buffer",
    "rowfile.line_chunks",
    "rowfile.json_chunks",
    "rowfile.value_chunks",
    "rowfile.chunks",
    "rowfile.read_ahead",
    "rowfile.batches",
    "rowfile.fingerprint",
    "rowfile.progress",
    "rowfile.load_options",
    "rowfile.earlier_load",
    "rowfile.batch_cutter",
    "rowfile.progress_files",
    "rowfile.start_finder",
    "rowfile.load_record",
    "rowfile.legacy_progress",
    "draft.evidence",
    "draft.guess",
    "draft.header",
    "draft.csv_columns",
    "draft.json_columns",
    "draft.arrow_columns",
    "draft.columns",
    "draft.draft_file",
    "uploads.load_status",
    "uploads.upload",
    "uploads.upload_files",
    "uploads.ended_uploads",
    "uploads.uploads",
    "uploads.reading",
    "uploads.file_draft",
    "uploads.draft_process",
    "uploads.drafts",
    "uploads.column_check",
    "uploads.row_poster",
    "uploads.load_problems",
    "uploads.load_run",
    "uploads.loads",
    "uploads.services",
    "jobs.periodic_thread",
    "jobs.retention",
    "jobs.upkeep",
    "jobs.figures",
    "admin.file_services",
    "admin.json_body",
    "admin.health",
    "admin.finding_counts",
    "admin.status_report",
    "admin.status",
    "admin.metric_table",
    "admin.stored_figures",
    "admin.request_samples",
    "admin.lake_samples",
    "admin.metric_samples",
    "admin.metrics",
    "admin.docs",
    "admin.visible_connectors",
    "admin.activity_report",
    "admin.recent_activity",
    "admin.connector_activity",
    "admin.activity",
    "admin.connector_reports",
    "admin.batch_pages",
    "admin.connectors",
    "admin.openapi_documents",
    "admin.openapi",
    "admin.resolve",
    "admin.rejected_choice",
    "admin.rejected_rows",
    "admin.rejected_replay",
    "admin.rejected_excerpts",
    "admin.rejected",
    "admin.connector_history",
    "admin.lake",
    "admin.lifecycle",
    "admin.backup",
    "admin.files",
    "admin.tokens",
    "admin.upload_requests",
    "admin.uploads",
    "admin.routes",
    "console.headers",
    "console.static_files",
    "console.display",
    "console.cells",
    "console.templates",
    "console.guard",
    "console.form",
    "console.visit",
    "console.page",
    "console.script_target",
    "console.upload_owner",
    "console.file_form",
    "console.error_pages",
    "console.sign_in",
    "console.connector_urls",
    "console.upload_targets",
    "console.connector_page",
    "console.load_page",
    "console.connector_load_page",
    "console.plot",
    "console.builder.typed_text",
    "console.builder.controls",
    "console.builder.field_row",
    "console.builder.file_names",
    "console.builder.former_names",
    "console.builder.git_commands",
    "console.builder.connector_form",
    "console.builder.yaml_area",
    "console.builder.form_state",
    "console.builder.merge",
    "console.builder.places",
    "console.builder.ways_forward",
    "console.builder.preview_panels",
    "console.builder.edits",
    "console.builder.workshop",
    "console.builder.builder_view",
    "console.builder.pages",
    "console.builder.change_page",
    "console.builder.lifecycle_pages",
    "console.endpoint_at",
    "console.endpoint_list",
    "console.home",
    "console.home_page",
    "console.snippets.quoting",
    "console.snippets.literals",
    "console.snippets.snippet",
    "console.snippets.shell",
    "console.snippets.python",
    "console.snippets.duckdb_sql",
    "console.snippets.javascript",
    "console.snippets.supabase",
    "console.snippets.spreadsheets",
    "console.snippets.tabs",
    "console.field_texts",
    "console.endpoint_errors",
    "console.filter_form",
    "console.kept_parameters",
    "console.api_description",
    "console.api_page",
    "console.rows_query",
    "console.rows_view",
    "console.row_access",
    "console.rows_page",
    "console.row_page",
    "console.row_download",
    "console.activity_plots",
    "console.file_entries",
    "console.overview_page",
    "console.batches_page",
    "console.text_diff",
    "console.batch_sums",
    "console.history_page",
    "console.status_page",
    "console.reading_pages",
    "console.form_outcomes",
    "console.rejected_filter",
    "console.editable_text",
    "console.rejected_view",
    "console.rejected_list",
    "console.rejected_row",
    "console.swagger",
    "console.builder.shown_once",
    "console.builder.new_page",
    "console.builder.created_page",
    "console.builder.routes",
    "console.routes",
    "startup",
    "open_console",
    "open_store",
    "gunicorn_settings",
    "gunicorn_conf",
    "app",
    "commands.support.usage_hints",
    "commands.support.configuration",
    "commands.support.connector_listing",
    "commands.support.directory_outcomes",
    "commands.support.terminal",
    "commands.support.table",
    "commands.support.state_colors",
    "commands.support.github",
    "commands.support.token_names",
    "commands.support.client",
    "commands.support.baseline",
    "commands.support.plan_report",
    "commands.support.connector_lookup",
    "commands.support.file_options",
    "commands.support.new_file",
    "commands.support.draft_report",
    "commands.support.load_target",
    "commands.support.legacy_load",
    "commands.support.batch_sender",
    "commands.support.load_outcome",
    "commands.support.upload",
    "commands.support.integrity_text",
    "commands.support.lake_errors",
    "commands.support.lake_doctor",
    "commands.docs",
    "commands.openapi",
    "commands.init",
    "commands.serve",
    "commands.token",
    "commands.check",
    "commands.plan",
    "commands.ls",
    "commands.support.sparkline",
    "commands.stats",
    "commands.status",
    "commands.duplicate",
    "commands.remove",
    "commands.purge",
    "commands.new",
    "commands.load",
    "commands.rejected",
    "commands.doctor",
    "commands.lake",
    "commands.ops",
    "commands.backup",
    "commands.restore",
    "cli",
    "__main__",
]
ONLY_IN = {
    "duckdb": ("store.",),
    "psycopg": ("store.lake.",),
    "yaml": ("connectors.yaml_text.",),
    "falcon": ("server.cors", "endpoints.", "admin.", "console.", "app"),
    "jinja2": ("console.templates",),
    "gunicorn": (
        "server.connection",
        "server.gunicorn_private",
        "server.gunicorn_log",
        "server.worker",
        "gunicorn_settings",
        "commands.serve",
    ),
    "watchdog": ("reload.watch",),
    "zstandard": ("ingest.decompression", "query.compression", "rowfile.compression"),
    "isal": ("ingest.decompression", "rowfile.fingerprint"),
    "jiter": ("strictjson",),
    "rapidfuzz": ("errors",),
    "click": ("cli", "commands."),
    "rich": ("commands.",),
    "httpx": ("commands.",),
    "prometheus_client": ("admin.metrics",),
    "opentelemetry": ("server.spans",),
    "jsonschema_rs": ("connectors.schema", "ingest.schema_check"),
}
#: What other rooms may import of the store: the interface, values, names, and the check of an expression.
STORE_DOOR = {
    f"store.{name}"
    for name in [
        "interface",
        "batch",
        "selection",
        "edit",
        "rejection",
        "rejected_reader",
        "definition",
        "definition_reader",
        "activity",
        "errors",
        "sql.names",
        "sql.expression",
        "usage",
        "upkeep",
        "commit_counts",
    ]
}
#: Who names an engine beside `commands/`: the process that opens the store, and the one that waits for its lock.
STORE_OWNERS = {"app", "startup", "open_store"}
MODULES = [
    str(path.relative_to(PACKAGE).with_suffix("")).replace("/", ".")
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__init__.py"
]


@functools.cache
def source_of(module: str) -> str:
    return (PACKAGE / f"{module.replace('.', '/')}.py").read_text()


@functools.cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(source_of(module))


@functools.cache
def imports_of(module: str) -> frozenset[str]:
    """Every name imported anywhere in a module, functions included."""
    found = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def ours(names: Iterable[str]) -> set[str]:
    """The modules of the package among imported names."""
    inside = {name.removeprefix("gateway.") for name in names if name.startswith("gateway.")}
    return {module for module in LAYERS for name in inside if name == module or name.startswith(f"{module}.")}


def test_every_module_is_in_one_layer():
    assert sorted(MODULES) == sorted(LAYERS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module):
    allowed = set(LAYERS[: LAYERS.index(module)])

    assert ours(imports_of(module)) <= allowed


@pytest.mark.parametrize("module", MODULES)
def test_libraries_stay_in_their_rooms(module):
    for name in imports_of(module):
        rooms = ONLY_IN.get(name.partition(".")[0])
        assert rooms is None or module.startswith(rooms), f"{module} imports {name}"


def test_other_rooms_use_the_stores_interface_only():
    """The composition root and the command line name an engine, its files, and its tables; other rooms do not."""
    others = [
        each for each in MODULES if not each.startswith(("store.", "commands.")) and each not in STORE_OWNERS
    ]
    inside = {
        module: {each for each in ours(imports_of(module)) if each.startswith("store.")} for module in others
    }

    assert {module: names - STORE_DOOR for module, names in inside.items() if names - STORE_DOOR} == {}


#: Text that begins a statement of SQL.
SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ALTER TABLE|DROP TABLE)\b [^a-z]*[a-z_*$({\"]"
)


def test_sql_stays_in_its_rooms():
    """No statement is spelled outside store, query, and the field types."""
    others = [each for each in MODULES if not each.startswith(("store.", "query.", "connectors.fieldtypes"))]
    texts = [
        (module, node.value)
        for module in others
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]

    assert [(module, text) for module, text in texts if SQL.match(text)] == []


def test_modules_are_short_unless_a_table():
    """A module has at most 350 lines; a table may have more, and its docstring gives the reason."""
    long = [module for module in MODULES if len(source_of(module).splitlines()) > 350]

    assert [
        module for module in long if "a table" not in (ast.get_docstring(tree_of(module)) or "").lower()
    ] == []


def test_private_names_of_others_are_not_used():
    assert [module for module in MODULES if "SLF001" in source_of(module)] == []


def test_public_class_names_are_unique():
    classes = Counter(
        node.name
        for module in MODULES
        for node in tree_of(module).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )

    assert [name for name, times in classes.items() if times > 1] == []


def test_arbiter_imports_do_not_lead_to_duckdb():
    """A process that forks after importing duckdb aborts at exit once it has started a thread."""
    code = "import sys, gateway.cli, gateway.commands.serve; print('duckdb' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "False"


@pytest.mark.parametrize("verb", ["load", "ls", "rejected", "stats", "status"])
def test_clients_import_neither_arrow_nor_yaml(verb):
    """Each of the imports would take as long as the rest of the command, whose work the gateway does."""
    code = f"import sys, gateway.commands.{verb}; print(*{{'pyarrow', 'yaml', 'duckdb'}} & set(sys.modules))"

    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "\n"


def test_commands_do_without_libraries_of_others():
    """Where numpy and pandas are installed, pyarrow and duckdb would import them, for 0.4 s."""
    code = """
import contextlib, sys
from gateway.cli import main
with contextlib.suppress(SystemExit):
    main(["--version"])
import duckdb, pyarrow.parquet
pyarrow.scalar(1)
print(*({"numpy", "pandas"} & set(sys.modules)))
"""
    said = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)

    assert find_spec("numpy")
    assert find_spec("pandas")
    assert said.splitlines()[1:] == [""]


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=" ".join
)
def test_code_passes_lint_format_and_types(command):
    ran = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
