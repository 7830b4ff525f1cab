"""The job of the scenario: upstream puts sales and fans, workers tell them, an operator mends the rest."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from workers_dmnd.keys import notification_keys
from workers_dmnd.local.bitly import link_for
from workers_dmnd.local.sale_to_sms.cast import CAMPAIGN
from workers_dmnd.local.sale_to_sms.ledger import Accepted, Letter, Seen, notification_id
from workers_dmnd.local.sale_to_sms.operator import Operator
from workers_dmnd.local.sale_to_sms.phones import give_out
from workers_dmnd.local.sale_to_sms.poison import STRANGERS, Poison
from workers_dmnd.local.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from worker_runtime.local.dead_letters.letters import Letter as Found
    from worker_runtime.local.demo.diary import Diary
    from worker_runtime.local.stage.stage import Stage
    from workers_dmnd.local.bitly import BitlyStandIn
    from workers_dmnd.local.campaign import CampaignStandIn
    from workers_dmnd.local.sale_to_sms.cast import Cast, Fan
    from workers_dmnd.local.sms import SmsStandIn

DEAD_LETTERS: Final = (
    *("demand-stream-to-sqs-dlq", "event-short-url-dlq", "notification-send-dlq", "sms-status-dlq"),
)
UNDER_WAY: Final = frozenset({"PENDING", "CREATED", "RETRY", "SENDING", "SENT"})

_REST_WITHIN_S: Final = 5_400.0  # of the stage's clock: two passes of backoff, leases and sweeps
_REST_PER_FAN_S: Final = 6.0
_ROUNDS: Final = 4  # of mending: an outage may last into the first ones
_LOOK_S: Final = 0.5  # of the machine's seconds, as all that follow
_STATUS_S: Final = 1.0


class SaleToSms:
    """Drives the job on one stage and keeps what the ledger asks for."""

    def __init__(
        self, stage: Stage, cast_: Cast, *, poisoned: bool, diary: Diary, tell: Callable[[str], None]
    ) -> None:
        self._stage = stage
        self._diary = diary
        self._cast = cast_
        self._tell = tell
        self._upstream = Upstream(
            stage.aws("dynamodb"), table=stage.named("table", "demand-table"), clock=stage.clock
        )
        self._sms = cast("SmsStandIn", stage.stand_in("sms"))
        self._bitly = cast("BitlyStandIn", stage.stand_in("bitly"))
        self._campaigns = cast("CampaignStandIn", stage.stand_in("campaign"))
        self._operator = Operator(stage)
        self._poison = Poison(stage, self._upstream, cast_, diary=diary) if poisoned else None
        self._told = ""
        self._told_at = -_STATUS_S

    def put_all(self) -> None:
        """Put events, sales that fall due soon, what fans want, and sign-ups to be confirmed."""
        now = self._diary.first("put at", self._stage.clock.now)
        self._diary.once("script", self._script)
        sales, fans = self._cast.sales, self._cast.fans
        self._put("events", [sale.event_item(now=now) for sale in sales])
        self._put("demands", [fan.demand_item(now=now) for fan in fans if fan.sale is not None])
        self._put("sales", [sale.sale_item(now=now) for sale in sales])
        self._tell(f"{len(sales)} sales fall due in two minutes and a half; {len(fans)} fans wait")
        signed_up = self._cast.of(None)
        on = next(sale for sale in sales if sale.fate.is_told)  # of others a confirmation may be suppressed
        items: list[Mapping[str, Any]] = [fan.confirmation_item(event=on, now=now) for fan in signed_up]
        if self._poison is not None:
            items = self._poison.spoil(items)
            self._tell("an event and a sign-up that cannot be read, and two strangers' receipts, are put too")
        self._put("sign-ups", items)

    def finish(self) -> Seen:
        """Wait for rest; mend, redrive and retry as an operator would; then look at what there is."""
        settled = self._rest()
        letters = self._letters()
        first = self._diary.first("letters", lambda: letters, kind=list[Letter])
        retried = Counter(self._diary.first("retried", dict[str, int]))
        for _ in range(_ROUNDS):
            failed = self._failed_by_accident()
            if all(letter.expected for letter in letters) and not failed:
                break
            self._mend(letters)
            if failed:
                retried.update(failed)
                self._diary.write("retried", retried)  # first: no fan may hear more often than that
                self._operator.retry(failed)
                self._tell(f"an operator has {len(failed)} failed notifications sent again")
            settled = self._rest()
            letters = self._letters()
        self._tell_status(self._upstream.items(), pause_s=0)
        return Seen(
            items=self._upstream.items(),
            accepted=[Accepted(each.client_message_id, each.to) for each in self._sms.messages],
            requests=self._sms.count("POST"),
            letters=first,
            left=letters,
            poison=0 if self._poison is None else STRANGERS,
            retried=retried,
            faults=self._diary.is_old or bool(self._stage.options.faults - {"poison"}),
            settled=settled,
        )

    def _script(self) -> None:
        """Say how the services treat this cast, all of it or nothing."""
        self._campaigns.put(CAMPAIGN, name="Spring tour")
        with self._sms.memory.together():
            give_out(self._cast, self._sms)

    def _put(self, what: str, items: Sequence[Mapping[str, Any]]) -> None:
        """Put items, once; on a stage that goes on those that are missing."""
        self._diary.once(
            f"put {what}",
            partial(self._upstream.put_whole, items),
            resumed=partial(self._upstream.put_missing, items),
        )

    def link_for(self, url: str) -> str:
        """Tell the link that Bitly gives a long URL in the domain that the workers use."""
        links = self._bitly.links
        return link_for(url, domain=links[0].domain if links else "bit.ly")

    def _mend(self, letters: Sequence[Letter]) -> None:
        if self._poison is not None:
            self._poison.mend()
        for queue in sorted({letter.queue for letter in letters if not letter.expected}):
            if count := self._stage.redrive(queue, refresh=True):
                self._tell(f"redrove {count} of {queue}")

    def _failed_by_accident(self) -> list[str]:
        """List notifications that failed for another reason than their story's: the service was down."""
        items = {item["PK"]: item for item in self._upstream.items() if item["SK"] == "NTF"}
        return [
            notification_id(fan)
            for fan in self._cast.fans
            if (item := items.get(notification_keys(notification_id(fan))["PK"])) is not None
            and _failed_otherwise(item, fan)
        ]

    def _letters(self) -> list[Letter]:
        return [
            Letter(queue, found.code, expected=self._is_strangers(found))
            for queue in DEAD_LETTERS
            for found in self._stage.dead_letters(queue)
        ]

    def _is_strangers(self, found: Found) -> bool:
        return self._poison is not None and self._poison.is_strangers(found)

    def _rest(self) -> bool:
        """Wait until no sale, notification, receipt or record is under way; False where it takes too long."""
        clock = self._stage.clock
        ends_at = clock.now() + _REST_WITHIN_S + _REST_PER_FAN_S * len(self._cast.fans)
        while not self._is_at_rest():
            if clock.now() > ends_at:
                return False
            self._stage.look_again(within_s=_LOOK_S)
        return True

    def _is_at_rest(self) -> bool:
        items = self._upstream.items()
        self._tell_status(items)
        spoilt = () if self._poison is None else self._poison.spoilt
        if any(_is_under_way(item) and item["PK"] not in spoilt for item in items):
            return False
        if self._sms.receipts_to_come:
            return False
        return self._stage.idle()

    def _tell_status(self, items: Sequence[Mapping[str, Any]], *, pause_s: float = _STATUS_S) -> None:
        """Tell how things are, once in ``pause_s`` and only where they moved."""
        if time.monotonic() - self._told_at < pause_s:
            return
        status, self._told_at = self._status(items), time.monotonic()
        if status != self._told:
            self._tell(status)
            self._told = status

    def _status(self, items: Sequence[Mapping[str, Any]]) -> str:
        sales = Counter(item["generation"]["id"] for item in items if item["type"] == "sale")
        states = Counter(item["status"]["id"] for item in items if item["SK"] == "NTF" and "status" in item)
        said = [f"sales {_listed(sales)}"]
        if states:
            said.append(f"notifications {_listed(states)}")
        said.append(f"SMS {len(self._sms.messages)} accepted, {self._sms.count(status=503)} times down")
        return "; ".join(said)


def _is_under_way(item: Mapping[str, Any]) -> bool:
    if item["type"] == "sale":
        return item["generation"]["id"] not in {"DONE", "FAILED"}
    return item["SK"] == "NTF" and item.get("status", {}).get("id") in UNDER_WAY


def _failed_otherwise(item: Mapping[str, Any], fan: Fan) -> bool:
    status, due = item["status"], fan.story.due
    if status["id"] != "FAILED":
        return False
    return due.status != "FAILED" or (due.reason is not None and due.reason not in str(status.get("reason")))


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counted.items()))
