from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demand_generator import AnInvocation, Generator, a_due_sale
from demand_table import FakeGenerated
from worker_runtime import Retry, clock
from workers_dmnd.generating import Generated
from workers_dmnd.keys import notification_keys, sale_keys
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from worker_runtime.testing import SteppedClock


class Killed(BaseException):
    """The end of a process, which nothing catches."""


@pytest.fixture
def generator(stepped: SteppedClock) -> Generator:  # noqa: ARG001 - time stands still
    return a_due_sale(fans=25, chunk_size=10)


def run_killed(generator: Generator, *, after: int, invocation: AnInvocation | None = None) -> None:
    """Have the process die at a write; ``after`` counts the writes that were made before."""
    generator.table.fail_next(1, Killed(), after=after)
    with pytest.raises(Killed):
        generator.run(invocation=invocation)


def test_a_generator_that_dies_in_a_chunk_is_gone_on_with_once_its_lease_expired(
    generator: Generator, stepped: SteppedClock
) -> None:
    run_killed(generator, after=1 + 11 + 3)  # the lease, a chunk and its checkpoint, three of the next
    assert len(generator.notifications()) == 13

    early = generator.run(invocation=AnInvocation("r2"))
    stepped.sleep(331)
    late = generator.run(invocation=AnInvocation("r3"))

    assert early == Generated()
    assert late == Generated(sales=1, written=15)
    assert len(generator.notifications()) == 25
    assert (generator.generation()["written"], generator.generation()["skipped"]) == (25, 0)
    assert generator.generation()["passes"] == 1


def test_what_was_sent_meanwhile_is_not_written_over(generator: Generator, stepped: SteppedClock) -> None:
    run_killed(generator, after=1 + 11 + 3)
    sent = [item["notificationId"] for item in generator.notifications().values()]
    for each in sent:
        generator.table.change(notification_keys(each), sets={"status": {"id": "SENT"}, "attempts": 1})
    before = {item["notificationId"]: item for item in generator.notifications().values()}
    stepped.sleep(331)

    generator.run(invocation=AnInvocation("r2"))

    after = {item["notificationId"]: item for item in generator.notifications().values()}
    assert len(after) == 25
    assert {each: after[each] for each in sent} == before


@pytest.mark.parametrize("after", range(30))
def test_wherever_it_dies_each_fan_is_told_once_and_the_books_are_the_same(
    generator: Generator, stepped: SteppedClock, after: int
) -> None:
    writes = 1 + 25 + 3 + 1  # the lease, the notifications, a checkpoint each chunk, the end
    assert writes == 30
    run_killed(generator, after=after)
    stepped.sleep(331)

    generator.run(invocation=AnInvocation("r2"))

    assert len(generator.notifications()) == 25
    end = generator.generation()
    assert (end["id"], end["written"], end["skipped"], end["passes"]) == ("DONE", 25, 0, 1)


def test_who_has_lost_the_lease_stops_at_the_next_checkpoint(generator: Generator) -> None:
    def robbed(key: tuple[str, str]) -> None:
        if key[0].startswith("NTF#"):
            generator.table.before_write = None
            taken = {**generator.generation(), "leaseOwner": "r2"}
            generator.table.change(sale_keys("e1", "s1"), sets={"generation": taken})

    generator.table.before_write = robbed

    result = generator.run()

    assert result == Generated(sales=1)
    assert len(generator.notifications()) == 10
    assert generator.generation()["leaseOwner"] == "r2"
    assert generator.measured()["LeasesLost"] == [1]


def test_a_lease_outlasts_its_invocation_by_half_a_minute(generator: Generator) -> None:
    run_killed(generator, after=1, invocation=AnInvocation("r7", remaining_s=120))

    generation = generator.generation()
    assert (generation["id"], generation["leaseOwner"]) == ("RUNNING", "r7")
    assert generation["leaseUntil"] == timestamp(clock.now() + 150)


def test_near_its_deadline_a_pass_is_left_to_the_next_tick(
    generator: Generator, stepped: SteppedClock
) -> None:
    put = 0

    def slowly(key: tuple[str, str]) -> None:
        nonlocal put
        put += key[0].startswith("NTF#")
        if put == 15:
            stepped.sleep(281)

    generator.table.before_write = slowly

    first = generator.run()
    state = generator.generation()
    then = generator.run(invocation=AnInvocation("r2"))

    assert first == Generated(sales=1, written=20)
    assert (state["id"], state["passes"], "cursor" in state, "leaseOwner" in state) == ("DUE", 1, True, False)
    assert then == Generated(sales=1, written=5)
    assert generator.generation()["passes"] == 1


def test_nothing_is_begun_near_the_deadline(generator: Generator) -> None:
    assert generator.run(invocation=AnInvocation(remaining_s=19)) == Generated()
    assert generator.generation() == {"id": "DUE"}


def test_what_stays_unwritten_puts_its_chunk_off(generator: Generator) -> None:
    generator.run()
    ids = [generator.notifications()[f"u{at:03}"]["notificationId"] for at in range(25)]
    again = a_due_sale(fans=25, chunk_size=10)
    again.generated = stubborn = FakeGenerated(again.table)
    stubborn.refused = set(ids[:3])

    first = again.run()
    written, state = len(again.notifications()), again.generation()
    stubborn.refused = set()
    then = again.run()

    assert (state["id"], written >= 7) == ("DUE", True)
    assert first.written + then.written == 25
    assert len(again.notifications()) == 25
    assert again.generation()["written"] == 25


def test_what_was_written_though_nobody_said_so_is_found_and_not_written_again(generator: Generator) -> None:
    class Forgetful(FakeGenerated):
        """Writes, and does not know of it."""

        def put(self, notifications: Any, *, made_in: int) -> list[str]:
            super().put(notifications, made_in=made_in)
            return [each.notification_id for each in notifications]

    generator.generated = Forgetful(generator.table)

    result = generator.run()

    assert result == Generated(sales=1, written=25)
    assert len(generator.table.items("notification")) == 25
    assert {item["version"] for item in generator.notifications().values()} == {1}
    assert generator.measured()["NotificationsCreated"] == [25]


def test_a_table_that_does_not_answer_is_raised_and_nothing_is_lost(
    generator: Generator, stepped: SteppedClock
) -> None:
    generator.table.fail_next(100, Retry(reason="dynamodb: no answer"), after=5)

    with pytest.raises(Retry):
        generator.run()
    generator.table.heal()
    stepped.sleep(331)
    then = generator.run(invocation=AnInvocation("r2"))

    assert then.written == 25
    assert len(generator.notifications()) == 25


def test_few_who_want_to_be_told_do_not_keep_a_pass_from_getting_ahead(
    generator: Generator, stepped: SteppedClock
) -> None:
    generator.put_due("s2")
    for at in range(400):
        generator.table.put_demand(f"q{at:03}", sale_id="s2", notify=False)
    saves = 0

    def until_the_second_checkpoint(key: tuple[str, str]) -> None:
        nonlocal saves
        saves += key[1] == "SALE#s2"
        if saves == 3:
            stepped.sleep(281)

    generator.table.before_write = until_the_second_checkpoint

    generator.run("s2")

    assert generator.generation("s2")["id"] == "DUE"
    assert generator.generation("s2")["shard"] > 0
