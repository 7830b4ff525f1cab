"""Single stories of a sign-up's notification, each with somebody in between: what the machine rarely meets.

Each names the guard, or the second look, without which it would end wrongly.
"""

from __future__ import annotations

import pytest

from demand_laws import Laws
from demand_workers import Interruption, Trouble
from demand_world import Act, World

CLAIMS, CALLS, ACCEPTS, LOOKS = range(4)
"""Points of a sender's run."""
DELIVERED, UNDELIVERED, FAILED = range(3)
"""What may be reported of the latest message."""
TWO_MINUTES = 3
"""Longer than a lease, and than the first wait before another attempt."""

AN_HOUR = 6
"""Longer than a receipt waits for its sending to become known."""
OBSTACLES = ("is out of reach", "has no turn", "has no time")
"""What keeps a sender from claiming."""

SIGNED_UP = (Act("tick"), Act("sign up"))
TO_BE_SENT_AGAIN = (Act("wait", TWO_MINUTES), Act("tick"))
OTHERS_CLAIM = Act("go on", answer="lets nobody in")  # and keep it
OTHERS_SEND = Act("go on")


def at(point: int, *acts: Act, kind: str = "send", which: int = 0, answer: str = "accepts") -> Act:
    """Let others act at a point of a worker's run."""
    return Act(kind, which, answer, Interruption(point, "meanwhile"), acts)


def died_then(report: int, obstacle: str) -> tuple[Act, ...]:
    """Have a sender die before it looks for a parked receipt, and the next one meet an obstacle."""
    return (
        Act("send", answer="loses its answer"),
        Act("tell", report),
        *TO_BE_SENT_AGAIN,
        trouble(LOOKS, "crash"),
        Act("send", answer=obstacle),
    )


def trouble(point: int, trouble: Trouble, *, kind: str = "send", answer: str = "accepts") -> Act:
    return Act(kind, 0, answer, Interruption(point, trouble))


STORIES = {
    "accepted when the next sending is under way (clientMessageId)": (
        at(ACCEPTS, Act("tell", UNDELIVERED), OTHERS_CLAIM),
    ),
    "refused when another has the lease (leaseUntil)": (at(CALLS, OTHERS_CLAIM, answer="refuses for now"),),
    "given up when another has the lease (leaseUntil)": (at(CALLS, OTHERS_CLAIM, answer="refuses for good"),),
    "recovered twice (leaseUntil)": (
        Act("send", answer="lets nobody in"),
        at(2, OTHERS_CLAIM, kind="tick"),
    ),
    "a failure told twice at once (epoch)": (
        Act("send"),
        Act("report", UNDELIVERED),
        at(1, Act("receive again"), OTHERS_SEND, kind="receive"),
    ),
    "claimed twice at once (version)": (at(CLAIMS, Act("send again")),),
    "accepted after it was delivered": (at(ACCEPTS, Act("tell", DELIVERED)),),
    "accepted after it failed (its pointer)": (at(ACCEPTS, Act("tell", FAILED)),),
    "accepted by who had lost the lease": (at(ACCEPTS, OTHERS_SEND),),
    "died when it was claimed": (trouble(CALLS, "crash"),),
    "died when it was accepted": (trouble(ACCEPTS, "crash"), Act("tell", UNDELIVERED)),
    "died before it looked for a receipt (catch up)": (
        Act("send", answer="loses its answer"),
        Act("tell", FAILED),
        *TO_BE_SENT_AGAIN,
        trouble(LOOKS, "crash"),
    ),
    **{
        f"died before it looked for receipt {report}, the next one {obstacle} (catch up)": died_then(
            report, obstacle
        )
        for obstacle in OBSTACLES
        for report in (DELIVERED, UNDELIVERED, FAILED)
    },
    "the answer lost, the failure told (parked)": (
        Act("send", answer="loses its answer"),
        Act("tell", UNDELIVERED),
    ),
    "the answer lost, the delivery told": (Act("send", answer="loses its answer"), Act("tell", DELIVERED)),
    "the answer lost, then refused, and its delivery told when nobody can know whose it is (orphan)": (
        Act("send", answer="loses its answer"),
        *TO_BE_SENT_AGAIN,
        Act("send", answer="refuses for good"),
        Act("report", DELIVERED),
        Act("wait", AN_HOUR),
        Act("receive"),
    ),
    "claimed, though nobody said so": (trouble(CLAIMS, "written but not said"),),
    "no table when it was accepted": (trouble(ACCEPTS, "outage"), Act("tell", FAILED)),
    "its message known while its receipt was parked (second look)": (
        Act("send", answer="loses its answer"),
        Act("report", FAILED),
        *TO_BE_SENT_AGAIN,
        at(1, Act("send"), kind="receive"),
    ),
    "its change lost (nudge)": (Act("lose"),),
    "reopened, then the first message delivered": (
        Act("send"),
        Act("tell", FAILED),
        Act("reopen"),
        Act("tell", DELIVERED),
    ),
    "three times undelivered": (Act("send"), *(Act("tell", UNDELIVERED), OTHERS_SEND) * 3),
}


@pytest.mark.parametrize("names_sendings", [True, False], ids=["sendings named", "messages named"])
@pytest.mark.parametrize("story", STORIES)
def test_a_story_keeps_the_laws_and_comes_to_an_end(story: str, names_sendings: bool) -> None:
    world = World(names_sendings=names_sendings)
    laws = Laws(world)

    for act in (*SIGNED_UP, *STORIES[story]):
        world.do(act)
        laws.check()
    world.settle()

    laws.check()
    laws.check_end()
