"""Where a file stands in the warehouse, as its name tells."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

_PLACE: Final = re.compile(r"([^/]+)/partition_date=(\d{4}-\d\d-\d\d)/[^/]+", re.ASCII)


class Place(Struct, frozen=True, order=True):
    """A table, and its partition; no date where the name does not tell."""

    table: str
    partition_date: str | None = None


def place_of(name: str) -> Place | None:
    """Read the place from a path or key; None where it stands in no partition."""
    found = _PLACE.search(name)
    return None if found is None else Place(found[1], found[2])
