from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operators import PHONE
from worker_runtime import clock
from workers_dmnd.items import parked_item, pointer_item
from workers_dmnd.models import Pointer, SmsStatus

if TYPE_CHECKING:
    from pathlib import Path

    from operators import Operator

MASKED = "+*******0123"


@pytest.fixture
def sent(operator: Operator) -> str:
    """Put a notification that was sent, whose message is known, and a receipt that waits for it."""
    made = operator.put_fan("u1", operator.put_sale(), status="SENT", messageId="m-1")
    pointer = Pointer("m-1", made, f"{made}:0")
    receipt = SmsStatus("m-1", "delivered", "2026-01-01T00:00:00.000Z")
    for item in (
        pointer_item(pointer, now=clock.now(), correlation_id=None),
        parked_item(receipt, now=clock.now(), correlation_id=None),
    ):
        operator.table.put(item)
    return made


def test_of_one_notification_all_is_told_that_its_item_says_and_what_may_happen_next(
    operator: Operator, sent: str
) -> None:
    done = operator("history", sent, "--json")

    (told,) = done.json["notifications"]
    assert done.code == 0
    assert told["notificationId"] == sent
    assert (told["status"]["id"], told["status"]["by"]) == ("SENT", "test")
    assert (told["attempts"], told["epoch"]) == (1, 0)
    assert told["pointer"]["clientMessageId"] == f"{sent}:0"
    assert told["receipt"]["status"] == "delivered"
    assert [(each["transition"], each["becomes"]) for each in told["next"]] == [
        ("12", "DELIVERED"),
        ("13", "PENDING"),
        ("14", "FAILED"),
    ]


def test_people_read_it_as_a_table(operator: Operator, sent: str) -> None:
    done = operator("history", sent)

    assert done.code == 0
    assert f"{sent} is SENT" in done.out
    assert "receipt of this epoch: failed for good, or no attempt left" in done.out
    assert "m-1" in done.out


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_phone_numbers_are_masked_unless_somebody_wants_them(
    operator: Operator, sent: str, form: tuple[str, ...]
) -> None:
    masked, revealed = operator("history", sent, *form), operator("history", sent, "--reveal", *form)

    assert MASKED in masked.out
    assert PHONE[2:] not in masked.out + masked.err
    assert PHONE in revealed.out


def test_a_phone_number_in_a_reason_is_masked_too(operator: Operator) -> None:
    made = operator.put_fan("u1", operator.put_sale(), status="FAILED")
    operator.table.update({"PK": f"NTF#{made}", "SK": "NTF"}, set={"status.reason": f"call {PHONE}"})

    (told,) = operator("history", made, "--json").json["notifications"]

    assert told["status"]["reason"] == f"call {MASKED}"


def test_a_fans_notifications_are_told_by_time(operator: Operator) -> None:
    ids = []
    for at, sale_id in enumerate(("s1", "s2", "s3")):
        sale = operator.put_sale(sale_id)
        created = f"2026-01-0{3 - at}T00:00:00.000Z"
        of_index = {"createdAt": created, "GSI2SK": f"NTF#{created}"}
        ids.append(operator.put_fan("u1", sale, status="PENDING", **of_index))
    operator.put_fan("u2", sale, status="PENDING")

    done = operator("history", "--user", "u1", "--json")

    assert [each["notificationId"] for each in done.json["notifications"]] == ids[::-1]


def test_a_sales_notifications_are_told_and_may_be_narrowed_to_a_status(operator: Operator) -> None:
    sale = operator.put_sale()
    operator.put_fan("u1", sale, status="DELIVERED")
    failed = operator.put_fan("u2", sale, status="FAILED", lastError="INVALID_NUMBER")
    operator.put_fan("u3", sale)
    operator.put_fan("u2", operator.put_sale("s2"), status="FAILED")

    whole = operator("history", "--sale", "e1", "s1", "--json")
    narrowed = operator("history", "--sale", "e1", "s1", "--status", "failed")

    assert len(whole.json["notifications"]) == 2
    assert failed in narrowed.out
    assert "INVALID_NUMBER" in narrowed.out
    assert "DELIVERED" not in narrowed.out


def test_an_older_writers_status_is_told_in_todays_words(operator: Operator) -> None:
    made = operator.put_fan("u1", operator.put_sale(), status="scheduled")

    (told,) = operator("history", made, "--json").json["notifications"]

    assert told["status"]["id"] == "CREATED"
    assert "7" in {each["transition"] for each in told["next"]}


def test_nothing_more_happens_to_what_is_delivered(operator: Operator) -> None:
    made = operator.put_fan("u1", operator.put_sale(), status="DELIVERED")

    assert "Nothing more will happen to it." in operator("history", made).out


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (("nothing",), "NoSuchNotification", 1),
        (("--sale", "e1", "nothing"), "NoSuchSale", 1),
        ((), "Misuse", 2),
        (("n1", "--user", "u1"), "Misuse", 2),
    ],
)
def test_what_is_not_there_and_what_is_not_said_is_an_error_of_one_line(
    operator: Operator, arguments: tuple[str, ...], kind: str, code: int
) -> None:
    done = operator("history", *arguments, "--json")

    assert (done.code, done.out, done.error["kind"]) == (code, "", kind)


@pytest.mark.parametrize(
    ("changed", "kind", "told"),
    [
        ({"DEMAND_TABLE": ""}, "SettingsError", "this command needs DEMAND_TABLE; set them, or name a file"),
        ({"DEMAND_TABLE": "nowhere"}, "TableUnanswered", "are DEMAND_TABLE, AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "TableUnanswered", "table demand-"),
    ],
)
def test_a_table_that_cannot_be_had_is_an_error_that_says_which_and_the_cure(
    operator: Operator, changed: dict[str, str], kind: str, told: str
) -> None:
    done = operator("history", "n1", "--json", env=changed)

    assert (done.code, done.out) == (2 if kind == "SettingsError" else 1, "")
    assert done.error["kind"] == kind
    assert told in done.error["message"]


def test_the_table_may_be_named_in_a_file(operator: Operator, sent: str, tmp_path: Path) -> None:
    file = tmp_path / "local.env"
    file.write_text(f"DEMAND_TABLE={operator.table.name}\n", encoding="utf-8")

    done = operator("history", sent, "--env-file", str(file), env={"DEMAND_TABLE": "nowhere"})

    assert done.code == 0
