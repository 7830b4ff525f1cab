"""What the generator would do for a sale: counted, and nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workers_dmnd.local.operating.fans import Fan
    from workers_dmnd.models import Demand


class Forecast(Struct, frozen=True, rename="camel"):
    """A sale's fans, each counted under one reason why not or as a recipient.

    ``would_be_made`` is the most that can come: the campaign's audience, unknown here, may leave some out.
    """

    fans: int = 0
    do_not_want: int = 0
    opted_out: int = 0
    without_phone: int = 0
    recipients: int = 0
    already_there: int = 0

    @property
    def would_be_made(self) -> int:
        """How many notifications are missing."""
        return self.recipients - self.already_there


def forecast(fans: Iterable[Sequence[Fan]]) -> Forecast:
    """Go through a sale's fans and count them."""
    counts = dict.fromkeys(Forecast.__struct_fields__, 0)
    for some in fans:
        for fan in some:
            counts["fans"] += 1
            counts[_kind(fan.demand) if not fan.is_recipient else "recipients"] += 1
            counts["already_there"] += fan.is_recipient and fan.item is not None
    return Forecast(**counts)


def _kind(demand: Demand) -> str:
    if demand.opt_out:
        return "opted_out"
    return "without_phone" if demand.notify else "do_not_want"
