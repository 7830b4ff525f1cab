"""A sale's generation while it is ours alone; whoever lost the lease hears of it with the next save."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from worker_runtime import clock
from workers_dmnd import generations
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers_dmnd.fan_out import Advance
    from workers_dmnd.models import Generation, GenerationState, Sale
    from workers_dmnd.services import Sales

ON_A_TICK: Final[Sequence[GenerationState]] = ("DUE", "RUNNING", "DONE")
"""What a tick may go on with; the scheduler makes NONE DUE."""
BY_HAND: Final[Sequence[GenerationState]] = ("NONE", *ON_A_TICK, "FAILED")
"""What somebody may ask for: a sale that was given up begins anew, once what was against it is gone."""


class LeaseLost(Exception):
    """Somebody else has the lease by now; they go on from the last checkpoint."""


class Lease:
    """The right to generate a sale's notifications, until it is finished, put off or failed."""

    def __init__(self, sale: Sale, generation: Generation, *, sales: Sales) -> None:
        self.sale = sale
        self.generation = generation
        self._sales = sales

    @classmethod
    def take(
        cls,
        sale: Sale,
        *,
        sales: Sales,
        among: Sequence[GenerationState],
        owner: str,
        until: float,
    ) -> Self | None:
        """Take a sale's lease until a time (epoch seconds); None where its state or another forbids it."""
        generation = generations.taken(sale.generation, owner=owner, until=until)
        if not sales.lease(sale, generation, among=among, now=clock.now()):
            return None
        return cls(sale, generation, sales=sales)

    def advance(self, to: Advance) -> None:
        """Note that one more chunk is done; raises LeaseLost, as all of these."""
        self._save(
            generations.advanced(
                self.generation, shard=to.shard, cursor=to.cursor, written=to.written, skipped=to.skipped
            ),
            next_at=self.generation.lease_until,  # should we die, that is when somebody may go on
        )

    def finish(self, *, every_s: float) -> None:
        """Give the lease back at the end of a pass."""
        now = clock.now()
        done = generations.finished(self.sale, self.generation, now=now)
        self._save(done, next_at=generations.next_pass_at(self.sale, done, now=now, every_s=every_s))

    def put_off(self) -> None:
        """Give the lease back for somebody to go on behind the last whole chunk."""
        self._save(generations.put_off(self.generation), next_at=timestamp(clock.now()))

    def fail(self, code: str) -> None:
        """Give the lease back for good."""
        self._save(generations.failed(self.generation, code=code), next_at=None)

    def _save(self, generation: Generation, *, next_at: str | None) -> None:
        if not self._sales.save(self.sale, generation, next_at=next_at):
            raise LeaseLost
        self.generation = generation
