"""What no worker can read: an event and a sign-up that upstream mends later, and strangers' receipts."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final, cast

from workers_dmnd.keys import event_keys, notification_keys
from workers_dmnd.local.sale_to_sms.stories import Story
from workers_dmnd.local.sms import STATUS_STREAM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.local.dead_letters.letters import Letter
    from worker_runtime.local.demo.diary import Diary
    from worker_runtime.local.stage.stage import Stage
    from workers_dmnd.local.sale_to_sms.cast import Cast
    from workers_dmnd.local.sms import SmsStandIn
    from workers_dmnd.local.upstream import Upstream
CANARY: Final = ("+12125550151", "canary.receipt@example.com")
"""Personal data that must not show in any log."""
GARBAGE: Final = "receipt of nobody's"
STRANGERS: Final = 2
"""Receipts that stay dead letters: one is no receipt at all, one is of a message that nobody sent."""


class Poison:
    """Spoils some of the input, and sets right what upstream can."""

    def __init__(self, stage: Stage, upstream: Upstream, players: Cast, *, diary: Diary) -> None:
        self._diary = diary
        self._stage = stage
        self._upstream = upstream
        self._players = players
        self._strangers = [GARBAGE.encode()]
        self._right: list[tuple[Mapping[str, str], Mapping[str, Any]]] = []  # keys, attributes to set

    @property
    def spoilt(self) -> frozenset[str]:
        """The hash keys of the items that nobody can read as long as they are not mended."""
        return frozenset(keys["PK"] for keys, _ in self._right)

    def spoil(self, confirmations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Spoil a sign-up's notification, put an event that cannot be read, leave strangers' receipts."""
        self._put_event()
        self._leave_receipts()
        signed_up = self._players.of(None)
        at = next((at for at, fan in enumerate(signed_up) if fan.story is Story.DELIVERED), None)
        spoilt = [*confirmations]
        if at is None:  # so few fans that none of them is simply told
            return spoilt
        spoilt[at] = self._broken(
            spoilt[at], notification_keys(signed_up[at].confirmation_id), vars=[*CANARY]
        )
        return spoilt

    def is_strangers(self, letter: Letter) -> bool:
        """Say whether a dead letter holds a receipt that nobody can mend."""
        if letter.form != "envelope":
            return False
        record = json.loads(letter.body)["record"]
        carried = b64decode(record.get("kinesis", {}).get("data", ""))
        return any(sign in carried for sign in self._strangers)

    def mend(self) -> None:
        """Set right what can be read by nobody; once."""
        for keys, right in self._right:
            self._upstream.change(keys, right)
        self._right.clear()

    def _put_event(self) -> None:
        sale = self._players.sales[0]
        event_id = f"{sale.event_id}X"
        now = self._stage.clock.now()
        item = {**sale.event_item(now=now), **event_keys(event_id), "eventId": event_id, "id": event_id}
        broken = self._broken(item, event_keys(event_id), id=[*CANARY])
        self._diary.once("put the broken event", lambda: self._upstream.put_whole([broken]))

    def _leave_receipts(self) -> None:
        self._diary.once("put a stranger's receipt", self._leave_garbage)
        stray = self._diary.first("stray", cast("SmsStandIn", self._stage.stand_in("sms")).report_stray)
        self._strangers.append(stray.encode())

    def _leave_garbage(self) -> None:
        phone, email = CANARY
        arn = self._stage.named("stream", STATUS_STREAM)
        text = f"{GARBAGE}: {phone}, {email}"
        self._stage.aws("kinesis").put_record(StreamARN=arn, PartitionKey="stranger", Data=text.encode())

    def _broken(self, item: Mapping[str, Any], keys: Mapping[str, str], **wrong: Any) -> dict[str, Any]:
        self._right.append((keys, {name: item[name] for name in wrong}))
        return {**item, **wrong}
