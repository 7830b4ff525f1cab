from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from generator_function import LambdaStandIn
from workers_dmnd.keys import sale_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators import Operator

LINKED = {"shortUrl": "https://bit.ly/e1"}
FORECAST = {
    "fans": 6,
    "doNotWant": 1,
    "optedOut": 1,
    "withoutPhone": 1,
    "recipients": 3,
    "alreadyThere": 1,
    "wouldBeMade": 2,
}
OF_THE_WORKER = {"BITLY_SECRET_ID": "bitly", "DMND_REDIS_URL": "redis://127.0.0.1:9"}


@pytest.fixture
def due(operator: Operator) -> Operator:
    """Put a sale with fans of every kind, one of whom has a notification."""
    sale = operator.put_sale(event=LINKED)
    operator.put_fan("u1", sale, status="DELIVERED")
    operator.put_fan("u2", sale)
    operator.put_fan("u3", sale)
    operator.put_fan("u4", sale, notify=False)
    operator.put_fan("u5", sale, optOut=True)
    operator.put_fan("u6", sale, phone=None)
    return operator


@pytest.fixture
def deployed(operator: Operator) -> Iterator[LambdaStandIn]:
    with LambdaStandIn(operator.table) as running:
        operator.environment["AWS_ENDPOINT_URL_LAMBDA"] = running.url
        yield running


def notifications(operator: Operator) -> int:
    items = operator("counts", "--sale", "e1", "s1", "--json").json["sales"][0]["notifications"]
    return sum(items.values())


def test_a_dry_run_counts_the_fans_and_writes_nothing(due: Operator) -> None:
    before = due.table.get(sale_keys("e1", "s1"), consistent=True)

    encoded = due("generate", "e1", "s1", "--dry-run", "--json")
    shown = due("generate", "e1", "s1", "--dry-run")

    assert encoded.code == 0
    assert encoded.json == {"eventId": "e1", "saleId": "s1", "forecast": FORECAST}
    assert "        2  would be made at most" in shown.out
    assert due.table.get(sale_keys("e1", "s1"), consistent=True) == before
    assert notifications(due) == 1


def test_here_the_worker_makes_what_is_missing_and_a_second_time_nothing(due: Operator) -> None:
    first = due("generate", "e1", "s1", "--here", "--yes", "--json", env=OF_THE_WORKER)
    second = due("generate", "e1", "s1", "--here", "--yes", env=OF_THE_WORKER)

    assert (first.code, first.json["written"], first.json["skipped"]) == (0, 2, 1)
    assert first.json["forecast"] == FORECAST
    assert first.json["generation"]["id"] == "DONE"
    assert notifications(due) == 3
    assert (second.code, second.out) == (0, "0 written, 3 were there\ngeneration is DONE\n")


def test_the_deployed_function_is_asked_for_the_sale_and_its_reply_is_told(
    due: Operator, deployed: LambdaStandIn
) -> None:
    named = due("generate", "e1", "s1", "--function", "generator", "--yes", "--json")
    by_variable = due("generate", "e1", "s1", "--yes", env={"NOTIFICATION_GENERATOR_FUNCTION": "other"})

    asked = {"eventId": "e1", "saleId": "s1"}
    assert deployed.asked == [("generator", asked), ("other", asked)]
    assert (named.code, named.json["written"], named.json["generation"]["id"]) == (0, 2, "DONE")
    assert (by_variable.code, by_variable.out) == (0, "2 written, 1 were there\ngeneration is DONE\n")


@pytest.mark.parametrize(
    ("state", "reply", "error", "told"),
    [
        ("DONE", {"errorType": "Reject", "errorMessage": "BAD"}, True, "generator raised Reject: BAD."),
        ("RUNNING", {"sales": 0, "written": 0, "skipped": 0}, False, "sale s1 is RUNNING, leased until"),
        ("DONE", {"batchItemFailures": []}, False, "is it the right function?"),
        ("DUE", {"sales": 1, "written": 2, "skipped": 0}, False, "generation is DUE"),
    ],
    ids=["raised", "somebody is at it", "another function", "not done yet"],
)
def test_what_is_not_made_to_the_end_is_exit_code_1_and_says_why(  # noqa: PLR0913 - parameters of a test
    due: Operator, deployed: LambdaStandIn, state: str, reply: dict[str, Any], *, error: bool, told: str
) -> None:
    deployed.state, deployed.reply, deployed.error = state, reply, error

    done = due("generate", "e1", "s1", "--function", "generator", "--yes")

    assert done.code == 1
    assert told in done.out + done.err
    assert len(deployed.asked) == 1


@pytest.mark.parametrize(
    ("answer", "code", "asked"), [({"typed": "y\n"}, 0, 1), ({"typed": "n\n"}, 1, 0), ({}, 2, 0)]
)
def test_nothing_is_made_before_somebody_agrees_to_the_number_of_fans(
    due: Operator, deployed: LambdaStandIn, answer: dict[str, Any], code: int, asked: int
) -> None:
    done = due("generate", "e1", "s1", "--function", "generator", **answer)

    assert "Have notifications for up to 2 fans of sale s1 made now?" in done.err
    assert (done.code, len(deployed.asked)) == (code, asked)


def test_a_sale_that_was_given_up_is_reopened_once_somebody_agrees(operator: Operator) -> None:
    sale = operator.put_sale(event=LINKED, generation={"id": "FAILED", "error": "CAMPAIGN_GONE", "passes": 1})
    operator.put_fan("u1", sale)

    done = operator("generate", "e1", "s1", "--here", env=OF_THE_WORKER, typed="y\n")

    assert "Sale s1 was given up: CAMPAIGN_GONE. Have notifications for up to 1 fans of sale s1" in done.err
    assert (done.code, done.out) == (0, "1 written, 0 were there\ngeneration is DONE\n")


def test_a_function_that_cannot_be_invoked_is_named(due: Operator, deployed: LambdaStandIn) -> None:
    deployed.fail_next(1, status=403, body={"message": "no"})

    done = due("generate", "e1", "s1", "--function", "generator", "--yes", "--json")

    assert (done.code, done.error["kind"]) == (1, "GeneratorFailed")
    assert "generator was not invoked: lambda Invoke: 403" in done.error["message"]


@pytest.mark.parametrize(
    ("event", "status", "why"),
    [({"isSuppressed": True}, "OPEN", "the event is suppressed"), ({}, "CANCELLED", "the sale is cancelled")],
)
def test_a_sale_that_is_off_is_refused_since_the_generator_would_give_it_up(
    operator: Operator, event: dict[str, Any], status: str, why: str
) -> None:
    operator.put_sale(event=event, status=status)

    done = operator("generate", "e1", "s1", "--dry-run", "--json")

    assert (done.code, done.out, done.error["kind"]) == (1, "", "NobodyToBeTold")
    assert why in done.error["message"]


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (("e1", "nothing", "--dry-run"), "NoSuchSale", 1),
        (("e1", "s1"), "Misuse", 2),
        (("e1", "s1", "--here", "--function", "f"), "Misuse", 2),
        (("e1", "s1", "--here", "--yes"), "SettingsError", 2),
    ],
)
def test_what_it_cannot_use_is_an_error_of_one_line(
    operator: Operator, arguments: tuple[str, ...], kind: str, code: int
) -> None:
    done = operator("generate", *arguments, "--json")

    assert (done.code, done.out, done.error["kind"]) == (code, "", kind)
