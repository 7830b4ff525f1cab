"""Each minute in, what is due goes on: sales are generated, notifications released, the stuck recovered."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime import Invocation, Metrics, Reject, Schedule, clock, queries, reads, updates, worker
from workers_dmnd.moves import Moves
from workers_dmnd.occasions import Occasions
from workers_dmnd.policy import NotificationPolicy, instant
from workers_dmnd.releasing import EXPIRED, HELD, RELEASED, SUPPRESSED, Releasing, Turns
from workers_dmnd.rounds import UNREADABLE, Tally
from workers_dmnd.services import Demands, DueWork, Events, Notifications, Sales
from workers_dmnd.stacks import DEMAND
from workers_dmnd.sweeping import RECOVERED, Sweep
from workers_dmnd.transitions import Writer

if TYPE_CHECKING:
    from workers_dmnd.models import Sale

LEAST_LEFT_S: Final = 10.0
"""What an invocation has to have left to begin with anything more."""
LEFT_TO_SWEEP_S: Final = 20.0
"""What it has to have left to release more: a backlog is to leave time for what is stuck."""
SALES_DUE: Final = "SalesDue"
MEASURED: Final = (RELEASED, SUPPRESSED, EXPIRED, RECOVERED, UNREADABLE)


class Ticked(Struct, frozen=True, rename="camel"):
    """What a tick did; ``due_backlog`` is how many notifications have to wait for the next one."""

    sales_due: int
    released: int
    held: int
    suppressed: int
    expired: int
    recovered: int
    due_backlog: int

    @classmethod
    def of(cls, tally: Tally, *, due_backlog: int) -> Ticked:
        """Read from a tally what was done."""
        did = tally.done
        return cls(
            sales_due=did[SALES_DUE],
            released=did[RELEASED],
            held=did[HELD],
            suppressed=did[SUPPRESSED],
            expired=did[EXPIRED],
            recovered=did[RECOVERED],
            due_backlog=due_backlog,
        )


@worker(
    Schedule("rate(1 minute)"),
    stack=DEMAND,
    grants=(queries("demand-table", index="GSI1"), reads("demand-table"), updates("demand-table")),
    timeout_s=60,
    reserved_concurrency=1,  # so that maxPerTick is what goes out a minute
)
def release_notifications(  # noqa: PLR0913 - a tick looks at all that has a time
    *,
    sales: Sales,
    events: Events,
    demands: Demands,
    notifications: Notifications,
    due_work: DueWork,
    policy: NotificationPolicy,
    invocation: Invocation,
    metrics: Metrics,
) -> Ticked:
    """Have due sales generated, due notifications sent, and the stuck ones go on."""
    now, tally, turns = clock.now(), Tally(), Turns(policy.max_per_tick)
    moves = Moves(policy, now=now, by=Writer.SCHEDULER)
    occasions = Occasions(events, sales, demands)
    releasing = Releasing(notifications, occasions, moves=moves, turns=turns)
    sweep = Sweep(notifications, moves)

    def is_late() -> bool:
        return invocation.remaining_s < LEAST_LEFT_S

    def is_enough() -> bool:
        return turns.were_refused or invocation.remaining_s < LEFT_TO_SWEEP_S

    tally.go_through(sales.due(now=now), partial(mark_due, sales, now=now), is_over=is_late)
    all_seen = tally.go_round(
        partial(due_work.waiting, until=now), releasing.deal_with, now=now, is_over=is_enough
    )
    tally.go_round(partial(due_work.overdue, until=now), sweep.deal_with, now=now, is_over=is_late)
    for name in MEASURED:
        metrics.count(name, tally.done[name])
    backlog = 0 if all_seen else due_work.count_waiting(until=now)
    metrics.count("DueBacklog", backlog)
    tally.raise_failures()
    return Ticked.of(tally, due_backlog=backlog)


def mark_due(sales: Sales, ids: tuple[str, str], *, now: float) -> str | None:
    """Have the notifications of a sale generated, and name that; None where that is under way already."""
    sale = sales.find(*ids)
    if sale is None or sale.generation.id != "NONE" or _is_to_come(sale, now=now):
        return None
    return SALES_DUE if sales.mark_due(sale) else None


def _is_to_come(sale: Sale, *, now: float) -> bool:
    """Say whether a sale's time lies ahead; where nobody can read it, the generator is to give it up."""
    try:
        return instant(sale.notify_at) > now
    except Reject:
        return False
