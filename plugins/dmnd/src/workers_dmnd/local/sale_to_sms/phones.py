"""Tells the SMS service's stand-in how each fan's phone behaves, so that their story comes true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers_dmnd.local import receipts
from workers_dmnd.local.sale_to_sms.stories import Story

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers_dmnd.local.receipts import Plan
    from workers_dmnd.local.sale_to_sms.cast import Cast
    from workers_dmnd.local.sms import SmsStandIn

PLANS: Final[Mapping[Story, tuple[Plan, ...]]] = {
    Story.EARLY_RECEIPT: (receipts.BEFORE_THE_ANSWER,),
    Story.LATE_RECEIPT: (receipts.LATE,),
    Story.RECEIPT_TWICE: (receipts.TWICE,),
    Story.SHUFFLED_RECEIPTS: (receipts.OUT_OF_ORDER,),
    Story.SECOND_SENDING: (receipts.UNDELIVERED, receipts.DELIVERED),
    Story.NEVER_REACHED: (receipts.UNDELIVERED,),
    Story.FAILED_FOR_GOOD: (receipts.FAILED,),
}
REFUSALS: Final = {Story.INVALID_NUMBER: "INVALID_NUMBER", Story.BARRED: "OPTED_OUT"}


def give_out(cast: Cast, sms: SmsStandIn) -> None:
    """Script the number of every fan whose story is not an ordinary one."""
    for fan in cast.fans:
        if fan.story in PLANS:
            sms.numbers.plan(fan.phone, *PLANS[fan.story])
        elif fan.story in REFUSALS:
            sms.numbers.refuse(fan.phone, code=REFUSALS[fan.story])
        elif fan.story is Story.SERVICE_FAILS:
            sms.numbers.fail(fan.phone)
        elif fan.story is Story.LOST_ANSWER:
            sms.numbers.lose_answers(fan.phone)
