"""``workers pipeline inspect``: what stands in delivered files, on this machine or in S3."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker_runtime.local.commands.options import (
    AsJson,
    EndpointUrl,
    EnvFile,
    take_variables,
)
from worker_runtime.local.commands.progress import progress
from worker_runtime.local.commands.reporting import (
    FAILED,
    CommandFailed,
    Misuse,
    Output,
    answering,
    examples,
)
from workers_pipeline.local.cli.offered import BUCKET, complete_tables, each_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workers_pipeline.local.inspecting.looking import Look
    from workers_pipeline.local.inspecting.views import Shown
    from workers_pipeline.local.inspecting.wanted import Wanted
    from workers_pipeline.local.stored.stored_file import StoredFile

app = typer.Typer()


class NoFiles(CommandFailed):
    """There is no Avro file where one was looked for."""


@app.command(
    "inspect",
    epilog=examples(
        "workers pipeline inspect warehouse/",
        "workers pipeline inspect --env-file local.env --date 2026-03-01..",
        "workers pipeline inspect s3://demand-capture --type sale --schema",
        "workers pipeline inspect warehouse/ --current --key 'EVENT#e1 SALE#s1'",
        "workers pipeline inspect warehouse/ --duplicates",
        "workers pipeline inspect warehouse/ --rows --json",
    ),
)
def inspect(  # noqa: PLR0913 - options of a command
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help=f"Files, folders, s3://BUCKET or s3://BUCKET/PREFIX; else the bucket that {BUCKET} names.",
        ),
    ] = None,
    *,
    schema: Annotated[
        bool, typer.Option("--schema", help="Show the files' schemas, beside the package's own.")
    ] = False,
    rows: Annotated[bool, typer.Option("--rows", help="Show the rows themselves.")] = False,
    current: Annotated[
        bool, typer.Option("--current", help="Show the newest row of each item, removed ones too.")
    ] = False,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Show changes that came more than once, and where.")
    ] = False,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="Only these tables; joined by commas, or said again.",
            autocompletion=complete_tables,
        ),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option("--date", metavar="DATE[..DATE]", help="Only these partitions; a side may be left out."),
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="PK[ SK]", help="Only this item, or all items of this partition key."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="So many at most of rows, items or changes; else 20, and with --json all.",
        ),
    ] = None,
    endpoint_url: EndpointUrl = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Look into delivered files: what is in them by table and partition, their schemas, rows and state.

    Folders and buckets are searched for *.avro; s3://BUCKET alone means its
    data-pipeline/avro/.

    Any Avro file is shown with what it has. Only changes of items come twice
    and have a current state: the row that is highest by changed_at_ms, version,
    deleted and change_id. With --date it is what those days' changes come to.

    Files are read one after the other. Kept in memory are the change ids of a
    partition; with --duplicates those of all; with --current a row an item.

    Exit codes: 0 looked into, 1 there is nothing like that or a file cannot be
    read to its end, 2 called wrongly.
    """
    with answering(as_json=as_json) as output:
        from workers_pipeline.local.inspecting.views import view  # noqa: PLC0415 - help needs no fastavro

        shown = _one_of(schema=schema, rows=rows, current=current, duplicates=duplicates)
        wanted = _wanted(types, date, keys)
        _refuse_idle(shown, keys=keys, limit=limit)
        take_variables(env_file)
        files = _files(sources or _warehouse(), wanted, endpoint_url=endpoint_url)
        with _looking(files, wanted, output) as look:
            tell = view(shown, look, output=output, limit=limit)
        tell()
        if look.problems or (wanted.is_narrow and not look.found):
            raise typer.Exit(FAILED)


def _one_of(**asked: bool) -> Shown:
    from workers_pipeline.local.inspecting.views import Shown as Ways  # noqa: PLC0415 - as above

    said = [f"--{name}" for name, is_asked in asked.items() if is_asked]
    if len(said) > 1:
        raise Misuse(f"say one of {' and '.join(said)}.")
    return Ways(said[0]) if said else Ways.SUMMARY


def _refuse_idle(shown: Shown, *, keys: list[str] | None, limit: int | None) -> None:
    """Refuse options that would do nothing."""
    if limit is not None and shown in ("--summary", "--schema"):
        raise Misuse("--limit goes with --rows, --current or --duplicates.")
    if keys and shown == "--schema":
        raise Misuse("--key does not go with --schema, which reads no rows.")


def _wanted(types: list[str] | None, date: str | None, keys: list[str] | None) -> Wanted:
    from workers_pipeline.data_types import table_of  # noqa: PLC0415 - as above
    from workers_pipeline.local.inspecting.columns import known_tables  # noqa: PLC0415 - as above
    from workers_pipeline.local.inspecting.wanted import Dates  # noqa: PLC0415 - as above
    from workers_pipeline.local.inspecting.wanted import Wanted as Asked  # noqa: PLC0415 - as above

    tables = frozenset(map(table_of, each_of(types)))
    if unknown := sorted(tables - {*known_tables()}):
        raise Misuse(f"there is no table {unknown[0]!r}; there are: {', '.join(known_tables())}.")
    try:
        dates = None if date is None else Dates.parse(date)
    except ValueError:
        raise Misuse(
            f"--date {date} is none; say 2026-03-01, 2026-03-01..2026-03-07, 2026-03-01.. or ..2026-03-07."
        ) from None
    if "" in (keys or ()):
        raise Misuse("--key '' names no item; is a variable empty?")
    return Asked(tables, dates, frozenset(keys or ()))


def _warehouse() -> list[str]:
    bucket = os.environ.get(BUCKET)
    if not bucket:
        raise Misuse(
            f"look into what? Say a file, a folder or s3://BUCKET, or set {BUCKET} (as --env-file may)."
        )
    return [f"s3://{bucket}"]


def _files(sources: Sequence[str], wanted: Wanted, *, endpoint_url: str | None) -> list[StoredFile]:
    from workers_pipeline.local.inspecting.warehouse_files import files_named  # noqa: PLC0415 - as above

    @cache
    def s3() -> Any:
        from worker_runtime.local.endpoint import Endpoint  # noqa: PLC0415 - files need no boto3

        return Endpoint(endpoint_url)("s3")

    files = files_named(sources, wanted=wanted, s3=s3)
    if not files and not wanted.is_narrow:
        raise NoFiles(f"there is no *.avro in {', '.join(sources)}; name another folder or prefix.")
    return files


@contextmanager
def _looking(files: Sequence[StoredFile], wanted: Wanted, output: Output) -> Iterator[Look]:
    from workers_pipeline.local.inspecting.looking import Look as ALook  # noqa: PLC0415 - as above

    with progress("files", output=output, total=len(files)) as advance:
        yield ALook(files, wanted, advance)
