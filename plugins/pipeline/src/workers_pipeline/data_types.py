"""Which items of the demand table are delivered: one constant, from which all else follows.

The worker's filters, the files' schemas, the Glue tables and the README's table are made of it. Each type
needs ``schemas/<table>.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

DEMAND_DATA_TYPES: Final = ("demand", "sale", "event", "notification")
"""Values of an item's ``type``, each exactly: ``notification:asu`` is another one, and left out.

It has a schema all the same; adding it here is all that it takes.
"""


def table_of(data_type: str) -> str:
    """Name a type's table, the folder of its files and its schema: ``notification_asu``, say."""
    return data_type.replace(":", "_")


def changes_of(data_types: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Word the event patterns of all changes of items of these types, removals by what was removed."""
    of_types = {"type": {"S": list(data_types)}}
    return (
        {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": of_types}},
        {"eventName": ["REMOVE"], "dynamodb": {"OldImage": of_types}},
    )
