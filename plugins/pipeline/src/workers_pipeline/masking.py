"""Rows without personal data: what stands in texts where nobody looked for it."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from worker_runtime import may_be_personal, redact_text
from workers_pipeline.extras import masked_json
from workers_pipeline.schemas import EXTRA

if TYPE_CHECKING:
    from workers_pipeline.hashing import Hashes
    from workers_pipeline.image_rows import Row
    from workers_pipeline.schemas import TableSchema


class Mask:
    """Masks what looks personal in the texts of a table's rows, as logs do.

    A key that looks personal becomes its hash: rows are told apart and joined by keys.
    """

    def __init__(self, schema: TableSchema) -> None:
        texts = [
            (at, each) for at, each in enumerate(schema.fields) if each.kind == "string" and not each.hashed
        ]
        self._texts_of = itemgetter(*(at for at, _ in texts))
        self._extra = next(at for at, each in texts if each.name == EXTRA)
        self._keys = [at for at, each in texts if each.is_key]
        self._texts = [at for at, each in texts if not each.is_key and at != self._extra]

    def masked(self, row: Row, hashed: Hashes) -> Row:
        """Return a row without personal data in its texts: itself, as nearly always, or a copy."""
        if not may_be_personal("\n".join(filter(None, self._texts_of(row)))):
            return row
        values = list(row)
        for at in self._texts:
            values[at] = values[at] and redact_text(values[at])
        for at in self._keys:
            if values[at] and redact_text(values[at]) != values[at]:
                values[at] = hashed[values[at]]
        values[self._extra] = values[self._extra] and masked_json(values[self._extra])
        return tuple(values)
