"""Whatever happens, in whatever order: the four workers keep a notification's laws and bring it to an end.

Random acts of ``demand_world``, some in trouble: a crash, an outage, others who act meanwhile. After each,
``demand_laws`` hold; in the end time passes in peace, and nothing may be stuck.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import demand_laws as laws
from demand_service import ANSWERS
from demand_workers import Interruption
from demand_world import Act, World, left

ROUNDS = 80

# What happens often stands here often: what moves a notification on, so that runs get far.
OFTEN = ("go on", "tell", "tick", "send", "report", "receive", "wait")
NOW_AND_THEN = ("generate", "send again", "receive again", "sign up", "reopen")
RARELY = ("lose", "suppress", "opt out", "index lags")
KINDS = OFTEN * 4 + NOW_AND_THEN * 2 + RARELY
WORK = ("tick", "send", "receive") * 3 + ("generate", "send again", "receive again")
MEANWHILE = ("go on", "tell", "tick", "send", "receive", "wait", "generate", "report", "reopen")
HEALTHY = ("tick", "generate", "tick", "send", "send", "sign up", "send", "report", "receive")

answers = st.one_of(st.just("accepts"), st.sampled_from(ANSWERS))
numbers = st.integers(0, 23)
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
        self.writes = laws.Writes(self.world.sms)
        self.checked = 0

    @initialize(names_sendings=st.booleans(), healthy=st.integers(0, len(HEALTHY)))
    def begin(self, names_sendings: bool, healthy: int) -> None:
        """Let nothing go wrong for a while."""
        self.world = World(names_sendings=names_sendings)
        self.writes = laws.Writes(self.world.sms)
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
        meanwhile=st.lists(others, min_size=1, max_size=4),
    )
    def others_act_while_a_worker_is_at_it(
        self, kind: str, which: int, answer: str, at: int, meanwhile: list[Act]
    ) -> None:
        self.world.do(Act(kind, which, answer, Interruption(at, "meanwhile"), tuple(meanwhile)))

    @invariant()
    def the_laws_hold(self) -> None:
        world = self.world
        while self.checked < len(world.table.signed):
            self.writes.check(world.table.signed[self.checked])
            self.checked += 1
        for item in world.notifications():
            laws.check_item(item, world.sms)
        laws.check_messages(world.table, world.sms)

    def teardown(self) -> None:
        """Let time pass with nothing in the way, and dead letters come again: all ends."""
        world = self.world
        world.table.heal()
        self._settle()
        for receipt in world.receipts:
            receipt.is_done = receipt.is_done and not receipt.is_dead
        self._settle()
        for item in world.notifications():
            laws.check_end(item, world.table, world.sms)
        generation = world.sale()["generation"]
        if generation["id"] == "DONE":
            made = [item for item in world.notifications() if item.get("saleId")]
            assert generation["written"] == len(made)

    def _settle(self) -> None:
        """Have healthy workers do all that is due, round after round."""
        world = self.world
        for _ in range(ROUNDS):
            for kind in ("tick", "generate", *["send"] * len(left(world.changes))):
                world.do(Act(kind))
            for kind in ["send"] * len(left(world.changes)) + ["receive"] * len(left(world.receipts)):
                world.do(Act(kind))
            assert not left(world.changes) + left(world.receipts), "a healthy worker fails"
            self.the_laws_hold()
            due_at = world.next_due()
            if due_at is None and world.sale()["generation"]["id"] in ("DONE", "FAILED"):
                return
            world.clock.at = max(world.clock.at + 60, (due_at or 0) + 1)
        raise AssertionError(f"nobody is done: {world.notifications()} {world.sale()}")


TestNotificationMachine = NotificationMachine.TestCase
TestNotificationMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
