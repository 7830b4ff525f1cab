"""Sales in the demand table, and the lease on generating their notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from worker_runtime import clock
from workers_dmnd.adapters.stored import stored
from workers_dmnd.items import sale_ids_of
from workers_dmnd.keys import DUE_SALES, sale_keys
from workers_dmnd.models import Sale, plain_item
from workers_dmnd.moves import INDEX
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker_runtime.clients.dynamodb import Table
    from workers_dmnd.models import Generation, GenerationState

UNTOUCHED: Final = "attribute_exists(PK) AND attribute_not_exists(#generation.#id)"  # which reads as NONE
LEASE_IS_FREE: Final = "(attribute_not_exists(#generation.#leaseUntil) OR #generation.#leaseUntil < :now)"


class SalesTable:
    """Serves ``Sales``: reads are consistent but those of the index, which may be late."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, event_id: str, sale_id: str) -> Sale | None:
        """Return the sale as it is now; an item that is no sale is Reject ``BAD_SALE``."""
        item = self._table.get(sale_keys(event_id, sale_id), consistent=True)
        return stored(item, Sale, code="BAD_SALE")

    def due(self, *, now: float) -> Iterator[tuple[str, str]]:
        """Yield event id and sale id of sales that the index says are due, the longest waiting first."""
        asked = {"pk": DUE_SALES, "now": timestamp(now)}
        return map(
            sale_ids_of, self._table.query("GSI1PK = :pk AND GSI1SK <= :now", values=asked, index="GSI1")
        )

    def mark_due(self, sale: Sale) -> bool:
        """Make NONE DUE; False where it is not NONE any more."""
        due = replace(sale.generation, id="DUE")
        return self._update(
            sale, due, condition=f"#generation.#id = :none OR ({UNTOUCHED})", values={"none": "NONE"}
        )

    def lease(
        self, sale: Sale, generation: Generation, *, among: Sequence[GenerationState], now: float
    ) -> bool:
        """Make ``generation`` the sale's where its state is one of these and nobody holds a lease."""
        states = {f"state{at}": state for at, state in enumerate(among)}
        names = ", ".join(f":{name}" for name in states)
        in_state = f"#generation.#id IN ({names})" + (f" OR ({UNTOUCHED})" if "NONE" in among else "")
        is_as_read, read = _as_read(sale)  # else a pass that went on meanwhile would be set back
        condition = f"({in_state}) AND {LEASE_IS_FREE} AND {is_as_read}"
        values = {**states, **read, "now": timestamp(now)}
        listed = {"GSI1PK": DUE_SALES, "GSI1SK": generation.lease_until or timestamp(now)}
        return self._update(sale, generation, listed=listed, condition=condition, values=values)

    def save(self, sale: Sale, generation: Generation, *, next_at: str | None) -> bool:
        """Save progress or the end, while ``generation.lease_owner`` still holds the lease; else False.

        ``next_at`` is when the index names the sale again; None takes it out of the index. A saved
        state other than RUNNING gives the lease back.
        """
        if generation.lease_owner is None:
            raise ValueError("Only who holds the lease saves; give the generation its lease_owner.")
        held, owner = "#generation.#leaseOwner = :owner", {"owner": generation.lease_owner}
        if generation.id != "RUNNING":
            generation = replace(generation, lease_owner=None, lease_until=None)
        if next_at is None:
            return self._update(sale, generation, remove=INDEX, condition=held, values=owner)
        listed = {"GSI1PK": DUE_SALES, "GSI1SK": next_at}
        return self._update(sale, generation, listed=listed, condition=held, values=owner)

    def _update(
        self, sale: Sale, generation: Generation, *, listed: Mapping[str, str] | None = None, **how: Any
    ) -> bool:
        changed = {"generation": plain_item(generation), "updatedAt": timestamp(clock.now())}
        keys = sale_keys(sale.event_id, sale.sale_id)
        return self._table.update(keys, set={**changed, **(listed or {})}, add={"version": 1}, **how)


def _as_read(sale: Sale) -> tuple[str, dict[str, int]]:
    if sale.version is None:
        return "attribute_not_exists(#version)", {}
    return "#version = :version", {"version": sale.version}
