"""Secrets: fetched when asked for, kept for five minutes, and whatever is wrong with one is a Halt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from wording import says
from worker_runtime import Secret
from worker_runtime.clients import secrets
from worker_runtime.errors import Halt, Retry
from worker_runtime.testing import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.clock import SteppedClock


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    secrets.forget()
    yield
    secrets.forget()


def texts(**fields: Any) -> Callable[[Any], Response]:
    return lambda _request: Response.json({"SecretString": json.dumps(fields)})


def test_a_secret_is_fetched_once_and_kept_for_five_minutes(answering: Any, stepped: SteppedClock) -> None:
    with answering(GetSecretValue=texts(token="t-1", other="o-1")) as service:
        first = Secret("shop", "token").reveal()
        stepped.sleep(300)
        second = Secret("shop", "other").reveal()
        kept = service.count()
        stepped.sleep(1)
        third = Secret("shop", "token").reveal()
        fetched_again = service.count()

    assert (first, second, third) == ("t-1", "o-1", "t-1")
    assert (kept, fetched_again) == (1, 2)


def test_a_missing_secret_is_a_halt(answering: Any) -> None:
    missing = {"__type": "ResourceNotFoundException", "message": "no such secret"}

    with (
        answering(GetSecretValue=lambda _: Response.json(missing, status=400)),
        pytest.raises(Halt, match=r"secretsmanager GetSecretValue of .*shop.*: ResourceNotFoundException"),
    ):
        Secret("shop", "token").reveal()


def test_a_service_that_is_down_is_a_retry_and_nothing_is_kept(answering: Any) -> None:
    answers = iter([Response(status=500)] * 3 + [texts(token="t-1")(None)])

    with answering(GetSecretValue=lambda _: next(answers)):
        with pytest.raises(Retry):
            Secret("shop", "token").reveal()
        assert Secret("shop", "token").reveal() == "t-1"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"SecretString": '{"key": "x"}'}, "secret shop has no key 'token'; it has ['key']."),
        ({"SecretString": '{"token": 7}'}, "secret shop has no text under 'token'."),
        ({"SecretString": "hunter2"}, "secret shop is not a JSON text."),
        ({"SecretBinary": "aHVudGVyMg=="}, "secret shop is not a JSON text."),
        ({"SecretString": '["hunter2"]'}, "secret shop is not a JSON object."),
    ],
)
def test_a_misshapen_secret_is_a_halt_that_tells_no_value(
    answering: Any, answer: dict[str, Any], expected: str
) -> None:
    with (
        answering(GetSecretValue=lambda _: Response.json(answer)),
        pytest.raises(Halt, match=says(expected)),
    ):
        Secret("shop", "token").reveal()
