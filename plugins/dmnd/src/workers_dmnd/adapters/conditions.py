"""Guards of a move as DynamoDB's condition, with the client's placeholders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers_dmnd.moves import Guard


def condition_of(guards: Sequence[Guard]) -> tuple[str, dict[str, Any]]:
    """Return the condition that all guards hold, and its values.

    An attribute that is absent or of another type meets no guard but ``absent``.
    """
    terms: list[str] = []
    values: dict[str, Any] = {}
    for at, guard in enumerate(guards):
        path = ".".join(f"#{step}" for step in guard.path.split("."))
        match guard.operator:
            case "absent":
                terms.append(f"attribute_not_exists({path})")
            case "in":
                listed = {f"guard{at}_{each}": value for each, value in enumerate(guard.value)}
                values |= listed
                terms.append(f"{path} IN ({', '.join(f':{name}' for name in listed)})")
            case _:
                values[f"guard{at}"] = guard.value
                terms.append(f"{path} {guard.operator} :guard{at}")
    return " AND ".join(terms), values
