"""The job that ``workers demo`` shows: upstream puts events, the workers give links, an operator redrives."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from workers_dmnd.local.bitly import Bitlink
from workers_dmnd.local.short_links.dead_letters import identified
from workers_dmnd.local.short_links.event_items import Story, garbage, in_bursts
from workers_dmnd.local.short_links.ledger import STRANGER, Letter, Seen
from workers_dmnd.local.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.local.demo.diary import Diary
    from worker_runtime.local.stage.stage import Stage
    from workers_dmnd.local.bitly import BitlyStandIn
    from workers_dmnd.local.short_links.event_items import EventItem

QUEUE: Final = "event-short-url"
DEAD_LETTERS: Final = ("demand-stream-to-sqs-dlq", "event-short-url-dlq")
NO_LINK: Final = Bitlink(long_url="", domain="bit.ly", group_guid="none", created_at="")

_BURST: Final = 10
_BETWEEN_BURSTS_S: Final = 5.0  # of the stage's clock, as all that follow but ``_STATUS_S``
_CLOSED_FOR_S: Final = 10
_THROTTLED_FOR_S: Final = 5
_THROTTLE_EVERY: Final = 9
_FIRST_REQUEST_S: Final = 300.0
_REST_WITHIN_S: Final = 1_800.0
_REST_PER_ITEM_S: Final = 2.0  # Bitly takes 100 requests a minute
_REDRIVES: Final = 4  # an outage may last into the first ones
_STATUS_S: Final = 1.0


class ShortLinkJob:
    """Drives the job on one stage and keeps what the ledger asks for."""

    def __init__(
        self, stage: Stage, items: Sequence[EventItem], *, diary: Diary, tell: Callable[[str], None]
    ) -> None:
        self._stage = stage
        self._diary = diary
        self._items = items
        self._tell = tell
        self._upstream = Upstream(
            stage.aws("dynamodb"), table=stage.named("table", "demand-table"), clock=stage.clock
        )
        self._bitly = cast("BitlyStandIn", stage.stand_in("bitly"))
        self._put = 0
        self._strangers = 0
        self._told = ""
        self._told_at = -_STATUS_S

    def put_all(self) -> None:
        """Put all items in bursts, edits between them; the withdrawn first, while Bitly refuses everybody.

        So none of these can have a link before it is suppressed, whatever is fast that day.
        """
        withdrawn = [item for item in self._items if item.story is Story.WITHDRAWN]
        others = [item for item in self._items if item.story is not Story.WITHDRAWN]
        self._diary.once("withdraw some", lambda: self._withdraw(withdrawn))
        self._put = put = len(withdrawn)
        for nth, burst in enumerate(in_bursts(others, _BURST)):
            self._diary.once(f"burst {nth}", partial(self._put_and_edit, burst, before=put))
            self._put = put = put + len(burst)

    def send_garbage(self) -> None:
        """Send a message that no worker can read, as a stranger would."""
        self._strangers += 1
        self._diary.once("garbage", self._leave_garbage)

    def finish(self) -> Seen:
        """Wait for rest; mend and redrive as an operator would; then look at what there is."""
        idle = self._rest()
        letters = self._letters()
        first = self._diary.first("letters", lambda: letters, kind=list[Letter])
        for _ in range(_REDRIVES):
            if all(letter.item == STRANGER for letter in letters):
                break
            self._redrive(letters)
            idle = self._rest()
            letters = self._letters()
        self._tell_status(pause_s=0)
        return Seen(
            items=self._upstream.items(),
            links_given=len(self._bitly.links),
            letters=first,
            left=letters,
            strangers=self._strangers,
            copies=self._diary.is_old or bool(self._stage.options.faults - {"poison"}),
            idle=idle,
        )

    def link_for(self, url: str) -> str:
        """Compute the link that Bitly gives a URL in the one domain and group that the workers may use."""
        account = next(iter(self._bitly.links), NO_LINK)
        return replace(account, long_url=url).link

    def _withdraw(self, withdrawn: Sequence[EventItem]) -> None:
        self._bitly.throttle(every=1, retry_after_s=_CLOSED_FOR_S)
        self._put_burst(withdrawn, before=0)
        self._wait_until(lambda: self._bitly.count() > 0, within_s=_FIRST_REQUEST_S)
        self._edit(withdrawn)
        self._tell(_suppressed(len(withdrawn)))
        self._bitly.throttle(every=_THROTTLE_EVERY, retry_after_s=_THROTTLED_FOR_S)

    def _put_and_edit(self, burst: Sequence[EventItem], *, before: int) -> None:
        self._put_burst(burst, before=before)
        self._edit(burst)

    def _leave_garbage(self) -> None:
        self._stage.aws("sqs").send_message(QueueUrl=self._stage.named("queue", QUEUE), MessageBody=garbage())
        self._tell(f"a stranger leaves a message in {QUEUE}")

    def _put_burst(self, burst: Sequence[EventItem], *, before: int) -> None:
        for item in burst:
            self._upstream.put(item)
        self._put = before + len(burst)
        self._tell_status()
        self._stage.clock.sleep(_BETWEEN_BURSTS_S)

    def _edit(self, burst: Sequence[EventItem]) -> None:
        for item in burst:
            for change in item.edits:
                self._upstream.edit(item, change)

    def _redrive(self, letters: Sequence[Letter]) -> None:
        stopped = {letter.item for letter in letters}
        mended = [item for item in self._items if item.mending and item.event_id in stopped]
        for item in mended:
            self._upstream.edit(item, item.mending)
            self._tell(f"mended {', '.join(item.mending)} of event {item.event_id}")
        for queue in DEAD_LETTERS:
            if count := self._stage.redrive(queue, refresh=True):
                self._tell(f"redrove {_many(count, 'dead letter')} of {queue}")

    def _letters(self) -> list[Letter]:
        return [
            identified(found, queue=queue)
            for queue in DEAD_LETTERS
            for found in self._stage.dead_letters(queue)
        ]

    def _rest(self) -> bool:
        return self._wait_until(
            self._stage.idle, within_s=_REST_WITHIN_S + _REST_PER_ITEM_S * len(self._items)
        )

    def _wait_until(self, come_true: Callable[[], bool], *, within_s: float) -> bool:
        """Wait for up to ``within_s`` of the stage's seconds, telling how things are."""
        clock = self._stage.clock
        ends_at = clock.now() + within_s
        while not come_true():
            if clock.now() > ends_at:
                return False
            self._tell_status()
            self._stage.look_again(within_s=_STATUS_S / 10)
        return True

    def _tell_status(self, *, pause_s: float = _STATUS_S) -> None:
        """Tell how things are, once in ``pause_s`` of the machine's seconds and only where they moved."""
        if time.monotonic() - self._told_at < pause_s:
            return
        status, self._told_at = self._status(), time.monotonic()
        if status != self._told:
            self._tell(status)
            self._told = status

    def _status(self) -> str:
        brought = sum(item.story is Story.LINKED for item in self._items)
        links = max(self._upstream.links() - brought, 0)
        throttled, failed = self._bitly.count(status=429), self._bitly.count(status=503)
        said = [
            f"{self._put} of {len(self._items)} items put",
            f"{_many(links, 'link')} set",
            f"Bitly throttled {_many(throttled, 'time')}",
            *([f"down {_many(failed, 'time')}"] if failed else []),
        ]
        return ", ".join(said)


def _suppressed(count: int) -> str:
    if count == 1:
        told = "1 event is suppressed by its organiser while its message waits for Bitly"
    else:
        told = f"{count} events are suppressed by their organisers while their messages wait for Bitly"
    return f"{told}: part of the scenario"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
