"""The root of the command: its own groups, then one for each plugin that brings commands."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from worker_runtime.cli import GROUPS
from worker_runtime.errors import BrokenPlugin, LoadError
from worker_runtime.local.commands.reporting import MISUSED, Misuse, answering, complain, examples

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGE_ERROR: Final[type[Any]] = typer.BadParameter.__mro__[1]  # typer has it under a private name alone
BROKEN: Final = "Broken; `workers doctor` says why."


class Root(TyperGroup):
    """Shows its own groups by their summaries alone and imports the one that is called.

    Plugins are imported for ``--help``, completion and words that are no group of ours; a broken one
    is shown as broken and disturbs nothing.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands.update(
            {name: TyperGroup(name=name, short_help=group.summary) for name, group in GROUPS.items()}
        )

    def make_context(self, *positional: Any, **named: Any) -> Any:
        """Read the command's own options; one that is wrong is told in one line."""
        args = named.get("args") or positional[1]
        self._as_json = "--json" in args  # read here, since a command that is called wrongly reads nothing
        with _told_in_one_line(as_json=self._as_json):
            return super().make_context(*positional, **named)

    def invoke(self, ctx: Any) -> Any:
        """Run what is called; where that is called wrongly, one line says so."""
        with _told_in_one_line(as_json=self._as_json):
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """Name all groups, plugins' last."""
        self._add_plugins()
        return super().list_commands(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Import the group that is called."""
        if args[0] not in self.commands:
            self._add_plugins()
        name, command, rest = super().resolve_command(ctx, args)
        if name in GROUPS:
            command = get_command(import_module(GROUPS[name].module).app)
        return name, command, rest

    def _add_plugins(self) -> None:
        from worker_runtime.catalogue import installed  # noqa: PLC0415 - as rarely as the docstring says
        from worker_runtime.local.hooks import local_hooks  # noqa: PLC0415

        hooks = local_hooks(installed())
        offered, failed = hooks.offered("commands")
        groups: dict[str, list[Any]] = {}
        for plugin, group in offered:
            groups.setdefault(plugin, []).append(group)
        added = {name: _mounted(name, given) for name, given in groups.items()}
        broken = {each.plugin: _broken(each.plugin, each.error) for each in (*hooks.problems, *failed)}
        for name, command in {**added, **broken}.items():
            self.commands.setdefault(name, command)


@contextmanager
def _told_in_one_line(*, as_json: bool) -> Iterator[None]:
    """Say what is wrong with a call as all other errors are said, instead of typer's box."""
    try:
        yield
    except USAGE_ERROR as error:
        if type(error).show is not USAGE_ERROR.show:
            raise  # called without arguments: what is shown is the help
        said = error.format_message().replace("Value error, ", "").rstrip(".")
        called = error.ctx.command_path if error.ctx else "workers"
        joint = " See" if said.endswith("?") else "; see"
        complain(Misuse(f"{said}{joint} `{called} --help`."), as_json=as_json)
        raise typer.Exit(MISUSED) from None


def _mounted(plugin: str, groups: list[Any]) -> Any:
    """Join a plugin's typer groups under its name; those without a name are merged into it."""
    joined = typer.Typer(name=plugin, help=f"Commands of the plugin {plugin}.", add_completion=False)
    for group in groups:
        joined.add_typer(group)
    joined.callback()(lambda: None)  # a group, even of one command
    try:
        return get_command(joined)
    except Exception as error:  # noqa: BLE001 - whatever typer says of what a plugin built
        return _broken(plugin, BrokenPlugin(f"plugin {plugin}: commands() must list typer groups: {error}"))


def _broken(plugin: str, error: LoadError) -> Any:
    """Stand in for a plugin whose commands cannot be had; calling it says why."""
    stand_in = typer.Typer(name=plugin, add_completion=False)

    @stand_in.command(
        plugin, help=BROKEN, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )
    def say() -> None:
        with answering():
            raise error

    return get_command(stand_in)


app = typer.Typer(
    cls=Root,
    name="workers",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would show personal data
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "workers list",
        "workers invoke dmnd.shortenEventUrl --event event.json --env-file local.env",
        "workers doctor",
        "workers --install-completion",
    ),
)


def _say_version(asked: bool) -> None:  # noqa: FBT001 - typer's way of calling an option
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - slow to import, rarely asked for

        typer.echo(f"workers {version('worker-runtime')}")
        raise typer.Exit


@app.callback()
def workers(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version and exit."),
    ] = False,
) -> None:
    """Run, inspect and mend workers on this machine.

    Results go to stdout, all else to stderr; with --json what happens on the way is told at a terminal alone.

    With --json a result is one JSON document on stdout, an error one JSON line on stderr:

      {"error": {"kind": "UnknownWorker", "message": "..."}}

    Exit codes: 0 done, 1 it failed or found something broken, 2 it was called wrongly, 130 Ctrl-C ended it.
    """
