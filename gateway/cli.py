"""The command line: `gateway` and its verbs, each imported only when it runs."""

import gc
import importlib
from typing import Any

import click

from gateway import __version__
from gateway.commands.support import usage_hints
from gateway.printable import protect_terminal
from gateway.unused_libraries import keep_out_unused

#: The verbs, in the order of a connector's life.
VERBS = (
    "init",
    "serve",
    "new",
    "check",
    "plan",
    "ls",
    "stats",
    "status",
    "load",
    "rejected",
    "duplicate",
    "remove",
    "purge",
    "backup",
    "restore",
    "doctor",
    "lake",
    "token",
    "openapi",
    "ops",
    "docs",
)


#: The key of the typed arguments in the context.
_TYPED = "gateway.typed"
#: The exit code 2 of click means changes for `gateway plan`.
click.UsageError.exit_code = 64  # EX_USAGE


class _Verbs(click.Group):
    """Imports only the verb that runs: `gateway serve` must not import duckdb before it forks."""

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        """Run a verb as the command of this process."""
        keep_out_unused()
        return super().__call__(*arguments, **more)

    def main(self, *arguments: Any, **more: Any) -> Any:
        """Run a verb, and protect the terminal from control characters in its output."""
        protect_terminal()
        return super().main(*arguments, **more)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_TYPED] = list(args)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in VERBS:
            raise click.UsageError(usage_hints.verb_hint(args, VERBS), ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            raise click.UsageError(usage_hints.option_hint(error, ctx.meta[_TYPED]), error.ctx) from error
        except click.UsageError as error:
            meant = usage_hints.argument_hint(str(ctx.invoked_subcommand), ctx.meta[_TYPED])
            if meant and "extra argument" in error.message:
                raise click.UsageError(meant, error.ctx) from error
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        gc.disable()  # PERF: Of what imports make nothing is garbage, and looking for it is a tenth of their time.
        command: click.Command = importlib.import_module(f"gateway.commands.{cmd_name}").command
        gc.enable()
        return command


@click.group(cls=_Verbs)
@click.version_option(__version__)
def main() -> None:
    """Turn one YAML file into a live, validated, durable HTTP endpoint on DuckDB."""
