"""What ``workers demo`` can show of this plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime.local.demo.diary import Diary
from workers_dmnd.local.large_fan_out import LargeFanOut
from workers_dmnd.local.sale_to_sms.cast import Fate, Part, draw_cast
from workers_dmnd.local.sale_to_sms.job import SaleToSms
from workers_dmnd.local.sale_to_sms.ledger import judge as judge_sales
from workers_dmnd.local.sale_to_sms.stories import FAILURES, LEFT_OUT, RECEIPTS, Story
from workers_dmnd.local.short_links.event_items import draw_items
from workers_dmnd.local.short_links.job import ShortLinkJob
from workers_dmnd.local.short_links.ledger import judge as judge_links

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
        diary = Diary(stage.memory(f"scenario {self.name}"))
        job = ShortLinkJob(stage, items, diary=diary, tell=tell)
        if "poison" in faults:
            job.send_garbage()
        job.put_all()
        seen = job.finish()
        return judge_links(items, seen, link_for=job.link_for)


class Sales(Struct, frozen=True, kw_only=True):
    """Sales and sign-ups in the demand table, through six workers, to an SMS each."""

    name: str
    summary: str
    parts: tuple[Part, ...]
    fates: tuple[Fate, ...]
    events: int = 60
    speed: float = 60.0
    stack: str = "dmnd"

    def run(
        self, stage: Stage, *, events: int, faults: frozenset[str], seed: int, tell: Callable[[str], None]
    ) -> Outcome:
        """Drive the job on a started stage and settle the books; ``events`` are fans."""
        diary = Diary(stage.memory(f"scenario {self.name}"))
        now = diary.first("begun at", stage.clock.now)
        cast = draw_cast(seed, fans=events, parts=self.parts, fates=self.fates, now=now)
        job = SaleToSms(stage, cast, poisoned="poison" in faults, diary=diary, tell=tell)
        job.put_all()
        return judge_sales(cast, job.finish(), link_for=job.link_for)


def _parts(*stories: Story, share: float = 2.0, sign_up: bool = False) -> tuple[Part, ...]:
    return tuple(Part(story, share, sign_up) for story in stories)


HELD: Final = Part(Story.DELIVERED)
SIGN_UPS: Final = _parts(Story.DELIVERED, share=5.0, sign_up=True)

SCENARIOS: Final = (
    Sales(
        name="sale-to-sms",
        summary="sales fall due, each fan who wants to know gets exactly one SMS, receipts close the loop",
        parts=(
            HELD,
            *SIGN_UPS,
            *_parts(Story.NO_TEXT, share=1.0, sign_up=True),
            *_parts(Story.NOT_TOLD, share=8.0),
            *_parts(*RECEIPTS, *FAILURES, *LEFT_OUT),
        ),
        fates=(Fate.HELD, Fate.LINKED, Fate.HELD, Fate.SUPPRESSED, Fate.CANCELLED),
        events=300,
    ),
    Sales(
        name="nothing-to-tell",
        summary="events are suppressed or cancelled when their sales fall due, and no fan hears of them",
        parts=(HELD, *SIGN_UPS, *_parts(Story.NOT_TOLD, share=70.0)),
        fates=(Fate.SUPPRESSED, Fate.CANCELLED, Fate.SUPPRESSED, Fate.LINKED),
    ),
    Sales(
        name="sign-ups",
        summary="sign-ups are confirmed at once, past the scheduler, in whatever language",
        parts=(
            Part(Story.DELIVERED, sign_up=True),
            *_parts(*RECEIPTS, Story.NO_TEXT, Story.INVALID_NUMBER, share=5.0, sign_up=True),
        ),
        fates=(Fate.LINKED,),
    ),
    Sales(
        name="late-receipts",
        summary="receipts come early, late, twice and out of order, and each notification ends right",
        parts=(HELD, *SIGN_UPS, *_parts(*RECEIPTS, share=12.0)),
        fates=(Fate.HELD, Fate.LINKED),
    ),
    Sales(
        name="no-way-through",
        summary="phones, carriers and the SMS service fail for good: three attempts, then no more",
        parts=(HELD, *SIGN_UPS, *_parts(*FAILURES, share=12.0)),
        fates=(Fate.HELD, Fate.LINKED),
    ),
    LargeFanOut(),
    ShortLinks(),
)
