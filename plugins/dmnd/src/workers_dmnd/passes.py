"""One pass over a sale's fans, under its lease: told of what, chunk after chunk, to an end or a stop.

``generating`` takes the leases; ``announcing`` and ``fan_out`` do the work.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from worker_runtime import Halt, Reject, Retry, Verdict
from workers_dmnd.leasing import LeaseLost

if TYPE_CHECKING:
    from worker_runtime import Invocation, Metrics
    from workers_dmnd.announcing import Announcements
    from workers_dmnd.fan_out import FanOut
    from workers_dmnd.leasing import Lease
    from workers_dmnd.policy import NotificationPolicy

RESERVE_S: Final = 20.0
"""What an invocation has to have left to begin a chunk."""

log = logging.getLogger(__name__)


class Passes:
    """Makes passes over the fans of sales that are leased."""

    def __init__(
        self,
        *,
        announcements: Announcements,
        fan_out: FanOut,
        policy: NotificationPolicy,
        invocation: Invocation,
        metrics: Metrics,
    ) -> None:
        self._announcements = announcements
        self._fan_out = fan_out
        self._policy = policy
        self._invocation = invocation
        self._metrics = metrics
        self._halt: Halt | None = None

    @property
    def has_time(self) -> bool:
        """Whether another chunk may begin."""
        return self._invocation.remaining_s >= RESERVE_S

    def go(self, lease: Lease) -> None:
        """Make a pass, or go on with one; the lease is given back, unless somebody else has it by now.

        Whatever verdict stops it puts it off until the next tick, but where there is nothing to tell.
        A Halt is kept for ``raise_halt``: other sales may not need what this one was refused.
        """
        try:
            self._go(lease)
        except LeaseLost:
            log.warning("sale %s is somebody else's by now", lease.sale.sale_id)
            self._metrics.count("LeasesLost")

    def raise_halt(self) -> None:
        """Raise the latest Halt that stopped a pass, so that people hear of it."""
        if self._halt is not None:
            raise self._halt

    def _go(self, lease: Lease) -> None:
        try:
            self._tell_all(lease)
        except Verdict as verdict:
            log.warning("sale %s is put off: %s", lease.sale.sale_id, verdict)
            self._metrics.count("SalesPutOff")
            if isinstance(verdict, Halt):
                self._halt = verdict
            lease.put_off()

    def _tell_all(self, lease: Lease) -> None:
        try:
            announcement = self._announcements.of(lease.sale)
        except Reject as rejected:
            log.warning("nobody is told of sale %s: %s", lease.sale.sale_id, rejected)
            lease.fail(rejected.code)
            return
        self._check_time()
        begun = lease.generation
        advances = self._fan_out.over(
            announcement, made_in=begun.passes, shard=begun.shard, after=begun.cursor
        )
        for advance in advances:
            lease.advance(advance)
            self._check_time()
        lease.finish(every_s=self._policy.regenerate_every_seconds)

    def _check_time(self) -> None:
        if not self.has_time:
            raise Retry(reason="the invocation might end before another chunk does")
