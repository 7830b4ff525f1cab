from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import clock
from workers_dmnd.policy import instant

if TYPE_CHECKING:
    from operators import Operator

WHY = ("--reason", "carrier outage")


def failed(operator: Operator, user_id: str = "u1", **changed: Any) -> str:
    """Put a notification that was given up after three attempts."""
    sale = changed.pop("sale", None) or operator.put_sale()
    given = {
        "attempts": 3,
        "lastError": "30005: undelivered",
        "messageId": "m-1",
        "expiresAt": "2020-01-01T00:00:00.000Z",
    }
    return operator.put_fan(user_id, sale, status="FAILED", **{**given, **changed})


def test_a_failed_notification_is_sent_once_more_with_all_attempts_and_time_anew(operator: Operator) -> None:
    made = failed(operator)

    done = operator("retry", made, *WHY, "--by", "ada", "--json")

    item = operator.stored(made)
    assert done.code == 0
    assert done.json == {
        "retried": 1,
        "retriable": 0,
        "left": 0,
        "notifications": [{"notificationId": made, "result": "retried", "why": None}],
    }
    assert (item["status"]["id"], item["status"]["by"]) == ("RETRY", "operator")
    assert item["status"]["reason"] == "carrier outage (ada)"
    assert (item["attempts"], item["epoch"], item["GSI1PK"][:8]) == (0, 1, "NTFLEASE")
    assert instant(item["expiresAt"]) > clock.now()
    assert "messageId" not in item


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(operator: Operator) -> None:
    made = failed(operator)
    before = operator.stored(made)

    done = operator("retry", made, *WHY, "--dry-run")
    encoded = operator("retry", made, *WHY, "--dry-run", "--json")

    assert (done.code, done.out) == (0, "1 would be retried, 0 left as they are\n")
    assert (encoded.json["retried"], encoded.json["retriable"]) == (0, 1)
    assert operator.stored(made) == before


def test_what_cannot_be_retried_is_left_with_its_reason_and_the_exit_code_says_so(operator: Operator) -> None:
    sale = operator.put_sale()
    good = failed(operator, sale=sale)
    sent = operator.put_fan("u2", sale, status="SENT")
    opted_out = failed(operator, "u3", sale=sale, optOut=True)

    done = operator("retry", good, sent, opted_out, "absent", *WHY, "--yes", "--json")

    assert done.code == 1
    assert (done.json["retried"], done.json["left"]) == (1, 3)
    assert {each["notificationId"]: each["why"] for each in done.json["notifications"]} == {
        good: None,
        sent: "it is SENT, not FAILED",
        opted_out: "the fan has opted out",
        "absent": "there is no such notification",
    }
    assert operator.stored(opted_out)["status"]["id"] == "FAILED"


def test_of_a_sale_all_failed_ones_are_retried_or_those_of_one_error(operator: Operator) -> None:
    sale = operator.put_sale()
    by_code = failed(operator, "u1", sale=sale, lastError="INVALID_NUMBER: refused")
    by_receipt = failed(operator, "u2", sale=sale)
    others = [by_receipt, failed(operator, "u3", sale=sale, lastError="30006: failed")]
    delivered = operator.put_fan("u4", sale, status="DELIVERED")

    of_code = operator("retry", "--sale", "e1", "s1", "--code", "INVALID_NUMBER", *WHY, "--yes", "--json")
    of_receipt = operator("retry", "--sale", "e1", "s1", "--code", "30005", *WHY, "--dry-run", "--json")
    after_that = [operator.stored(each)["status"]["id"] for each in others]
    of_all = operator("retry", "--sale", "e1", "s1", *WHY, "--yes", "--json")
    of_none = operator("retry", "--sale", "e1", "s1", *WHY, "--json")

    assert [each["notificationId"] for each in of_code.json["notifications"]] == [by_code]
    assert [each["notificationId"] for each in of_receipt.json["notifications"]] == [by_receipt]
    assert after_that == ["FAILED", "FAILED"]
    assert {each["notificationId"] for each in of_all.json["notifications"]} == set(others)
    assert operator.stored(delivered)["status"]["id"] == "DELIVERED"
    assert (of_none.code, of_none.json) == (
        0,
        {"retried": 0, "retriable": 0, "left": 0, "notifications": []},
    )


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        ({"typed": "y\n"}, 0, "RETRY"),
        ({"typed": "n\n"}, 1, "FAILED"),
        ({"typed": "\x04"}, 1, "FAILED"),
        ({"stdin": "y\n"}, 2, "FAILED"),
        ({}, 2, "FAILED"),
    ],
    ids=["agreed", "not agreed", "gone", "piped", "nobody there"],
)
def test_many_are_retried_only_where_a_person_at_a_terminal_agrees(
    operator: Operator, answer: dict[str, Any], code: int, status: str
) -> None:
    sale = operator.put_sale()
    made = [failed(operator, user_id, sale=sale) for user_id in ("u1", "u2")]

    done = operator("retry", "--sale", "e1", "s1", *WHY, **answer)

    assert "Have 2 notifications of sale s1 sent once more?" in done.err
    assert done.code == code
    assert ("nothing was done" in done.err) is (code == 1)
    assert [operator.stored(each)["status"]["id"] for each in made] == [status, status]


def test_one_that_is_named_is_asked_for_no_more(operator: Operator) -> None:
    made = failed(operator)

    assert operator("retry", made, *WHY).code == 0
    assert operator.stored(made)["status"]["id"] == "RETRY"


@pytest.mark.parametrize(
    ("off", "why"),
    [
        ({"event": {"isSuppressed": True}}, "the event is suppressed"),
        ({"status": "CANCELLED"}, "the sale is cancelled"),
    ],
)
def test_fans_of_what_is_off_are_told_nothing(operator: Operator, off: dict[str, Any], why: str) -> None:
    made = failed(operator, sale=operator.put_sale(**off))

    done = operator("retry", "--sale", "e1", "s1", *WHY, "--yes")

    assert done.code == 1
    assert f"{made}: {why}" in done.out
    assert operator.stored(made)["status"]["id"] == "FAILED"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("n1",), "Missing option '--reason'"),
        (("n1", "--reason", " "), "--reason is empty"),
        (WHY, "say one of NOTIFICATION_ID, --sale"),
        (("n1", "--code", "30005", *WHY), "--code goes with --sale"),
        (("--sale", "e1", "--yes", *WHY), "it takes two ids, EVENT_ID SALE_ID"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_read(
    operator: Operator, arguments: tuple[str, ...], told: str
) -> None:
    done = operator("retry", *arguments)

    assert (done.code, done.out) == (2, "")
    assert told in done.err
