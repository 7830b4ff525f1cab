from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker_runtime import Reject
from workers_dmnd.adapters.receipts import ReceiptsTable
from workers_dmnd.keys import parked_keys, pointer_keys
from workers_dmnd.models import Pointer, SmsStatus

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table
    from worker_runtime.testing import SteppedClock

NOON = "2023-11-14T12:00:00.000Z"


@pytest.fixture
def receipts(table: Table, stepped: SteppedClock) -> ReceiptsTable:  # noqa: ARG001 - times are written
    return ReceiptsTable(table)


def receipt(status: str, at: str | float = NOON, error_code: str | None = None) -> SmsStatus:
    return SmsStatus(message_id="m1", status=status, timestamp=at, error_code=error_code)  # type: ignore[arg-type] # drawn from the parameters


def test_whose_a_message_is_is_kept_for_90_days(receipts: ReceiptsTable, table: Table) -> None:
    pointer = Pointer("m1", "n1", "n1:0")

    receipts.keep_pointer(pointer)
    receipts.keep_pointer(pointer)

    at = "2023-11-14T22:14:00.000Z"
    assert receipts.pointer("m1") == pointer
    assert table.get(pointer_keys("m1"), consistent=True) == {
        **pointer_keys("m1"),
        "type": "control",
        "id": "m1",
        "createdAt": at,
        "updatedAt": at,
        "version": 1,
        "schemaVersion": 1,
        "messageId": "m1",
        "notificationId": "n1",
        "clientMessageId": "n1:0",
        "ttl": 1_700_000_040 + 90 * 86_400,
    }


def test_of_an_unknown_message_nothing_is_known(receipts: ReceiptsTable) -> None:
    assert receipts.pointer("m1") is None
    assert receipts.parked("m1") is None


def test_a_receipt_is_parked_for_a_day(receipts: ReceiptsTable, table: Table) -> None:
    receipts.park(receipt("undelivered", error_code="30001"))

    item = table.get(parked_keys("m1"), consistent=True)
    assert receipts.parked("m1") == receipt("undelivered", error_code="30001")
    assert item is not None
    assert (item["rank"], item["at"], item["ttl"]) == (2, NOON, 1_700_000_040 + 86_400)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (receipt("undelivered"), receipt("delivered"), 1),
        (receipt("delivered"), receipt("failed", "2023-11-14T13:00:00Z"), 0),
        (receipt("failed"), receipt("undelivered", "2023-11-14T13:00:00Z"), 0),
        (receipt("failed"), receipt("failed", "2023-11-14T12:00:00.001Z", "30005"), 1),
        (receipt("failed"), receipt("failed", "2023-11-14T11:00:00Z", "30005"), 0),
        (receipt("failed", 1_699_963_200), receipt("failed", "2023-11-14T13:00:01+01:00", "30005"), 1),
    ],
    ids=["says more", "says less", "later but less", "later", "earlier", "other spellings of time"],
)
def test_the_receipt_that_says_more_stays_parked(
    receipts: ReceiptsTable, first: SmsStatus, second: SmsStatus, kept: int
) -> None:
    receipts.park(first)
    receipts.park(second)

    parked = receipts.parked("m1")
    assert parked is not None
    assert (parked.status, parked.error_code) == [(each.status, each.error_code) for each in (first, second)][
        kept
    ]


@pytest.mark.parametrize("at", ["yesterday", "", -1, 1e18, float("inf")])
def test_a_receipt_without_a_time_is_rejected(receipts: ReceiptsTable, at: str | float) -> None:
    with pytest.raises(Reject) as rejected:
        receipts.park(receipt("failed", at))

    assert rejected.value.code == "BAD_RECEIPT"
    assert receipts.parked("m1") is None
