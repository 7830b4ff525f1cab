"""``workers manifest``: every worker as plain data, written, or held against a committed file."""

from __future__ import annotations

import difflib
import json
from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import Annotated, Any

import msgspec
import typer

from worker_runtime.local.commands.inputs import read_text
from worker_runtime.local.commands.options import StackName, refuse_unknown_stack
from worker_runtime.local.commands.reporting import FAILED, Misuse, Output, answering, examples, tell

app = typer.Typer(add_completion=False)


@app.command(
    "manifest",
    epilog=examples(
        "workers manifest --stack dmnd",
        "workers manifest --output infra/manifest.json",
        "workers manifest --check infra/manifest.json",
        "workers manifest --json-schema --check infra/manifest.schema.json",
    ),
)
def manifest(
    *,
    stack: StackName = None,
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="The JSON Schema of a manifest instead of one.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write to a file instead of stdout.")
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check", metavar="FILE", help="Compare with a file; where it differs, a diff and exit 1."
        ),
    ] = None,
) -> None:
    """Describe every installed worker as JSON: sources, grants, limits, environment variables.

    Names are logical, the same in every environment. A worker that is broken is an error here.
    """
    with answering() as answer:
        if output and check:
            raise Misuse("--output writes and --check compares; say one of them.")
        text = _text(_schema() if json_schema else _manifest(stack))
        if output:
            _write(output, text)
        elif check:
            _check(check, text, answer)
        else:
            answer.text(text)


def _manifest(stack: str | None) -> Any:
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it
    from worker_runtime.manifest import manifest as described  # noqa: PLC0415

    catalogue = installed()
    found = described(catalogue)
    if stack is None:
        return found
    refuse_unknown_stack(stack, there=[each.stack for each in found.workers])
    return described(catalogue, stack=stack)


def _schema() -> Any:
    from worker_runtime.manifest import schema  # noqa: PLC0415 - help needs none of it

    return schema()


def _text(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Misuse(f"cannot write {file}: {error.strerror}.") from error


def _check(file: Path, text: str, answer: Output) -> None:
    committed = read_text(file)
    if committed == text:
        return
    _refuse_another_kind(file, committed, text)
    diff = difflib.unified_diff(
        committed.splitlines(), text.splitlines(), fromfile=str(file), tofile="as declared", lineterm=""
    )
    styles = {"+": "green", "-": "red", "@": "cyan"}
    answer.lines([(line, styles.get(line[0], "") if line else "") for line in diff])
    tell(f"workers: {file} is not what is declared; write it anew with --output {file}.", style="red")
    raise typer.Exit(FAILED)


def _refuse_another_kind(file: Path, committed: str, text: str) -> None:
    """Raise Misuse where a file is nothing like what is declared, so that nobody is told to overwrite it."""
    try:
        found = json.loads(committed)
    except (ValueError, RecursionError) as error:
        raise Misuse(f"{file} is not JSON ({error}); name what --output wrote.") from error
    expected = json.loads(text)
    if not isinstance(found, dict) or not found.keys() & expected.keys():
        raise Misuse(f"{file} has none of {', '.join(expected)}; name what --output wrote.")
