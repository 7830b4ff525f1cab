"""What was found, for people: tables that fit a terminal, else a block of lines for each row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rich.filesize import decimal

from worker_runtime.local.commands.reporting import counted
from workers_pipeline.local.inspecting.contents import total
from workers_pipeline.local.inspecting.times import worded_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.local.commands.reporting import Output
    from workers_pipeline.local.inspecting.carried import Carried
    from workers_pipeline.local.inspecting.columns import Standing
    from workers_pipeline.local.inspecting.contents import Contents
    from workers_pipeline.local.inspecting.found_rows import FoundRow
    from workers_pipeline.local.inspecting.looking import Problem
    from workers_pipeline.local.inspecting.repeats import Repeat

    Cell = tuple[str, str]

PROBLEMS_SHOWN: Final = 20
_STANDINGS: Final[Mapping[Standing, Cell]] = {
    "same": ("the package's own", "green"),
    "older": ("older than the package's", "yellow"),
    "newer": ("newer than the package's", "yellow"),
    "different": ("not the package's", "red"),
    "unknown": ("of no table that the package has", "dim"),
}
_NOTHING: Final = "-"
_FILE: Final = "(file)"


def show_contents(partitions: Sequence[Contents], output: Output, *, nothing: str) -> None:
    """Show how much there is, by table and partition, and of all."""
    if not partitions:
        output.text(nothing)
        return
    summed = [total(partitions)] if len(partitions) > 1 else []
    columns = ("table", "files", "rows", "again", "changes", "changed (UTC)", "size")
    output.table(columns, [_contents(each) for each in (*partitions, *summed)])
    if any(each.changes for each in partitions):
        output.lines([("+ inserted, ~ modified, - removed; again: rows of changes that came before", "dim")])
    if misplaced := sum(each.misplaced for each in partitions):
        told = f"{counted(misplaced, 'row')} of another date than the partition: a query by date misses it."
        output.lines([(told, "yellow")])


def show_schemas(found: Sequence[Carried], output: Output) -> None:
    """Show each schema's columns, and how it stands to the package's."""
    if not found:
        output.text("No file holds what is asked for.")
    for each in found:
        standing, style = _STANDINGS[each.comparison.standing]
        dates = sorted({date for date in (each.first_date, each.last_date) if date})
        where = f", {' to '.join(dates)}" if dates else ""
        output.lines([(f"{each.table}: {counted(each.files, 'file')}{where}", "bold")])
        output.lines([(f"such as {each.example}", "dim")])
        output.lines([("; ".join((standing, *each.comparison.why)), style)])
        if each.columns:
            output.table(("column", "type"), [[(name, ""), (kind, "")] for name, kind in each.columns])
        else:
            output.text(json.dumps(each.schema))


def show_rows(found: Sequence[FoundRow], output: Output, *, nothing: str) -> None:
    """Show rows by table, without the columns that all of them leave empty."""
    if not found:
        output.text(nothing)
    for table in dict.fromkeys(each.table for each in found):
        rows = [{**each.row, _FILE: each.file} for each in found if each.table == table]
        names = dict.fromkeys(name for row in rows for name, value in row.items() if value is not None)
        output.lines([(table, "bold")])
        output.table([*names], [[_cell(name, row) for name in names] for row in rows])


def show_repeats(found: Sequence[Repeat], output: Output) -> None:
    """Show changes that came more than once."""
    if not found:
        output.text("No change came more than once.")
        return
    rows = [[(each.change_id, "bold"), (f"{each.rows:,}", ""), ("\n".join(each.files), "")] for each in found]
    output.table(("change", "rows", "files"), rows)


def show_problems(problems: Sequence[Problem], output: Output) -> None:
    """Name the files that cannot be read, or not to their end."""
    if not problems:
        return
    output.lines([(f"{counted(len(problems), 'file')} with trouble:", "bold red")])
    output.lines([(f"  {each.file} {each.why}", "red") for each in problems[:PROBLEMS_SHOWN]])
    if more := len(problems[PROBLEMS_SHOWN:]):
        output.lines([(f"  and {more:,} more, which --json names", "red")])


def _contents(held: Contents) -> list[Cell]:
    bold = "bold" if held.table == "total" else ""
    again = held.duplicates
    return [
        (f"{held.table} {held.partition_date or ''}".rstrip(), "bold"),
        (f"{held.files:,}", bold),
        (f"{held.rows:,}", bold),
        (_NOTHING if again is None else f"{again:,}", "yellow" if again else bold),
        (_changes(held), bold),
        (_times(held), bold),
        (decimal(held.bytes), bold),
    ]


def _changes(held: Contents) -> str:
    if held.changes is None:
        return _NOTHING
    return f"{held.changes:,}: +{held.inserted:,} ~{held.modified:,} -{held.removed:,}"


def _times(held: Contents) -> str:
    """Word the first and the last change, by the second; of a partition's own date the time alone."""
    if held.first_change is None or held.last_change is None:
        return _NOTHING
    told = []
    for at in (held.first_change, held.last_change):
        date, _, time = at.partition("T")
        told.append(time[:8] if date == held.partition_date else f"{date} {time[:8]}".rstrip())
    return " ".join(dict.fromkeys(told))


def _cell(name: str, row: Mapping[str, Any]) -> Cell:
    value = row.get(name)
    if name == "changed_at_ms" and isinstance(value, int):
        return f"{value} {worded_ms(value)}", ""
    if name == "deleted" and value is True:
        return "true", "red"
    return _word(value), ""


def _word(value: Any) -> str:
    """Word a value on one line, without what a terminal would take for a command."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value if value.isprintable() else json.dumps(value)
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
