"""Notifications that somebody should have dealt with: how they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demand_seen import status_of, stored
from demand_table import FakeDueWork, FakeTable
from demand_ticks import NOON, QUIET, tick
from workers_dmnd.keys import lease_index
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.testing import SteppedClock


@pytest.fixture
def table(stepped: SteppedClock) -> FakeTable:
    """Make a table with an event that is on, at noon."""
    stepped.at = NOON
    table = FakeTable()
    table.put_event()
    return table


def test_a_dead_senders_notification_is_resumed(table: FakeTable) -> None:
    table.put_notification(status="SENDING", leaseUntil=timestamp(NOON - 1), attempts=2)

    ticked = tick(table)

    item = stored(table)
    assert ticked.recovered == 1
    assert (item["status"]["id"], item["resume"], item["attempts"]) == ("RETRY", True, 2)
    assert item["clientMessageId"] == "n1:0"
    assert (item["GSI1PK"][:8], item["GSI1SK"]) == ("NTFLEASE", timestamp(NOON + 600))
    assert "leaseUntil" not in item


def test_a_living_senders_notification_is_left_alone(table: FakeTable) -> None:
    table.put_notification(status="SENDING", leaseUntil=timestamp(NOON + 1), GSI1SK=timestamp(NOON - 1))

    assert tick(table) == QUIET


@pytest.mark.parametrize("status", ["CREATED", "RETRY"])
def test_one_that_nobody_claimed_is_written_again_for_the_stream(
    table: FakeTable, stepped: SteppedClock, status: str
) -> None:
    table.put_notification(status=status)
    stepped.sleep(600)

    ticked = tick(table)

    old, new = table.writes[-1]
    assert old is not None
    assert new is not None
    assert ticked.recovered == 1
    assert (new["status"]["id"], new["version"]) == (status, old["version"] + 1)
    assert new["GSI1SK"] == timestamp(NOON + 1200) > old["GSI1SK"]


def test_a_sign_ups_confirmation_that_nobody_claimed_is_written_again(table: FakeTable) -> None:
    signed_up = table.put_notification(status="CREATED", type="notification:asu", GSI1SK=timestamp(NOON))
    table.put({**signed_up, "status": {"id": "scheduled"}})  # as older writers say it

    ticked = tick(table)

    assert (ticked.recovered, status_of(table)) == (1, "CREATED")


def test_one_that_is_unclaimed_and_too_late_expires(table: FakeTable, stepped: SteppedClock) -> None:
    table.put_notification(status="RETRY", expiresAt=timestamp(NOON + 300))
    stepped.sleep(600)

    ticked = tick(table)

    assert (ticked.expired, ticked.recovered) == (1, 0)
    assert status_of(table) == "EXPIRED"


@pytest.mark.parametrize("status", ["PENDING", "SENT", "DELIVERED", "FAILED", "EXPIRED", "SUPPRESSED"])
def test_one_of_which_the_index_is_late_is_not_swept(table: FakeTable, status: str) -> None:
    before = table.put_notification(
        status=status, sendAt=timestamp(NOON + 60), **lease_index("n1", until=timestamp(NOON - 60))
    )

    assert tick(table) == QUIET
    assert stored(table) == before


@pytest.mark.parametrize("status", ["CREATED", "RETRY", "SENDING", "SENT", "DELIVERED", "FAILED"])
def test_one_of_which_the_index_is_late_is_not_released(table: FakeTable, status: str) -> None:
    table.put_notification()
    table.hold_indexes()
    before = table.put_notification(status=status)

    assert tick(table) == QUIET
    assert stored(table) == before


def test_one_that_is_gone_is_nobodys_work(table: FakeTable) -> None:
    class Ghosts(FakeDueWork):
        def _of(self, partition: str, *, until: float) -> Iterator[str]:  # noqa: ARG002 - the fake's own
            return iter([f"ghost-{partition}"])

    assert tick(table, due_work=Ghosts(FakeTable())) == QUIET


def test_what_is_stuck_is_recovered_once_by_two_ticks_that_see_the_same(
    table: FakeTable, stepped: SteppedClock
) -> None:
    table.put_notification("unclaimed", status="CREATED")
    table.put_notification("dead", status="SENDING")
    stepped.sleep(600)
    table.hold_indexes()

    assert [tick(table).recovered, tick(table).recovered] == [2, 0]


def test_a_backlog_does_not_keep_the_stuck_waiting(table: FakeTable) -> None:
    for at in range(20):
        table.put_notification(f"n{at}")
    table.put_notification("dead", status="SENDING", leaseUntil=timestamp(NOON - 1))

    assert tick(table, policy=NotificationPolicy(max_per_tick=1)).recovered == 1
