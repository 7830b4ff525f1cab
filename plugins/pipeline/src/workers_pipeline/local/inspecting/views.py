"""What is shown of a look, as JSON or for people; each view looks first and returns what tells of it then."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from workers_pipeline.local.inspecting.carried import carried
from workers_pipeline.local.inspecting.contents import contents_of, total
from workers_pipeline.local.inspecting.found_rows import FoundRow, current_items, rows_in
from workers_pipeline.local.inspecting.repeats import repeats
from workers_pipeline.local.inspecting.shown import (
    show_contents,
    show_problems,
    show_repeats,
    show_rows,
    show_schemas,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from worker_runtime.local.commands.reporting import Output
    from workers_pipeline.local.inspecting.looking import Look

    Tell = Callable[[], None]
    View = Callable[[Look, Output, int | None], Tell]

A_SCREENFUL: Final = 20
_A_WRITE: Final = 500  # rows that go to a pipe at once


class Shown(StrEnum):
    """What is shown of the files, by its option."""

    SUMMARY = "--summary"
    SCHEMA = "--schema"
    ROWS = "--rows"
    CURRENT = "--current"
    DUPLICATES = "--duplicates"


def view(shown: Shown, look: Look, *, output: Output, limit: int | None) -> Tell:
    """Look at the files, and return what tells what was found; ``limit`` None is a screenful for people."""
    return _VIEWS[shown](look, output, limit)


def _summary(look: Look, output: Output, _limit: int | None) -> Tell:
    partitions = contents_of(look.seen())
    return _told(
        look,
        output,
        lambda: {"partitions": partitions, "total": total(partitions)},
        partial(
            show_contents, partitions, output, nothing=_nothing(look, "No file holds what is asked for.")
        ),
    )


def _schemas(look: Look, output: Output, _limit: int | None) -> Tell:
    found = carried(look.seen())
    look.found.update(each.example for each in found)
    return _told(look, output, lambda: {"schemas": found}, partial(show_schemas, found, output))


def _rows(look: Look, output: Output, limit: int | None) -> Tell:
    rows = rows_in(look.seen())
    if output.as_json:
        return _streamed(look, output, islice(rows, limit))
    most = limit or A_SCREENFUL
    found = list(islice(rows, most + 1))
    more = [(f"And more: --limit N shows more than {most:,}.", "dim")] if found[most:] else []

    def show() -> None:
        show_rows(found[:most], output, nothing=_nothing(look, "No row is as asked for."))
        output.lines(more)

    return _told(look, output, dict, show)


def _current(look: Look, output: Output, limit: int | None) -> Tell:
    items = current_items(look.changes())
    shown = items[: _most(limit, output)]

    def show() -> None:
        show_rows(shown, output, nothing=_nothing(look, "No item is as asked for."))
        _tell_more(len(items), len(shown), "items", output)

    return _told(look, output, lambda: {"items": shown, "found": len(items)}, show)


def _duplicates(look: Look, output: Output, limit: int | None) -> Tell:
    found = repeats(look.changes())
    shown = found[: _most(limit, output)]

    def show() -> None:
        show_repeats(shown, output)
        _tell_more(len(found), len(shown), "changes", output)

    return _told(look, output, lambda: {"duplicates": shown, "found": len(found)}, show)


def _nothing(look: Look, told: str) -> str:
    """Say that nothing was found: of an item that was asked for, that there is none."""
    keys = sorted(look.wanted.keys)
    return f"There is no such item: {', '.join(keys)}." if keys else told


def _told(look: Look, output: Output, result: Callable[[], dict[str, Any]], show: Tell) -> Tell:
    def tell() -> None:
        if output.as_json:
            output.json({**result(), "problems": look.problems})
        else:
            show()
            show_problems(look.problems, output)

    return tell


def _streamed(look: Look, output: Output, rows: Iterator[FoundRow]) -> Tell:
    """Write rows as they are read: one document, however many there are."""
    lead = '{"rows":['
    while some := list(islice(rows, _A_WRITE)):
        output.text(lead + ",".join(msgspec.json.encode(each).decode() for each in some))
        lead = ","
    start = lead if lead != "," else ""
    end = f'],"problems":{msgspec.json.encode(look.problems).decode()}}}'
    return lambda: output.text(start + end)


def _most(limit: int | None, output: Output) -> int | None:
    return limit or (None if output.as_json else A_SCREENFUL)


def _tell_more(found: int, shown: int, things: str, output: Output) -> None:
    if shown < found:
        output.lines([(f"{shown:,} of {found:,} {things}; --limit N shows more.", "dim")])


_VIEWS: Final[Mapping[Shown, View]] = {
    Shown.SUMMARY: _summary,
    Shown.SCHEMA: _schemas,
    Shown.ROWS: _rows,
    Shown.CURRENT: _current,
    Shown.DUPLICATES: _duplicates,
}
