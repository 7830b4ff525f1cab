"""Changes to rows of tables: which table, which partition, and the row encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime import Reject, Skip
from workers_pipeline.data_types import table_of
from workers_pipeline.hashing import Hashes
from workers_pipeline.image_rows import VIOLATION
from workers_pipeline.schemas import read_schema
from workers_pipeline.table_rows import Rows
from workers_pipeline.typed_images import type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from msgspec import Raw

    from worker_runtime import Change
    from workers_pipeline.partitions import PartitionPolicy

    Place = tuple[str, str]
    Placed = tuple[Place, str]


class Tables:
    """The tables of some types, and the policy that says a change's partition."""

    def __init__(
        self, data_types: Sequence[str], *, policy: PartitionPolicy, salt: Callable[[], str]
    ) -> None:
        schemas = {data_type: read_schema(table_of(data_type)) for data_type in data_types}
        self._by_type: dict[str | None, Rows] = {name: Rows(schema) for name, schema in schemas.items()}
        self._avro = {schema.name: schema.avro for schema in schemas.values()}
        self._policy = policy
        self._salt = salt

    def avro(self, table: str) -> Mapping[str, Any]:
        """Return the Avro schema of a table's files."""
        return self._avro[table]

    def placing(self) -> Callable[[Change[Raw]], Placed]:
        """Return what places the changes of one batch: ((table, partition date), row encoded).

        It raises Reject where a change does not fit its table, Skip where its type is not delivered.
        """
        hashed = Hashes(self._salt)
        by_type, date_of = self._by_type, self._policy.date_of

        def place(change: Change[Raw]) -> Placed:
            name = change.name
            removed = name == "REMOVE"
            text = change.old if removed else change.new
            if text is None:
                raise Reject(VIOLATION, f"{name} without its image")
            try:
                at_ms = change.created_at_ms
                rows = by_type.get(type_of(text))
                if rows is None:
                    raise Skip("its type is not delivered")
                row = rows.row(text, (change.id, name, at_ms, removed), hashed)
                return (rows.table, date_of(at_ms)), row
            except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
                raise Reject(VIOLATION, str(error)) from error

        return place
