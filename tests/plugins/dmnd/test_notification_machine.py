"""Whatever happens, in whatever order: the four workers keep a notification's laws and bring it to an end.

Random acts of ``demand_world``, some in trouble: a crash, an outage, others who act meanwhile. After each,
``demand_laws`` hold; in the end time passes in peace, and nothing may be stuck.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from demand_laws import Laws
from demand_service import ANSWERS
from demand_workers import Interruption
from demand_world import Act, World

# What happens often stands here often: what moves a notification on, so that runs get far.
OFTEN = ("go on", "tell", "tick", "send", "report", "receive", "wait")
NOW_AND_THEN = ("generate", "send again", "receive again", "sign up", "reopen")
RARELY = ("lose", "suppress", "opt out", "index lags")
KINDS = OFTEN * 4 + NOW_AND_THEN * 2 + RARELY
WORK = ("send",) * 6 + ("tick", "receive") * 3 + ("generate", "send again", "receive again")
MEANWHILE = ("go on", "tell") * 4 + ("tick", "send", "receive", "receive again", "wait", "generate", "reopen")
HEALTHY = ("tick", "generate", "tick", "send", "send", "sign up", "send", "report", "receive")

answers = st.sampled_from(("accepts",) * 5 + ("loses its answer", "lets nobody in") * 2 + ANSWERS)
numbers = st.integers(0, 11)
points = st.integers(0, 4)
acts = st.builds(Act, kind=st.sampled_from(KINDS), which=numbers, answer=answers)
others = st.builds(Act, kind=st.sampled_from(MEANWHILE), which=numbers, answer=answers)
trouble = st.builds(
    Interruption, at=points, trouble=st.sampled_from(["crash", "outage", "written but not said"])
)


class NotificationMachine(RuleBasedStateMachine):
    """One sale, two fans, a sign-up, and all that may go wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(names_sendings=True)
        self.laws = Laws(self.world)

    @initialize(names_sendings=st.booleans(), healthy=st.integers(0, len(HEALTHY)))
    def begin(self, names_sendings: bool, healthy: int) -> None:
        """Let nothing go wrong for a while."""
        self.world = World(names_sendings=names_sendings)
        self.laws = Laws(self.world)
        for kind in HEALTHY[:healthy]:
            self.world.do(Act(kind))

    @rule(act=acts)
    def something_happens(self, act: Act) -> None:
        self.world.do(act)

    @rule(kind=st.sampled_from(WORK), which=numbers, answer=answers, trouble=trouble)
    def a_worker_has_trouble(self, kind: str, which: int, answer: str, trouble: Interruption) -> None:
        self.world.do(Act(kind, which, answer, trouble))

    @rule(
        kind=st.sampled_from(WORK),
        which=numbers,
        answer=answers,
        at=points,
        meanwhile=st.lists(others, min_size=1, max_size=3),
    )
    def others_act_while_a_worker_is_at_it(
        self, kind: str, which: int, answer: str, at: int, meanwhile: list[Act]
    ) -> None:
        self.world.do(Act(kind, which, answer, Interruption(at, "meanwhile"), tuple(meanwhile)))

    @invariant()
    def the_laws_hold(self) -> None:
        self.laws.check()

    def teardown(self) -> None:
        """Let all come to an end."""
        self.world.settle()
        self.laws.check()
        self.laws.check_end()


TestNotificationMachine = NotificationMachine.TestCase
TestNotificationMachine.settings = settings(max_examples=40, stateful_step_count=40)


@pytest.mark.long
def test_many_more_interleavings_keep_the_laws() -> None:
    run_state_machine_as_test(
        NotificationMachine, settings=settings(max_examples=160, stateful_step_count=50)
    )
