from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from workers_dmnd.local.bitly import MONTH_IS_SPENT, PATH, REFUSALS, TOKEN, link_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.testing import SteppedClock
    from workers_dmnd.local.bitly import BitlyStandIn

ASKED = {"long_url": "https://www.ticketmaster.com/event/1", "domain": "bit.ly", "group_guid": "Bgroup"}


@pytest.fixture
def http(bitly: BitlyStandIn) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=bitly.url, headers=headers, timeout=5, trust_env=False) as client:
        yield client


def shorten(http: httpx.Client, **changed: Any) -> httpx.Response:
    return http.post(PATH, json=ASKED | changed)


def test_a_new_link_is_created_with_all_that_bitly_tells_of_it(http: httpx.Client) -> None:
    answer = shorten(http)

    link = link_for(ASKED["long_url"])
    assert answer.status_code == 201
    assert answer.json() == {
        "id": link.removeprefix("https://"),
        "link": link,
        "long_url": ASKED["long_url"],
        "created_at": "2023-11-14T22:14:00+0000",
        "archived": False,
        "tags": [],
        "custom_bitlinks": [],
        "deeplinks": [],
        "references": {"group": "https://api-ssl.bitly.com/v4/groups/Bgroup"},
    }


def test_an_existing_link_is_given_again(http: httpx.Client, bitly: BitlyStandIn) -> None:
    first, second = shorten(http), shorten(http)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (bitly.count(), len(bitly.links)) == (2, 1)


def test_url_domain_and_group_each_tell_links_apart(http: httpx.Client, bitly: BitlyStandIn) -> None:
    changes = [{}, {"long_url": "https://x.example/2"}, {"domain": "tmkt.example"}, {"group_guid": "Bother"}]

    answers = [shorten(http, **changed) for changed in changes]

    assert [answer.status_code for answer in answers] == [201] * 4
    assert len(bitly.links) == 4


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", TOKEN])
def test_who_has_no_token_is_not_let_in(http: httpx.Client, bitly: BitlyStandIn, authorization: str) -> None:
    answer = http.post(PATH, json=ASKED, headers={"Authorization": authorization})

    assert answer.status_code == 403
    assert answer.json()["message"] == "FORBIDDEN"
    assert bitly.links == ()


@pytest.mark.parametrize("long_url", ["", "www.ticketmaster.com", 7, None])
def test_what_is_no_url_is_refused_by_its_field(http: httpx.Client, long_url: object) -> None:
    answer = shorten(http, long_url=long_url)

    assert answer.status_code == 400
    assert answer.json() == {
        "message": "INVALID_ARG_LONG_URL",
        "description": "The value provided is invalid.",
        "resource": "bitlinks",
        "errors": [{"field": "long_url", "error_code": "invalid"}],
    }


def test_what_is_no_json_is_refused(http: httpx.Client) -> None:
    answer = http.post(PATH, content=b"long_url=x")

    assert (answer.status_code, answer.json()["message"]) == (422, "UNPROCESSABLE_ENTITY")


def test_a_minute_takes_so_many_requests_and_says_when_the_next_begins(
    http: httpx.Client, bitly: BitlyStandIn, stepped: SteppedClock
) -> None:
    bitly.per_minute = 2
    stepped.sleep(50)

    throttled = [shorten(http) for _ in range(3)][2]
    stepped.sleep(float(throttled.headers["Retry-After"]))
    allowed = shorten(http)

    assert (throttled.status_code, throttled.json()["message"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert throttled.headers["Retry-After"] == "10"
    assert allowed.status_code == 200


def test_a_month_takes_so_many_new_links_and_still_gives_the_old(
    http: httpx.Client, bitly: BitlyStandIn
) -> None:
    bitly.per_month = 1
    shorten(http)

    refused, known = shorten(http, long_url="https://x.example/2"), shorten(http)

    assert (refused.status_code, refused.json()["message"]) == (429, MONTH_IS_SPENT)
    assert "Retry-After" not in refused.headers
    assert known.status_code == 200


@pytest.mark.parametrize("status", REFUSALS)
def test_each_refusal_can_be_scripted(http: httpx.Client, bitly: BitlyStandIn, status: int) -> None:
    bitly.refuse_next(status=status, retry_after_s=9)

    refused, following = shorten(http), shorten(http)

    assert refused.status_code == status
    assert set(refused.json()) == {"message", "description", "resource"}
    assert refused.headers["Retry-After"] == "9"
    assert following.status_code == 201
