"""What ``workers demo`` can show of this plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers_dmnd.local.short_links.event_items import draw_items
from workers_dmnd.local.short_links.job import ShortLinkJob
from workers_dmnd.local.short_links.ledger import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.demo.outcome import Outcome
    from worker_runtime.local.stage.stage import Stage


class ShortLinks:
    """Event items in the demand table, through two workers, to a short link each."""

    name = "short-links"
    summary = "events arrive in the demand table and get short links from a Bitly that throttles now and then"
    stack = "dmnd"
    events = 50
    speed = 20.0

    def run(
        self, stage: Stage, *, events: int, faults: frozenset[str], seed: int, tell: Callable[[str], None]
    ) -> Outcome:
        """Drive the job on a started stage and settle the books."""
        items = draw_items(seed, events=events, poison="poison" in faults)
        job = ShortLinkJob(stage, items, tell=tell)
        if "poison" in faults:
            job.send_garbage()
        job.put_all()
        seen = job.finish()
        return judge(items, seen, link_for=job.link_for)


SCENARIOS: Final = (ShortLinks(),)
