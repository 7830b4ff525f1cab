"""Fakes and adapters do the same: whatever is done to both in turn, answers and items are alike."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from demand_items import demand_item, event_item, notification_item, sale_item
from demand_table import (
    FakeDueWork,
    FakeEvents,
    FakeGenerated,
    FakeNotifications,
    FakeReceipts,
    FakeRecipients,
    FakeSales,
    FakeTable,
)
from worker_runtime import clock
from worker_runtime.testing import SteppedClock
from workers_dmnd.adapters.due_work import DueWorkIndex
from workers_dmnd.adapters.events import EventsTable
from workers_dmnd.adapters.generated import GeneratedTable
from workers_dmnd.adapters.notifications import NotificationsTable
from workers_dmnd.adapters.receipts import ReceiptsTable
from workers_dmnd.adapters.recipients import RecipientsIndex
from workers_dmnd.adapters.sales import SalesTable
from workers_dmnd.keys import SHARDS, notification_keys, parked_keys, pointer_keys, sale_keys, shard16
from workers_dmnd.models import Generation, Pointer, SmsStatus, Status
from workers_dmnd.moves import Moves
from workers_dmnd.policy import DAY_S, NotificationPolicy
from workers_dmnd.rules import timestamp
from workers_dmnd.transitions import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime import Metrics
    from worker_runtime.clients.dynamodb import Table
    from workers_dmnd.models import Notification
    from workers_dmnd.moves import Move
    from workers_dmnd.services import DueWork

START = 1_700_000_040.0
NUMBERS = count()  # a name of its own for each example: all share one table

quick = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
words = st.sampled_from([*(status.value for status in Status), "scheduled", "sending", "retry"])
steps_s = st.sampled_from([0.0, 1.0, 70.0, 130.0, DAY_S + 1.0])

MOVES: dict[str, Callable[[Moves, Notification], Move]] = {
    "release": lambda moves, it: moves.release(it),
    "hold": lambda moves, it: moves.hold(it, until=moves.now + 3600),
    "suppress": lambda moves, it: moves.suppress(it, reason="opted out"),
    "expire": lambda moves, it: moves.expire(it),
    "claim": lambda moves, it: moves.claim(it),
    "put off": lambda moves, it: moves.put_off(it, reason="no turn"),
    "accept": lambda moves, it: moves.accept(it, message_id="m1"),
    "try again": lambda moves, it: moves.fail_attempt(it, error="503", for_good=False),
    "give up": lambda moves, it: moves.fail_attempt(it, error="INVALID_NUMBER", for_good=True),
    "resume": lambda moves, it: moves.resume(it),
    "nudge": lambda moves, it: moves.nudge(it),
    "deliver": lambda moves, it: moves.deliver(it, at=timestamp(START), message_id="m1"),
    "fail delivery": lambda moves, it: moves.fail_delivery(it, error="30001", for_good=False),
    "fail for good": lambda moves, it: moves.fail_delivery(it, error="30005", for_good=True),
    "reopen": lambda moves, it: moves.reopen(it, reason="asked"),
}
policies = st.builds(NotificationPolicy, retention_days=st.sampled_from([None, 7]))


@quick
@given(
    word=words,
    attempts=st.integers(0, 3),
    policy=policies,
    made=st.lists(
        st.tuples(st.sampled_from(sorted(MOVES)), steps_s, st.booleans(), st.booleans()),
        min_size=1,
        max_size=10,
    ),
)
def test_moves_of_a_notification(
    table: Table,
    word: str,
    attempts: int,
    policy: NotificationPolicy,
    made: list[tuple[str, float, bool, bool]],
) -> None:
    """Moves are made on what was read just before, or long ago."""
    both = NotificationsTable(table), FakeNotifications(fake := FakeTable())
    stepped, name = SteppedClock(START), f"n{next(NUMBERS)}"
    with clock.using(stepped):
        item = notification_item(name, status=word, attempts=attempts)
        table.put(item)
        fake.put(item)
        known = both[1].find(name)
        for what, after_s, read_again, with_pointer in made:
            stepped.at += after_s
            found = [each.find(name) for each in both]
            assert found[0] == found[1]
            known = found[0] if read_again else known
            assert known is not None
            move = MOVES[what](Moves(policy, now=stepped.now(), by=Writer.SENDER), known)
            pointer = Pointer(f"m-{name}", name, f"{name}:0")

            done = [
                each.make_known(name, move, pointer) if with_pointer else each.make(name, move)
                for each in both
            ]

            assert done[0] is done[1]
            event(f"{what}: {done[0]}")
            for keys in (notification_keys(name), pointer_keys(f"m-{name}")):
                assert table.get(keys, consistent=True) == fake.item(keys)
            assert places(DueWorkIndex(table), name) == places(FakeDueWork(fake), name)


def places(work: DueWork, name: str) -> tuple[bool, bool]:
    """Say whether the index has a notification waiting, and overdue, by tomorrow."""
    until, shard = clock.now() + DAY_S, shard16(name)
    return name in work.waiting(shard, until=until), name in work.overdue(shard, until=until)


states = st.sampled_from(["NONE", "DUE", "RUNNING", "DONE", "FAILED"])
generations = st.builds(
    Generation,
    id=states,
    shard=st.integers(0, 15),
    cursor=st.sampled_from([None, "u7"]),
    lease_owner=st.sampled_from([None, "me", "you"]),
    lease_until=st.sampled_from([None, timestamp(START - 1), timestamp(START), timestamp(START + 330)]),
)
stored_generations: st.SearchStrategy[dict[str, Any] | None] = st.one_of(
    st.none(),
    st.just({}),
    st.fixed_dictionaries(
        {"id": states},
        optional={
            "leaseOwner": st.sampled_from(["me", "you"]),
            "leaseUntil": st.sampled_from([timestamp(START - 1), timestamp(START), timestamp(START + 330)]),
        },
    ),
)
lately = st.booleans()
leasing = st.tuples(st.just("lease"), generations, st.lists(states, min_size=1, unique=True), lately)
saving = st.tuples(st.just("save"), generations, st.sampled_from([None, timestamp(START + 60)]), lately)
marking = st.tuples(st.just("mark"), generations, st.none(), lately)


@quick
@given(stored=stored_generations, done=st.lists(st.one_of(leasing, saving, marking), min_size=1, max_size=8))
def test_leases_of_a_sale(
    table: Table, stored: dict[str, Any] | None, done: list[tuple[str, Generation, Any, bool]]
) -> None:
    """Things are done with a sale as it was read just before, or long ago."""
    both = SalesTable(table), FakeSales(fake := FakeTable())
    name = f"s{next(NUMBERS)}"
    with clock.using(SteppedClock(START)):
        item = sale_item(name, generation=stored)
        table.put(item)
        fake.put(item)
        sale = both[0].find("e1", name)
        for what, generation, how, read_again in done:
            found = [each.find("e1", name) for each in both]
            assert found[0] == found[1]
            sale = found[0] if read_again else sale
            assert sale is not None

            match what:
                case "lease":
                    answers = [each.lease(sale, generation, among=how, now=START) for each in both]
                case "save" if generation.lease_owner is not None:
                    answers = [each.save(sale, generation, next_at=how) for each in both]
                case _:
                    answers = [each.mark_due(sale) for each in both]

            assert answers[0] is answers[1]
            event(f"{what}: {answers[0]}")
            assert table.get(sale_keys("e1", name), consistent=True) == fake.item(sale_keys("e1", name))
            listed = [("e1", name) in each.due(now=START + 60) for each in both]
            assert listed[0] is listed[1]


receipts = st.builds(
    SmsStatus,
    message_id=st.just("m1"),
    status=st.sampled_from(["queued", "sent", "undelivered", "failed", "delivered"]),
    timestamp=st.sampled_from(
        [START, START + 0.0004, START + 1, timestamp(START), "2023-11-14T23:14:00+01:00"]
    ),
    error_code=st.sampled_from([None, "30001"]),
)


@quick
@given(st.lists(receipts, min_size=1, max_size=8))
def test_parked_receipts(table: Table, came: list[SmsStatus]) -> None:
    both = ReceiptsTable(table), FakeReceipts(fake := FakeTable())
    name = f"m{next(NUMBERS)}"
    with clock.using(SteppedClock(START)):
        for each in came:
            receipt = SmsStatus(name, each.status, each.timestamp, None, each.error_code)
            for receipts_of in both:
                receipts_of.park(receipt)

            assert both[0].parked(name) == both[1].parked(name)
            assert table.get(parked_keys(name), consistent=True) == fake.item(parked_keys(name))


def test_generated_notifications_and_recipients(table: Table, metrics: Metrics) -> None:
    generated = GeneratedTable(table, metrics=metrics), FakeGenerated(fake := FakeTable())
    recipients = RecipientsIndex(table), FakeRecipients(fake)
    with clock.using(SteppedClock(START)):
        demands = [demand_item(f"u{number}") for number in range(60)] + [demand_item("u9") | {"phone": 7}]
        for item in demands:
            table.put(item)
            fake.put(item)
        for shard in range(SHARDS):
            for after in (None, "u3"):
                found = [list(each.of("s1", shard=shard, after=after)) for each in recipients]
                assert found[0] == found[1]
        fake.put_notification()
        new = FakeNotifications(fake).find("n1")
        assert new is not None

        unknown = [each.put([new], made_in=3) for each in generated]

        assert unknown == [[], []]
        assert table.get(notification_keys("n1"), consistent=True) == fake.item(notification_keys("n1"))
        present = [each.present(["n1", "n2"]) for each in generated]
        assert present == [{"n1": 3}, {"n1": 3}]


def test_short_links_of_events(table: Table) -> None:
    both = EventsTable(table), FakeEvents(fake := FakeTable())
    with clock.using(SteppedClock(START)):
        for changed in (
            {},
            {"isSuppressed": True},
            {"shortUrl": "https://bit.ly/older"},
            {"url": "https://x.com"},
        ):
            event_before = event_item()
            for each in (table, fake):
                each.put(event_before)
            known = both[0].find("e1")
            assert known is not None
            assert known == both[1].find("e1")
            for each in (table, fake):
                each.put({**event_before, **changed})

            saved = [each.save_short_url(known, "https://bit.ly/e1") for each in both]

            assert saved == [not changed] * 2
            assert table.get({"PK": "EVENT#e1", "SK": "EVENT"}, consistent=True) == fake.items("event")[0]
