"""What no worker can read: an event and a sign-up that upstream mends later, and a stranger's receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from workers_dmnd.keys import event_keys, notification_keys
from workers_dmnd.local.sale_to_sms.stories import Story

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.local.stage.stage import Stage
    from workers_dmnd.local.sale_to_sms.cast import Cast
    from workers_dmnd.local.upstream import Upstream

STATUS_STREAM: Final = "sms-status-stream"
CANARY: Final = ("+12125550151", "canary.receipt@example.com")
"""Personal data that must not show in any log."""
GARBAGE: Final = "receipt of nobody's"


class Poison:
    """Spoils some of the input, and sets right what upstream can."""

    def __init__(self, stage: Stage, upstream: Upstream, cast: Cast) -> None:
        self.strangers = 0
        self._stage = stage
        self._upstream = upstream
        self._cast = cast
        self._right: list[tuple[Mapping[str, str], Mapping[str, Any]]] = []  # keys, attributes to set

    def spoil(self, confirmations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Spoil one of the sign-ups' notifications, put an event that cannot be read, leave a receipt."""
        self._put_event()
        self._leave_receipt()
        signed_up = self._cast.of(None)
        at = next(at for at, fan in enumerate(signed_up) if fan.story is Story.DELIVERED)
        spoilt = [*confirmations]
        spoilt[at] = self._broken(
            spoilt[at], notification_keys(signed_up[at].confirmation_id), vars=[*CANARY]
        )
        return spoilt

    def mend(self) -> None:
        """Set right what can be read by nobody; once."""
        for keys, right in self._right:
            self._upstream.change(keys, right)
        self._right.clear()

    def _put_event(self) -> None:
        sale = self._cast.sales[0]
        event_id = f"{sale.event_id}X"
        now = self._stage.clock.now()
        item = {**sale.event_item(now=now), **event_keys(event_id), "eventId": event_id, "id": event_id}
        self._upstream.put_whole([self._broken(item, event_keys(event_id), id=[*CANARY])])

    def _leave_receipt(self) -> None:
        phone, email = CANARY
        arn = self._stage.named("stream", STATUS_STREAM)
        text = f"{GARBAGE}: {phone}, {email}"
        self._stage.aws("kinesis").put_record(StreamARN=arn, PartitionKey="stranger", Data=text.encode())
        self.strangers += 1

    def _broken(self, item: Mapping[str, Any], keys: Mapping[str, str], **wrong: Any) -> dict[str, Any]:
        self._right.append((keys, {name: item[name] for name in wrong}))
        return {**item, **wrong}
