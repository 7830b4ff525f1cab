"""Sample events with junk in one place each: what a source has to survive."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
"""Any JSON, and more that Python's parser lets through: NaN, lone surrogates."""

Path = tuple[str | int, ...]


def places(value: Any, *, path: Path = ()) -> Iterator[Path]:
    """List the ways to every field and element inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, path=(*path, key))


def replaced(value: Any, path: Path, junk: Any) -> Any:
    """Copy a JSON value with junk in one place."""
    changed = deepcopy(value)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = junk
    return changed
