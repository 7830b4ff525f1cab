"""The scenario ``large-fan-out``: one sale, thousands of fans, a table that is short of capacity.

Its sale falls due tomorrow, so nothing is sent: what is watched is the generator alone, asked for by
hand twice at once, killed in the middle where crashes are wanted.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker_runtime.local.demo.diary import Diary
from worker_runtime.local.demo.outcome import Finding, Outcome
from worker_runtime.local.offers import ScenarioStuck
from worker_runtime.local.stage.stage import InvocationFailed
from workers_dmnd.keys import notification_keys, sale_keys
from workers_dmnd.local.sale_to_sms.cast import Cast, Fate, Part, draw_cast
from workers_dmnd.local.sale_to_sms.ledger import UNACCOUNTED, notification_id
from workers_dmnd.local.sale_to_sms.stories import Story
from workers_dmnd.local.upstream import Upstream
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from worker_runtime.local.stage.stage import Stage
    from workers_dmnd.local.sale_to_sms.cast import Fan

GENERATOR: Final = "dmnd.notificationGenerator"
UNPROCESSED: Final = 0.2
DAY_S: Final = 86_400
MARKED: Final = 25
"""Notifications that are sent, for all the generator can know, while it is still at work."""

_WITHIN_S: Final = 600.0  # of the machine's time, as all that follow
_LOOK_S: Final = 0.3
_AT_WORK_S: Final = 1.5


class LargeFanOut(Struct, frozen=True):
    """One sale to thousands of fans, through the generator, to one notification each."""

    name: str = "large-fan-out"
    summary: str = (
        "thousands of fans of one sale get one notification each, though a fifth of the writes is refused"
    )
    stack: str = "dmnd"
    events: int = 12_345
    speed: float = 20.0

    def run(
        self, stage: Stage, *, events: int, faults: frozenset[str], seed: int, tell: Callable[[str], None]
    ) -> Outcome:
        """Drive the job on a started stage and settle the books."""
        diary = Diary(stage.memory(f"scenario {self.name}"))
        cast = draw_cast(
            seed,
            fans=events,
            parts=(Part(Story.DELIVERED), Part(Story.OPTED_OUT)),
            fates=(Fate.LINKED,),
            now=diary.first("begun at", stage.clock.now),
        )
        job = FanOutJob(stage, cast, diary=diary, tell=tell)
        job.put_all()
        job.generate(kill="crash" in faults)
        return judge(cast, job.items(), marked=job.marked)


class FanOutJob:
    """Drives the job on one stage."""

    def __init__(self, stage: Stage, cast: Cast, *, diary: Diary, tell: Callable[[str], None]) -> None:
        self._diary = diary
        self.marked: frozenset[str] = frozenset()
        self._stage = stage
        self._cast = cast
        self._sale = cast.sales[0]
        self._tell = tell
        self._upstream = Upstream(
            stage.aws("dynamodb"), table=stage.named("table", "demand-table"), clock=stage.clock
        )

    def put_all(self) -> None:
        """Put the event, its fans and the sale, and make the table short of capacity."""
        now = self._diary.first("put at", self._stage.clock.now)
        tomorrow = timestamp(now + DAY_S)
        sale = {**self._sale.sale_item(now=now), "notifyAt": tomorrow, "GSI1SK": tomorrow}
        items = [self._sale.event_item(now=now), *(fan.demand_item(now=now) for fan in self._cast.fans)]
        self._diary.once("put fans", lambda: self._upstream.put_whole(items))  # which no worker changes
        whole = {name: value for name, value in sale.items() if name != "campaignId"}
        self._upstream.put_missing([whole])
        self._stage.throttle_writes(share=UNPROCESSED)
        self._tell(f"{len(self._cast.fans)} fans are put; a fifth of all writes will be left unprocessed")

    def generate(self, *, kill: bool) -> None:
        """Ask for the sale twice at once; mark some of what is made as sent, kill the generator if asked."""
        asked = {"eventId": self._sale.event_id, "saleId": self._sale.sale_id}
        began = time.monotonic()
        answers: list[Any] = []
        generators = [
            self._stage.threads.thread(partial(self._ask, asked, answers), name=f"asked-{at}")
            for at in range(2)
        ]
        for each in generators:
            each.start()
        self._wait(lambda generation: generation["id"] != "NONE")
        if kill:
            self._stage.look_again(within_s=_AT_WORK_S)
            if self._stage.kill_worker(GENERATOR) is not None:
                self._tell("the generator is killed in the middle of a chunk; its lease has to expire now")
        self._wait(lambda generation: bool(generation.get("cursor")) or generation["id"] == "DONE")
        self._mark()
        for each in generators:
            each.join()
        self._wait(lambda generation: generation["id"] in ("DONE", "FAILED"))
        took_s = time.monotonic() - began
        self._tell(f"the two that were asked at once said: {'; '.join(map(str, answers))}")
        self._tell(f"{len(self._cast.fans) / took_s:.0f} fans a second, {took_s:.1f} s in all")

    def items(self) -> list[dict[str, Any]]:
        """Read the whole table."""
        return self._upstream.items()

    def _ask(self, asked: Mapping[str, str], answers: list[Any]) -> None:
        try:
            answers.append(self._stage.invoke(GENERATOR, asked))
        except InvocationFailed as failed:  # it was killed: the next tick goes on when the lease has expired
            answers.append(failed)

    def _mark(self) -> None:
        """Note some notifications as sent, as a sender would."""
        made = [fan for fan in self._cast.fans if fan.story.due.status is not None]
        chosen = [notification_id(fan) for fan in made[:: max(1, len(made) // MARKED)]]
        there = {item["PK"] for item in self.items() if item["SK"] == "NTF"}
        ids_there = [each for each in chosen if notification_keys(each)["PK"] in there]
        ids = self._diary.first("marked", lambda: ids_there)
        for each in ids:
            self._upstream.change(notification_keys(each), {"status": {"id": "SENT"}})
        self.marked = frozenset(ids)
        self._tell(f"{len(ids)} notifications count as sent from here on")

    def _wait(self, come_true: Callable[[Mapping[str, Any]], bool]) -> None:
        """Wait until the sale's generation is as asked, telling how far it is."""
        ends_at, told = time.monotonic() + _WITHIN_S, ""
        while True:
            generation = self._upstream.find(sale_keys(self._sale.event_id, self._sale.sale_id))["generation"]
            status = f"generation {generation['id']}, {generation.get('written', 0)} written"
            if status != told:
                self._tell(status)
                told = status
            if come_true(generation):
                return
            if time.monotonic() > ends_at:
                raise ScenarioStuck(f"{GENERATOR} was not done after {_WITHIN_S:g} s: {status}.")
            self._stage.look_again(within_s=_LOOK_S)


def judge(cast: Cast, items: Sequence[Mapping[str, Any]], *, marked: frozenset[str]) -> Outcome:
    """Hold the table to one notification for each fan who wants one, none written over."""
    due = {notification_id(fan): fan for fan in cast.fans if fan.story.due.status is not None}
    made = {str(item["PK"]).removeprefix("NTF#"): item for item in items if item["SK"] == "NTF"}
    sale = next(item for item in items if item["type"] == "sale")
    findings = tuple(_findings(due.keys(), made, sale, marked=marked))
    endings = Counter(_ending(fan, made.keys()) for fan in cast.fans)
    return Outcome(
        endings=dict(sorted(endings.items())),
        findings=findings,
        remarks=(f"generation: {sale['generation']['passes']} pass, {len(marked)} were sent meanwhile",),
        state=_digest(made, sale),
    )


def _ending(fan: Fan, made: Collection[str]) -> str:
    """Name how it ended for a fan, by what is in the table."""
    is_made, is_due = notification_id(fan) in made, fan.story.due.status is not None
    if is_made != is_due:
        return UNACCOUNTED
    return "notified" if is_made else fan.story.value


def _digest(made: Mapping[str, Mapping[str, Any]], sale: Mapping[str, Any]) -> str:
    """Sum up who is told what, and how the sale ended."""
    told = [[each, item["userId"], item["to"], item["vars"]] for each, item in sorted(made.items())]
    ended = [sale["generation"]["id"], int(sale["generation"]["written"])]
    return sha256(json.dumps([told, ended], sort_keys=True, default=str).encode()).hexdigest()[:16]


def _findings(
    due: Any, made: Mapping[str, Mapping[str, Any]], sale: Mapping[str, Any], *, marked: frozenset[str]
) -> Iterator[Finding]:
    yield from (Finding(each, "has no notification") for each in due - made.keys())
    yield from (Finding(each, "is a notification that nobody asked for") for each in made.keys() - due)
    for each in marked:
        if made[each]["status"]["id"] != "SENT":
            yield Finding(each, "was sent, and was written over")
    generation = sale["generation"]
    if (generation["id"], int(generation["written"])) != ("DONE", len(due)):
        yield Finding(sale["saleId"], f"ended {generation['id']} with {generation['written']} of {len(due)}")
