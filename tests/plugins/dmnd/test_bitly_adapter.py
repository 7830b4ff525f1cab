from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from worker_runtime import Defer, Halt, Reject, Retry, Verdict, clock
from worker_runtime.clients.http import HttpService
from workers_dmnd.adapters.bitly import Bitly
from workers_dmnd.local.bitly import MONTH_IS_SPENT, PATH, TOKEN, BitlyStandIn, link_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.testing import SteppedClock

URL = "https://www.ticketmaster.com/event/e1?a=ü"


@pytest.fixture
def http(bitly: BitlyStandIn) -> Iterator[HttpService]:
    service = HttpService(bitly.url, name="bitly", timeout_s=2)
    yield service
    service.close()


@pytest.fixture
def links(http: HttpService) -> Bitly:
    return Bitly(http, token=lambda: TOKEN, domain="bit.ly", group_guid="Bgroup")


def verdict_of(links: Bitly) -> Verdict:
    with pytest.raises(Verdict) as raised:
        links.shorten(URL)
    return raised.value


def test_a_url_gets_bitlys_link(links: Bitly, bitly: BitlyStandIn) -> None:
    link = links.shorten(URL)

    assert link == link_for(URL)
    (made,) = bitly.links
    assert (made.long_url, made.domain, made.group_guid) == (URL, "bit.ly", "Bgroup")


def test_the_same_url_gets_the_same_link(links: Bitly, bitly: BitlyStandIn) -> None:
    given = {links.shorten(URL) for _ in range(3)}

    assert given == {link_for(URL)}
    assert (bitly.count(status=201), bitly.count(status=200)) == (1, 2)


@pytest.mark.parametrize(("status", "code"), [(400, "INVALID_ARG_LONG_URL"), (422, "UNPROCESSABLE_ENTITY")])
def test_a_url_that_bitly_refuses_is_rejected(
    links: Bitly, bitly: BitlyStandIn, status: int, code: str
) -> None:
    bitly.refuse_next(status=status)

    verdict = verdict_of(links)

    assert isinstance(verdict, Reject)
    assert (verdict.code, verdict.detail) == ("REFUSED_BY_BITLY", code)


def test_any_other_refusal_is_rejected_by_its_status(links: Bitly, bitly: BitlyStandIn) -> None:
    bitly.refuse_next(status=417)

    verdict = verdict_of(links)

    assert isinstance(verdict, Reject)
    assert verdict.code == "HTTP_417"


def test_a_token_that_bitly_does_not_know_halts(http: HttpService) -> None:
    stranger = Bitly(http, token=lambda: "expired", domain="bit.ly", group_guid="Bgroup")

    verdict = verdict_of(stranger)

    assert isinstance(verdict, Halt)
    assert "expired" not in str(verdict)


def test_an_unauthorised_call_halts(links: Bitly, bitly: BitlyStandIn) -> None:
    bitly.fail_next(status=401)

    assert isinstance(verdict_of(links), Halt)


def test_a_spent_month_halts(links: Bitly, bitly: BitlyStandIn) -> None:
    bitly.per_month = 0

    verdict = verdict_of(links)

    assert isinstance(verdict, Halt)
    assert MONTH_IS_SPENT in str(verdict)


@pytest.mark.parametrize(("retry_after_s", "after_s"), [(None, 60), (7, 7), (3600, 3600)])
def test_a_throttled_call_is_put_off_as_long_as_bitly_says(
    links: Bitly, bitly: BitlyStandIn, retry_after_s: int | None, after_s: float
) -> None:
    bitly.refuse_next(status=429, retry_after_s=retry_after_s)

    verdict = verdict_of(links)

    assert isinstance(verdict, Defer)
    assert verdict.after_s == after_s


def test_a_429_without_a_body_is_put_off_too(links: Bitly, bitly: BitlyStandIn) -> None:
    bitly.fail_next(status=429, body=b"<html>")

    assert isinstance(verdict_of(links), Defer)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_bitly_out_of_order_is_asked_again_later(links: Bitly, bitly: BitlyStandIn, status: int) -> None:
    bitly.fail_next(status=status)

    assert isinstance(verdict_of(links), Retry)
    assert bitly.count() == 1  # a POST is not repeated at once: each call counts against the limit


def test_a_bitly_that_does_not_answer_is_asked_again_later(bitly: BitlyStandIn) -> None:
    impatient = HttpService(bitly.url, name="bitly", timeout_s=0.2)
    bitly.fail_next(hang=True)

    verdict = verdict_of(Bitly(impatient, token=lambda: TOKEN, domain="bit.ly", group_guid="Bgroup"))
    impatient.close()

    assert isinstance(verdict, Retry)


def test_a_bitly_that_is_gone_is_asked_again_later(links: Bitly, bitly: BitlyStandIn) -> None:
    bitly.stop()

    assert isinstance(verdict_of(links), Retry)


def test_its_minute_is_over_when_bitly_says_so(
    links: Bitly, bitly: BitlyStandIn, stepped: SteppedClock
) -> None:
    bitly.per_minute = 1
    links.shorten(URL)
    stepped.sleep(20)

    throttled = verdict_of(links)
    assert isinstance(throttled, Defer)
    stepped.sleep(throttled.after_s)

    assert links.shorten(URL) == link_for(URL)


def test_no_more_than_five_calls_are_under_way_at_once() -> None:
    with BitlyStandIn() as bitly:
        http = HttpService(bitly.url, name="bitly", timeout_s=5)
        links = Bitly(http, token=lambda: TOKEN, domain="bit.ly", group_guid="Bgroup")
        bitly.slow_next(10, latency_s=0.1)

        began = time.monotonic()
        with ThreadPoolExecutor(10) as threads:
            list(threads.map(links.shorten, [f"{URL}&n={n}" for n in range(10)]))
        took_s = time.monotonic() - began
        http.close()

    assert bitly.count("POST", PATH, status=201) == 10
    assert took_s >= 0.2  # two rounds of five


def test_a_call_that_could_not_end_in_time_is_not_made(links: Bitly, bitly: BitlyStandIn) -> None:
    with clock.deadline(clock.now() + 1):
        verdict = verdict_of(links)

    assert isinstance(verdict, Retry)
    assert bitly.count() == 0
