"""What ``--help`` of every command shows, plugins' too, on a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.main import get_command
from typer.testing import CliRunner

from worker_runtime.cli.root import app

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 80


def commands(command: Any, context: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """List the commands below one, each as it is typed, and it itself."""
    yield path
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            _, below, _ = command.resolve_command(context, [name])
            yield from commands(below, context, *path, name)


def every_command() -> list[tuple[str, ...]]:
    root = get_command(app)
    return list(commands(root, root.make_context("workers", [], resilient_parsing=True)))


def told(*path: str, width: int) -> list[str]:
    """Ask a command for its help; its lines."""
    given = {"COLUMNS": str(width), "TERMINAL_WIDTH": str(width)}
    asked = CliRunner(env=given).invoke(app, [*path, "--help"])
    assert (path, asked.exit_code) == (path, 0)
    return asked.output.splitlines()


def examples(lines: list[str]) -> list[str]:
    at = next((at for at, line in enumerate(lines) if "Examples:" in line), len(lines))
    return [line.strip() for line in lines[at + 1 :] if line.strip()]


def test_no_help_is_wider_than_a_terminal_of_80_columns() -> None:
    wide = {
        path: [line for line in told(*path, width=WIDTH) if len(line) > WIDTH] for path in every_command()
    }

    assert {path: lines for path, lines in wide.items() if lines} == {}


def test_no_example_is_broken_on_a_terminal_of_80_columns() -> None:
    whole = {path: examples(told(*path, width=300)) for path in every_command()}

    assert {path: examples(told(*path, width=WIDTH)) for path in every_command()} == whole
