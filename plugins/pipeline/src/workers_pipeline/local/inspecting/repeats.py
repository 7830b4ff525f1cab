"""Changes that came more than once, and the files that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers_pipeline.local.inspecting.looking import SeenFile


class Repeat(Struct, frozen=True, rename="camel"):
    """A change, how many rows tell of it, and the files that they are in."""

    change_id: str
    rows: int
    files: list[str]


def repeats(files: Iterable[SeenFile]) -> list[Repeat]:
    """Find them, in the order in which they came again; of every other change its id is remembered."""
    names: list[str] = []
    first: dict[str, int] = {}
    again: dict[str, list[int]] = {}
    for at, file in enumerate(files):
        names.append(file.name)
        for row in file.rows:
            change_id = row["change_id"]
            if change_id not in first:
                first[change_id] = at
            else:
                again.setdefault(change_id, [first[change_id]]).append(at)
    return [
        Repeat(change_id, len(where), [names[at] for at in dict.fromkeys(where)])
        for change_id, where in again.items()
    ]
