"""Changes to rows of tables: which table, which partition, and the row encoded."""

from __future__ import annotations

from dataclasses import dataclass
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
    from workers_pipeline.image_rows import Row
    from workers_pipeline.partitions import PartitionPolicy

    Place = tuple[str, str]
    Placed = tuple[Place, str]


@dataclass(frozen=True, slots=True)
class Table:
    """One type's table: the schema of its files, and what makes its rows."""

    name: str
    avro: Mapping[str, Any]
    row: Callable[[Any, Row, Hashes], str]

    @classmethod
    def of(cls, data_type: str) -> Table:
        """Compose the table of a type from its schema."""
        schema = read_schema(table_of(data_type))
        return cls(schema.name, schema.avro, Rows(schema).row)


class Tables:
    """The tables of some types, and the policy that says a change's partition."""

    def __init__(
        self, data_types: Sequence[str], *, policy: PartitionPolicy, salt: Callable[[], str]
    ) -> None:
        self._by_type: dict[str | None, Table] = {data_type: Table.of(data_type) for data_type in data_types}
        self._avro = {table.name: table.avro for table in self._by_type.values()}
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
            removed = change.name == "REMOVE"
            text = change.old if removed else change.new
            if text is None:
                raise Reject(VIOLATION, f"{change.name} without its image")
            try:
                at_ms = change.created_at_ms
                table = by_type.get(type_of(text))
                if table is None:
                    raise Skip("its type is not delivered")
                row = table.row(text, (change.id, change.name, at_ms, removed), hashed)
                return (table.name, date_of(at_ms)), row
            except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
                raise Reject(VIOLATION, str(error)) from error

        return place
