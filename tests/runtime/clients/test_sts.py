from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

import pytest

from worker_runtime import clock, concurrently
from worker_runtime.clients import sts
from worker_runtime.errors import Halt, Retry
from worker_runtime.local.stage.parts.http_server import Response
from worker_runtime.local.stage.parts.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from worker_runtime.local.stage.parts.http_server import Request

    PointedAt = Callable[[str], AbstractContextManager[None]]

ROLE = "arn:aws:iam::000000000000:role/local-sms"
ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIA{n}</AccessKeyId><SecretAccessKey>made-up</SecretAccessKey><SessionToken>token-{n}</SessionToken>
<Expiration>{ends}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
REFUSAL = "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"


class Sts(StandIn):
    """Gives numbered credentials that end in ``lasting_s`` seconds."""

    def __init__(self, *, lasting_s: float = 900) -> None:
        super().__init__()
        self.lasting_s = lasting_s
        self._numbers = count(1)

    def handle(self, _: Request) -> Response:
        ends = datetime.fromtimestamp(time.time() + self.lasting_s, tz=UTC).isoformat()
        return Response(body=ANSWER.format(n=next(self._numbers), ends=ends).encode())

    def refuse_next(self, code: str, *, status: int, times: int = 1) -> None:
        self.fail_next(times, status=status, body=REFUSAL.format(code=code))


@pytest.fixture
def service(pointed_at: PointedAt) -> Iterator[Sts]:
    sts.forget()
    with Sts() as running, pointed_at(running.url):
        yield running
    sts.forget()


def assumed(name: str = "worker") -> sts.Credentials:
    return sts.assumed(ROLE, session_name=name)


@pytest.mark.usefixtures("cloud")
def test_an_emulated_aws_gives_a_quarter_of_an_hour() -> None:
    sts.forget()

    credentials = assumed()

    assert credentials.access_key.startswith("ASIA")
    assert credentials.secret_key
    assert credentials.token
    assert 880 < credentials.expires_at - time.time() <= 900


def test_a_role_is_taken_on_once_until_five_minutes_before_its_end(service: Sts) -> None:
    service.lasting_s = 310

    first, second = assumed(), assumed()

    assert first is second
    assert service.count() == 1


def test_credentials_that_are_about_to_end_are_fetched_anew(service: Sts) -> None:
    service.lasting_s = 299

    first, second = assumed(), assumed()

    assert (first.access_key, second.access_key) == ("ASIA1", "ASIA2")


@pytest.mark.usefixtures("service")
def test_their_end_is_told_by_the_machine_s_time() -> None:
    with clock.using(clock.SteppedClock(at=time.time() + 86_400)):
        first, second = assumed(), assumed()

    assert first is second


@pytest.mark.usefixtures("service")
def test_each_role_and_session_has_credentials_of_its_own() -> None:
    names = {assumed("sender").access_key, assumed("account").access_key, assumed("sender").access_key}

    assert names == {"ASIA1", "ASIA2"}


def test_many_threads_make_one_call(service: Sts) -> None:
    service.slow_next(1, latency_s=0.1)

    credentials = concurrently(lambda _: assumed(), range(32), at_once=32)

    assert len({id(each) for each in credentials}) == 1
    assert service.count() == 1


def test_threads_that_waited_for_a_failed_call_get_its_failure(service: Sts) -> None:
    service.fail_next(1, status=403, latency_s=0.2, body=REFUSAL.format(code="AccessDenied"))

    outcomes = concurrently(lambda _: assumed(), range(16), at_once=16)

    assert {type(each) for each in outcomes} == {Halt}
    assert service.count() == 1
    assert assumed().access_key == "ASIA1"


@pytest.mark.parametrize(
    ("code", "status"), [("AccessDenied", 403), ("RegionDisabledException", 403), ("ValidationError", 400)]
)
def test_a_role_that_is_refused_is_a_halt(service: Sts, code: str, status: int) -> None:
    service.refuse_next(code, status=status)

    with pytest.raises(Halt, match=r"sts AssumeRole: \w+.*check"):
        assumed()


def test_a_role_without_a_name_is_a_halt(service: Sts) -> None:
    with pytest.raises(Halt, match="check the role ''"):
        sts.assumed("", session_name="worker")

    assert service.count() == 0


def test_a_service_that_is_away_is_a_retry(service: Sts) -> None:
    service.stop()

    with pytest.raises(Retry):
        assumed()


def test_where_fetching_them_anew_fails_those_at_hand_serve_to_their_end(
    service: Sts, caplog: pytest.LogCaptureFixture
) -> None:
    service.lasting_s = 290
    first = assumed()
    service.stop()

    second, third = assumed(), assumed()

    assert first is second is third
    assert caplog.text.count("the credentials at hand serve for") == 1  # and then they are, for a while


def test_what_has_ended_serves_nobody(service: Sts) -> None:
    service.lasting_s = -1
    assumed()
    service.stop()

    with pytest.raises(Retry):
        assumed()


@pytest.mark.usefixtures("service")
def test_no_secret_stands_in_their_text() -> None:
    assert repr(assumed()) == "<credentials ASIA1>"
