"""The stand-ins on a stage that goes on: like the services themselves they forget no answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories
from workers_dmnd.local import receipts
from workers_dmnd.local.bitly import PATH as SHORTEN
from workers_dmnd.local.bitly import TOKEN, BitlyStandIn
from workers_dmnd.local.campaign import CampaignStandIn
from workers_dmnd.local.sms import PATH as MESSAGES
from workers_dmnd.local.sms import SmsStandIn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from worker_runtime.local.stage.keeping.memory import Memory
    from workers_dmnd.local.receipts import Report

FAN = "+13125550142"
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAMADEUP/20260203/us-east-1/execute-api/aws4_request, "
    f"SignedHeaders=content-type;host;x-amz-date, Signature={'0' * 64}",
    "X-Amz-Date": "20260203T150000Z",
}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with SqliteMemories(tmp_path / "kept.sqlite") as memories:
        yield memories.of("stand-in")


def bitly(memory: Memory) -> BitlyStandIn:
    made = BitlyStandIn()
    made.memory = memory
    return made


def sms(memory: Memory) -> SmsStandIn:
    made = SmsStandIn(clock=ScaledClock(20.0, origin=time.time()))
    made.memory = memory
    return made


def shorten(service: BitlyStandIn) -> int:
    asked = {"long_url": "https://example.com/events/1"}
    answer = httpx.post(service.url + SHORTEN, json=asked, headers={"Authorization": f"Bearer {TOKEN}"})
    return answer.status_code


def send(service: SmsStandIn, sending: str = "s-1") -> httpx.Response:
    asked = {"clientMessageId": sending, "to": FAN, "body": "hello"}
    return httpx.post(service.url + MESSAGES, json=asked, headers=SIGNED)


class Sink:
    """Collects the receipts that are delivered."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def __call__(self, due: Sequence[Report]) -> None:
        self.got += [report.body["status"] for report in due]


def test_a_link_that_was_made_is_known_and_what_was_asked_is_counted_on(memory: Memory) -> None:
    with bitly(memory) as before:
        made = shorten(before)

    with bitly(memory) as after:
        known = shorten(after)

        assert (made, known) == (201, 200)
        assert after.links == before.links
        assert after.count() == 2


def test_scripted_faults_go_on_where_they_were(memory: Memory) -> None:
    with bitly(memory) as before:
        before.refuse_next(1, status=503)
        before.throttle(every=2)
        first = [shorten(before), shorten(before)]

    with bitly(memory) as after:
        then = [shorten(after), shorten(after)]

    assert (first, then) == ([503, 201], [429, 200])


def test_a_message_is_taken_once_and_its_receipts_come_in_the_next_run(memory: Memory) -> None:
    with sms(memory) as before:
        before.deliver_to(Sink())
        before.numbers.plan(FAN, receipts.LATE)
        taken = send(before).json()
    sink = Sink()

    with sms(memory) as after:
        after.deliver_to(sink)
        again = send(after)
        to_come = after.receipts_to_come
        third = sms(memory)
        third.deliver_to(Sink())

    assert (again.status_code, again.json()) == (200, taken)
    assert len(after.messages) == 1
    assert to_come >= 1
    assert third.receipts_to_come == to_come


def test_a_number_s_script_is_used_up_over_all_runs(memory: Memory) -> None:
    with sms(memory) as before:
        before.numbers.fail(FAN, times=2)
        first = send(before).status_code

    with sms(memory) as after:
        then = [send(after).status_code for _ in range(2)]

    assert (first, then) == (503, [503, 202])


def test_campaigns_that_were_put_and_removed_stay_so(memory: Memory) -> None:
    before = CampaignStandIn()
    before.memory = memory
    before.put("c-1", name="Spring tour")
    before.remove("c-2")
    after = CampaignStandIn()
    after.memory = memory

    with after:
        put = httpx.get(f"{after.url}/v1/campaigns/c-1").json()
        removed = httpx.get(f"{after.url}/v1/campaigns/c-2")

    assert put["name"] == "Spring tour"
    assert removed.status_code == 404
