"""Thousands of fans on a real table that is short of capacity, and a generator that dies on the way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from demand_generator import AnInvocation, Generator
from demand_items import demand_item, event_item, sale_item
from generator_apart import GeneratorApart, Writes
from worker_runtime import Metrics, clock, concurrently
from worker_runtime.clients import aws
from worker_runtime.dynamodb_json import loads_image
from worker_runtime.local.stage.gateway import Gateway
from workers_dmnd.adapters.events import EventsTable
from workers_dmnd.adapters.generated import GeneratedTable
from workers_dmnd.adapters.recipients import RecipientsIndex
from workers_dmnd.adapters.sales import SalesTable
from workers_dmnd.generating import Generated
from workers_dmnd.keys import notification_keys, sale_keys
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker_runtime.clients.dynamodb import Table
    from worker_runtime.local.stage.parts.emulator import Emulator
    from worker_runtime.testing import SteppedClock
    from workers_dmnd.models import Notification

LONG_S = 100_000.0
"""Of an invocation: on a clock that stands still every wait for capacity is added to one sum."""


class Killed(BaseException):
    """The end of a process, which nothing catches."""


class Dying(GeneratedTable):
    """Puts so many notifications, does what is to be done at that moment, and is killed."""

    def __init__(self, table: Table, *, metrics: Metrics, puts: int, last_words: Callable[[], None]) -> None:
        super().__init__(table, metrics=metrics)
        self._puts = puts
        self._last_words = last_words

    def put(self, notifications: Sequence[Notification], *, made_in: int) -> list[str]:
        if len(notifications) <= self._puts:
            self._puts -= len(notifications)
            return super().put(notifications, made_in=made_in)
        last = notifications[: self._puts]
        while left := super().put(last, made_in=made_in):  # a put in ten thousand is held back each time
            last = [each for each in last if each.notification_id in left]
        self._last_words()
        raise Killed


@pytest.fixture
def writes(emulator: Emulator, table: Table) -> Iterator[Writes]:
    """Have all AWS clients go through a gateway from here on, once the table is there."""
    del table
    writes = Writes()
    with Gateway(emulator.endpoint_url, answer=writes, called=lambda: None) as gateway:
        aws.forget()
        os.environ["AWS_ENDPOINT_URL"] = gateway.url
        yield writes
        aws.forget()


def a_generator(table: Table, *, chunk_size: int) -> Generator:
    generator = Generator(chunk_size=chunk_size)
    generator.sales, generator.events = SalesTable(table), EventsTable(table)
    generator.recipients = RecipientsIndex(table)
    generator.generated = GeneratedTable(table, metrics=generator.metrics)
    return generator


def fill(table: Table, fans: int, *, sale_id: str = "s1", id_length: int = 6, **bulk: Any) -> None:
    table.put(event_item(shortUrl="https://bit.ly/e1"))
    table.put(sale_item(sale_id, generation={"id": "DUE"}))
    demands = [demand_item(f"u{at:05}".ljust(id_length, "x"), sale_id=sale_id, **bulk) for at in range(fans)]
    parts = [demands[at : at + 500] for at in range(0, fans, 500)]
    assert concurrently(table.batch_put, parts, at_once=4) == [[] for _ in parts]
    table.put(demand_item("quiet", sale_id=sale_id, notify=False))


def notifications(table: Table) -> list[dict[str, Any]]:
    """Read all that the table has."""
    pages = aws.client("dynamodb").get_paginator("scan").paginate(TableName=table.name, ConsistentRead=True)
    return [
        loads_image(item) for page in pages for item in page["Items"] if item["type"]["S"] == "notification"
    ]


class Size(NamedTuple):
    """How many fans in chunks of how many; the generator dies so many into the third chunk."""

    fans: int
    chunk: int
    cut_off: int


@pytest.mark.parametrize(
    "size", [Size(1_235, 500, 70), pytest.param(Size(6_172, 2_500, 350), marks=pytest.mark.long)]
)
def test_each_of_many_fans_is_told_once_whatever_is_short_and_whoever_dies(
    table: Table, writes: Writes, stepped: SteppedClock, size: Size
) -> None:
    fill(table, size.fans)
    writes.begin(share=0.2)
    generator, second = (a_generator(table, chunk_size=size.chunk) for _ in range(2))
    meanwhile: list[Generated] = []
    generator.generated = Dying(
        table,
        metrics=generator.metrics,
        puts=2 * size.chunk + size.cut_off,
        last_words=lambda: meanwhile.append(second.run(invocation=AnInvocation("r2", remaining_s=LONG_S))),
    )

    with pytest.raises(Killed):
        generator.run(invocation=AnInvocation("r1", remaining_s=LONG_S))
    made = notifications(table)
    sent = [item["notificationId"] for item in made[:: len(made) // 50]]
    for each in sent:
        table.update(notification_keys(each), set={"status.id": "SENT", "attempts": 1}, add={"version": 1})
    stepped.sleep(LONG_S + 31)
    end = second.run(invocation=AnInvocation("r3", remaining_s=LONG_S))

    assert meanwhile == [Generated()]
    assert len(made) == 2 * size.chunk + size.cut_off
    assert end == Generated(sales=1, written=size.fans - 2 * size.chunk)
    told = notifications(table)
    assert len(told) == len({item["userId"] for item in told}) == size.fans
    assert {item["notificationId"] for item in told if item["status"]["id"] == "SENT"} == set(sent)
    assert {item["version"] for item in told if item["status"]["id"] == "PENDING"} == {1}
    assert generator.measured()["UnprocessedRetries"][0] > size.fans * 0.1
    sale = table.get(sale_keys("e1", "s1")) or {}
    assert sale["generation"] == {"id": "DONE", "shard": 0, "written": size.fans, "skipped": 0, "passes": 1}


CHUNK: Final = 500
MOST_GROWN: Final = 1.1
ID_LENGTH: Final = 300
ANSWERS: Final = "y" * 5_000
"""Of each fan: pages of the index are full with a hundred, and whoever keeps what was read is found out.

What ``FanOut`` itself keeps is measured closer, over fakes, in ``test_fan_out.py``.
"""


def generation(table: Table, sale_id: str) -> dict[str, Any]:
    sale = table.get(sale_keys("e1", sale_id), consistent=True) or {}
    found: dict[str, Any] = sale["generation"]
    return found


def let_lease_expire(table: Table, sale_id: str) -> None:
    past = timestamp(clock.now() - 1)
    table.update(sale_keys("e1", sale_id), set={"generation.leaseUntil": past, "GSI1SK": past})


def assert_each_put_once(table: Table, writes: Writes, *, sale_id: str, fans: int) -> None:
    assert len(writes.put) == fans
    assert set(writes.put.values()) == {1}
    told = [item["userId"] for item in notifications(table) if item["saleId"] == sale_id]
    assert len(told) == len(set(told)) == fans
    assert generation(table, sale_id)["id"] == "DONE"
    assert writes.held_back > fans * 0.1


def peaks_of(sale_id: str, *, fans: int, table: Table, writes: Writes, folder: Path) -> tuple[float, float]:
    """Have a generator killed half way and another go on; return the peak memory of both in MB.

    Each is a process of its own; the first dies in the middle of a chunk, with its writes under way.
    """
    writes.begin(share=0.0)
    fill(table, fans, sale_id=sale_id, id_length=ID_LENGTH, answers=ANSWERS)
    writes.begin(share=0.2)
    whole_chunks = fans // 2 // CHUNK * CHUNK
    killed = GeneratorApart(table.name, chunk_size=CHUNK, folder=folder)
    writes.once_put(whole_chunks + CHUNK // 2, killed.kill)
    killed_mb = killed.killed_mb()
    left = generation(table, sale_id)
    assert (left["id"], left["written"]) == ("RUNNING", whole_chunks)
    assert whole_chunks < len(writes.put) < whole_chunks + CHUNK

    let_lease_expire(table, sale_id)
    took = GeneratorApart(table.name, chunk_size=CHUNK, folder=folder).took()
    assert took["written"] == fans - whole_chunks
    assert_each_put_once(table, writes, sale_id=sale_id, fans=fans)
    return killed_mb, took["peak_mb"]


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a process's peak is read from /proc")
def test_four_times_the_fans_take_a_generator_that_dies_and_the_next_no_more_memory(
    table: Table, writes: Writes, tmp_path: Path
) -> None:
    few = peaks_of("few", fans=1_000, table=table, writes=writes, folder=tmp_path)
    many = peaks_of("many", fans=4_000, table=table, writes=writes, folder=tmp_path)

    assert max(many) < MOST_GROWN * max(few)
