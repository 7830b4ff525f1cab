"""The SMS service's adapter against its stand-in, over real HTTP with real signatures."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from worker_runtime import Defer, Halt, Reject, Retry, Verdict, clock
from worker_runtime.clients import aws
from worker_runtime.clients.breaker import CircuitBreaker, circuit_breaker
from worker_runtime.clients.http import HttpService
from worker_runtime.clients.sigv4 import SigV4
from workers_dmnd.adapters.sms import HttpSms
from workers_dmnd.local.sms import PATH, SmsStandIn, message_id_for
from workers_dmnd.models import Notification, NotificationStatus, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.testing import SteppedClock

FAN = "+13125550142"
SENDING = "n1:0"
FAILURES = 10
NOWHERE = "http://127.0.0.1:9"  # a port for what is discarded: no server is given it


@pytest.fixture
def service(stepped: SteppedClock) -> Iterator[SmsStandIn]:
    with SmsStandIn(clock=stepped) as running:
        yield running


@pytest.fixture
def credentials() -> Iterator[None]:
    wanted = {
        "AWS_ACCESS_KEY_ID": "AKIAMADEUP",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_REGION": "us-east-1",
    }
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def breaker() -> CircuitBreaker:
    return circuit_breaker("sms", failures=FAILURES)


@pytest.fixture
def sms(service: SmsStandIn, breaker: CircuitBreaker, credentials: None) -> Iterator[HttpSms]:  # noqa: ARG001 - the signature's
    http = HttpService(service.url, name="sms", timeout_s=1, breaker=breaker, auth=SigV4())
    yield HttpSms(http, breaker=breaker)
    http.close()


def send(sms: HttpSms, sending: str = SENDING) -> str:
    notification = Notification(
        notification_id="n1",
        user_id="u1",
        event_id="e1",
        to=FAN,
        template_id="sale-open",
        send_at="2026-02-03T15:00:00.000Z",
        status=NotificationStatus(Status.SENDING),
        locale="de-DE",
    )
    return sms.send(notification, client_message_id=sending, body="Grüße")


def verdict_of(sms: HttpSms) -> Verdict:
    with pytest.raises(Verdict) as raised:
        send(sms)
    return raised.value


def open_circuit(sms: HttpSms, service: SmsStandIn) -> None:
    service.fail_next(FAILURES, status=500)
    for _ in range(FAILURES):
        assert isinstance(verdict_of(sms), Retry)


def test_a_message_that_is_accepted_has_an_id(sms: HttpSms, service: SmsStandIn) -> None:
    message_id = send(sms)

    (taken,) = service.messages
    assert message_id == taken.message_id == message_id_for(SENDING)
    assert (taken.client_message_id, taken.to, taken.body, taken.locale) == (SENDING, FAN, "Grüße", "de-DE")


def test_a_sending_that_is_repeated_keeps_its_id(sms: HttpSms, service: SmsStandIn) -> None:
    given = {send(sms) for _ in range(3)}

    assert given == {message_id_for(SENDING)}
    assert (service.count(status=202), service.count(status=200)) == (1, 2)


@pytest.mark.parametrize("code", ["INVALID_NUMBER", "OPTED_OUT"])
def test_a_number_that_is_refused_is_rejected_by_the_services_code(
    sms: HttpSms, service: SmsStandIn, code: str
) -> None:
    service.numbers.refuse(FAN, code=code)

    verdict = verdict_of(sms)

    assert isinstance(verdict, Reject)
    assert verdict.code == code
    assert FAN not in str(verdict)


def test_the_services_code_may_be_called_its_error(sms: HttpSms, service: SmsStandIn) -> None:
    service.fail_next(status=403, body={"error": "OPTED_OUT"})

    verdict = verdict_of(sms)

    assert isinstance(verdict, Reject)
    assert verdict.code == "OPTED_OUT"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"message": "Missing Authentication Token"}),
        (403, {"code": "ACCESS_DENIED"}),
        (403, b"<html>"),
        (401, {"code": "OPTED_OUT"}),
    ],
    ids=["unsigned", "denied", "a page", "unknown"],
)
def test_who_is_not_let_in_halts(
    sms: HttpSms, service: SmsStandIn, status: int, body: bytes | dict[str, object]
) -> None:
    service.fail_next(status=status, body=body)

    assert isinstance(verdict_of(sms), Halt)


def test_an_unsigned_request_halts(service: SmsStandIn, breaker: CircuitBreaker) -> None:
    with closing(HttpService(service.url, name="sms", timeout_s=1)) as unsigned:
        verdict = verdict_of(HttpSms(unsigned, breaker=breaker))

    assert isinstance(verdict, Halt)
    assert service.messages == ()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": "BODY_TOO_LONG"}, "BODY_TOO_LONG"),
        ({"code": f"{FAN} is bad"}, "HTTP_422"),
        (b"", "HTTP_422"),
    ],
    ids=["a name", "no name", "nothing"],
)
def test_only_names_become_codes(
    sms: HttpSms, service: SmsStandIn, body: bytes | dict[str, object], code: str
) -> None:
    service.fail_next(status=422, body=body)

    verdict = verdict_of(sms)

    assert isinstance(verdict, Reject)
    assert verdict.code == code


def test_a_short_wait_that_the_service_asks_for_is_waited(
    sms: HttpSms, service: SmsStandIn, stepped: SteppedClock
) -> None:
    service.numbers.fail(FAN, times=2, status=429, retry_after_s=2)
    began = stepped.now()

    message_id = send(sms)

    assert message_id == message_id_for(SENDING)
    assert stepped.now() - began == 4


def test_a_long_wait_is_handed_on(sms: HttpSms, service: SmsStandIn) -> None:
    service.numbers.fail(FAN, status=429, retry_after_s=30)

    verdict = verdict_of(sms)

    assert isinstance(verdict, Retry)
    assert verdict.after_s == 30
    assert service.count() == 1


def test_a_service_that_is_down_for_a_moment_is_asked_again(sms: HttpSms, service: SmsStandIn) -> None:
    service.numbers.fail(FAN, times=2)

    message_id = send(sms)

    assert message_id == message_id_for(SENDING)
    assert (service.count(status=503), service.count(status=202)) == (2, 1)


def test_a_service_that_stays_down_is_a_retry(sms: HttpSms, service: SmsStandIn) -> None:
    service.numbers.fail(FAN)

    verdict = verdict_of(sms)

    assert isinstance(verdict, Retry)
    assert service.count() == 3


@pytest.mark.parametrize("hang", [True, False], ids=["no answer", "hung up"])
def test_an_answer_that_is_never_heard_is_a_retry_and_the_next_call_learns_the_id(
    sms: HttpSms, service: SmsStandIn, *, hang: bool
) -> None:
    if hang:
        service.fail_next(hang=True)
    else:
        service.numbers.lose_answers(FAN)

    verdict = verdict_of(sms)
    message_id = send(sms)

    assert isinstance(verdict, Retry)
    assert message_id == message_id_for(SENDING)
    assert len(service.messages) == 1


@pytest.mark.parametrize("body", [b"", b"ok", b"{}", b'{"messageId": ""}', b'{"messageId": 7}'])
def test_an_answer_that_cannot_be_read_is_a_retry(sms: HttpSms, service: SmsStandIn, body: bytes) -> None:
    service.fail_next(status=202, body=body)

    verdict = verdict_of(sms)

    assert isinstance(verdict, Retry)
    assert "messageId" in str(verdict)


def test_where_nobody_listens_is_a_retry(breaker: CircuitBreaker) -> None:
    with closing(HttpService(NOWHERE, name="sms", timeout_s=1)) as nowhere:
        verdict = verdict_of(HttpSms(nowhere, breaker=breaker))

    assert isinstance(verdict, Retry)


def test_after_ten_failures_the_service_is_left_alone(sms: HttpSms, service: SmsStandIn) -> None:
    assert sms.is_reachable()
    open_circuit(sms, service)

    verdict = verdict_of(sms)

    assert isinstance(verdict, Defer)
    assert not sms.is_reachable()
    assert service.count() == FAILURES


def test_once_it_has_been_left_alone_for_a_while_it_is_tried_again(
    sms: HttpSms, service: SmsStandIn, stepped: SteppedClock
) -> None:
    open_circuit(sms, service)
    stepped.sleep(15)

    is_reachable = sms.is_reachable()
    message_id = send(sms)

    assert is_reachable
    assert message_id == message_id_for(SENDING)


def test_a_trial_that_fails_leaves_it_alone_again(
    sms: HttpSms, service: SmsStandIn, stepped: SteppedClock
) -> None:
    open_circuit(sms, service)
    stepped.sleep(15)
    service.fail_next(status=500)

    trial, following = verdict_of(sms), verdict_of(sms)

    assert (type(trial), type(following)) == (Retry, Defer)


def test_refusals_are_answers_and_open_nothing(sms: HttpSms, service: SmsStandIn) -> None:
    service.numbers.refuse(FAN)

    for _ in range(2 * FAILURES):
        assert isinstance(verdict_of(sms), Reject)

    assert sms.is_reachable()


def test_many_senders_share_the_service(sms: HttpSms, service: SmsStandIn) -> None:
    sendings = [f"n{at}:0" for at in range(64)]

    with ThreadPoolExecutor(32) as pool:
        given = list(pool.map(lambda sending: send(sms, sending), sendings))

    assert given == [message_id_for(sending) for sending in sendings]
    assert service.count("POST", PATH, status=202) == 64


def test_no_call_begins_that_the_invocation_would_cut_off(sms: HttpSms, service: SmsStandIn) -> None:
    with clock.deadline(clock.now() + 2):
        verdict = verdict_of(sms)

    assert isinstance(verdict, Defer)
    assert service.count() == 0


def test_who_finds_no_connection_free_has_not_asked(service: SmsStandIn, breaker: CircuitBreaker) -> None:
    with closing(HttpService(service.url, name="sms", timeout_s=0.2, max_connections=0)) as all_taken:
        verdict = verdict_of(HttpSms(all_taken, breaker=breaker))

    assert isinstance(verdict, Defer)
    assert service.count() == 0


@pytest.mark.usefixtures("credentials")
def test_while_no_credentials_are_given_the_service_is_not_asked_nor_held_to_fail(
    service: SmsStandIn,
) -> None:
    os.environ["AWS_ENDPOINT_URL_STS"] = NOWHERE
    breaker, role = circuit_breaker("sms", failures=1), SigV4("arn:aws:iam::000000000000:role/nobody")

    with (
        closing(HttpService(service.url, name="sms", breaker=breaker, auth=role)) as http,
        clock.deadline(clock.now() + 4),  # so that the SDK tries once
    ):
        verdict = verdict_of(HttpSms(http, breaker=breaker))
    aws.forget()

    assert isinstance(verdict, Defer)
    assert not breaker.is_open
    assert service.count() == 0


@pytest.mark.usefixtures("credentials")
def test_a_service_that_was_asked_once_was_asked_though_its_circuit_opens_before_the_next_try(
    service: SmsStandIn,
) -> None:
    breaker = circuit_breaker("sms", failures=1)
    service.fail_next(status=503)

    with closing(HttpService(service.url, name="sms", timeout_s=1, breaker=breaker, auth=SigV4())) as http:
        verdict = verdict_of(HttpSms(http, breaker=breaker))

    assert isinstance(verdict, Retry)
    assert service.count() == 1
