"""Due sales in, notifications out: each fan who wants to hear of a sale gets exactly one, whatever happens.

``leasing`` keeps others away from a sale, ``announcing`` says what its fans are told, ``fan_out`` writes.
"""

from __future__ import annotations

import logging
from math import isfinite
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime import (
    Invocation,
    Metrics,
    Reject,
    Schedule,
    batch_reads,
    batch_writes,
    cache,
    clock,
    queries,
    reads,
    secret,
    updates,
    worker,
)
from workers_dmnd.announcing import Announcements
from workers_dmnd.extensions import EventExtensionPublisher
from workers_dmnd.fan_out import FanOut
from workers_dmnd.generations import is_due
from workers_dmnd.leasing import BY_HAND, ON_A_TICK, Lease
from workers_dmnd.models import GeneratorInput
from workers_dmnd.passes import Passes
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.services import CampaignStore, Events, GeneratedNotifications, Links, Recipients, Sales
from workers_dmnd.stacks import DEMAND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workers_dmnd.models import Generation, GenerationState, Sale

SALES_A_TICK: Final = 5
TIMEOUT_S: Final = 300
LEASED_BEYOND_S: Final = 30.0
"""How long after the invocation's end a lease expires, so that its owner is dead for certain."""

log = logging.getLogger(__name__)


class Generated(Struct, frozen=True):
    """How many sales were worked on, how many notifications written, and how many found already there."""

    sales: int = 0
    written: int = 0
    skipped: int = 0

    def and_also(self, begun: Generation, ended: Generation) -> Generated:
        """Add what came of one sale's lease."""
        return Generated(
            self.sales + 1,
            self.written + ended.written - begun.written,
            self.skipped + ended.skipped - begun.skipped,
        )


@worker(
    Schedule("rate(1 minute)"),
    stack=DEMAND,
    grants=(
        queries("demand-table", index="GSI1"),
        queries("demand-table", index="GSI2"),
        reads("demand-table"),
        batch_reads("demand-table"),
        batch_writes("demand-table"),
        updates("demand-table"),
        secret("bitly"),
        cache("dmnd"),
    ),
    timeout_s=TIMEOUT_S,
)
def generate_notifications(  # noqa: PLR0913 - all that a sale's fans are told has to be gathered first
    asked: GeneratorInput,
    *,
    sales: Sales,
    events: Events,
    campaigns: CampaignStore,
    links: Links,
    publisher: EventExtensionPublisher,
    recipients: Recipients,
    notifications: GeneratedNotifications,
    policy: NotificationPolicy,
    invocation: Invocation,
    metrics: Metrics,
) -> Generated:
    """Make the notifications of sales that are due, or of the one asked for: one a fan."""
    passes = Passes(
        announcements=Announcements(events=events, campaigns=campaigns, links=links, publisher=publisher),
        fan_out=FanOut(recipients=recipients, notifications=notifications, policy=policy, metrics=metrics),
        policy=policy,
        invocation=invocation,
        metrics=metrics,
    )
    done = Generated()
    for sale in _asked_for(asked, sales=sales):
        if done.sales == SALES_A_TICK or not passes.has_time:
            break
        among = ON_A_TICK if asked.sale_id is None else BY_HAND
        lease = _leased(sale, sales=sales, among=among, invocation=invocation)
        if lease is not None:
            begun = lease.generation
            passes.go(lease)
            done = done.and_also(begun, lease.generation)
    passes.raise_halt()
    return done


def _asked_for(asked: GeneratorInput, *, sales: Sales) -> Iterator[Sale]:
    """Find the one sale that somebody asked for, else those that are due."""
    if asked.event_id is not None and asked.sale_id is not None:
        sale = sales.find(asked.event_id, asked.sale_id)
        if sale is None:
            raise Reject("SALE_NOT_FOUND", f"event {asked.event_id} has no sale {asked.sale_id}")
        yield sale
        return
    now = clock.now()
    for event_id, sale_id in sales.due(now=now):
        try:
            sale = sales.find(event_id, sale_id)
        except Reject:  # one that nobody can read keeps none of the others
            log.exception("sale %s of event %s has to be mended", sale_id, event_id)
            continue
        if sale is not None and is_due(sale, now=now):
            yield sale


def _leased(
    sale: Sale, *, sales: Sales, among: Sequence[GenerationState], invocation: Invocation
) -> Lease | None:
    left_s = invocation.remaining_s if isfinite(invocation.remaining_s) else TIMEOUT_S
    until = clock.now() + left_s + LEASED_BEYOND_S
    return Lease.take(sale, sales=sales, among=among, owner=invocation.request_id, until=until)
