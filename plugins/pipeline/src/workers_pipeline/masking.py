"""Rows without personal data: what stands in texts where nobody looked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime import redact_text
from workers_pipeline.extras import masked_json
from workers_pipeline.schemas import EXTRA

if TYPE_CHECKING:
    from workers_pipeline.hashing import Hashes
    from workers_pipeline.image_rows import Row
    from workers_pipeline.schemas import TableSchema


def looked_into(schema: TableSchema) -> list[int]:
    """List the places of a table's texts that may hold personal data: all but the hashed."""
    return [at for at, each in enumerate(schema.fields) if each.kind == "string" and not each.hashed]


class Mask:
    """Masks what looks personal in the texts of a table's rows, as logs do.

    A key that looks personal becomes its hash: rows are told apart and joined by keys.
    """

    def __init__(self, schema: TableSchema) -> None:
        texts = {at: schema.fields[at] for at in looked_into(schema)}
        self._extra = next(at for at, each in texts.items() if each.name == EXTRA)
        self._keys = [at for at, each in texts.items() if each.is_key]
        self._texts = [at for at, each in texts.items() if not each.is_key and at != self._extra]

    def masked(self, row: Row, hashed: Hashes) -> Row:
        """Return a row without personal data in its texts."""
        values = list(row)
        for at in self._texts:
            values[at] = values[at] and redact_text(values[at])
        for at in self._keys:
            if values[at] and redact_text(values[at]) != values[at]:
                values[at] = hashed.of_key(values[at])
        values[self._extra] = values[self._extra] and masked_json(values[self._extra])
        return tuple(values)
