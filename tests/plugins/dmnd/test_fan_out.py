"""However a sale's fans are cut and whenever it is interrupted, each one is told exactly once."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_generator import AnInvocation, a_due_sale
from worker_runtime import Environment, Metrics, clock
from worker_runtime.testing import SteppedClock
from workers_dmnd.fan_out import LOOKED_AT_PER_PLACE, FanOut, chunked
from workers_dmnd.keys import SHARDS
from workers_dmnd.models import Demand
from workers_dmnd.new_notification import Announcement
from workers_dmnd.policy import NotificationPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workers_dmnd.fan_out import Chunk
    from workers_dmnd.models import Notification

LAYOUTS = st.dictionaries(st.integers(0, SHARDS - 1), st.integers(0, 40)).map(
    lambda sizes: {
        shard: tuple(f"u{shard:02}-{at:02}" for at in range(size)) for shard, size in sizes.items()
    }
)


class Killed(BaseException):
    """The end of a process, which nothing catches."""


class Fans:
    """Fans by shard; serves ``Recipients``."""

    def __init__(self, by_shard: Mapping[int, Sequence[str]], *, quiet: frozenset[str]) -> None:
        self._by_shard = by_shard
        self._quiet = quiet

    def of(self, sale_id: str, *, shard: int, after: str | None) -> Iterator[Demand]:
        for user_id in self._by_shard.get(shard, ()):
            if after is None or user_id > after:
                yield Demand(user_id, "e1", sale_id, notify=user_id not in self._quiet)

    def told(self) -> list[str]:
        everybody = [user for shard in sorted(self._by_shard) for user in self._by_shard[shard]]
        return [user for user in everybody if user not in self._quiet]


def cut(fans: Fans, size: int, *, behind: Chunk | None = None) -> list[Chunk]:
    shard, after = (0, None) if behind is None else (behind.shard, behind.cursor)
    return list(chunked(fans, "s1", size=size, is_recipient=lambda fan: fan.notify, shard=shard, after=after))


def users(chunks: Sequence[Chunk]) -> list[str]:
    return [fan.user_id for chunk in chunks for fan in chunk.recipients]


@given(LAYOUTS, st.integers(1, 50), st.integers(1, 50), st.data())
def test_chunks_hold_each_fan_once_and_any_of_them_can_be_gone_on_from(
    by_shard: Mapping[int, Sequence[str]], size: int, resumed_size: int, data: st.DataObject
) -> None:
    everybody = sorted(user for users in by_shard.values() for user in users)
    quiet = frozenset(data.draw(st.sets(st.sampled_from(everybody)))) if everybody else frozenset[str]()
    fans = Fans(by_shard, quiet=quiet)

    whole = cut(fans, size)
    done = data.draw(st.integers(0, len(whole)))
    rest = cut(fans, resumed_size, behind=whole[done - 1] if done else None)

    assert users(whole) == fans.told()
    assert users(whole[:done]) + users(rest) == fans.told()
    assert all(len(chunk.recipients) <= size for chunk in whole)


def test_all_chunks_but_the_last_are_full() -> None:
    fans = Fans({0: [f"u{at:05}" for at in range(12_000)], 7: ["v"] * 345}, quiet=frozenset())

    chunks = cut(fans, 5_000)

    assert [len(chunk.recipients) for chunk in chunks] == [5_000, 5_000, 2_345]


def test_a_chunk_ends_when_it_has_looked_at_many_in_vain() -> None:
    silent = [f"u{at:03}" for at in range(100)]
    fans = Fans({3: [*silent, "v"]}, quiet=frozenset(silent))

    chunks = cut(fans, 5)

    assert [len(chunk.recipients) for chunk in chunks] == [0, 0, 1]
    assert chunks[0].cursor == silent[5 * LOOKED_AT_PER_PLACE - 1]


@given(
    fans=st.integers(0, 40),
    chunk_sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    deaths=st.lists(st.integers(0, 30), max_size=5),
)
def test_whatever_dies_and_whatever_the_chunks_are_each_fan_is_told_once(
    fans: int, chunk_sizes: Sequence[int], deaths: Sequence[int]
) -> None:
    stepped = SteppedClock()
    with clock.using(stepped):
        generator = a_due_sale(fans=fans, chunk_size=chunk_sizes[0])
        for at, death in enumerate(deaths):
            generator.use_chunks_of(chunk_sizes[at % len(chunk_sizes)])
            generator.table.fail_next(1, Killed(), after=death)
            try:
                generator.run(invocation=AnInvocation(f"r{at}"))
            except Killed:
                stepped.sleep(331)
            generator.table.heal()

        if generator.generation()["id"] != "DONE":
            generator.run(invocation=AnInvocation("last"))

    assert len(generator.notifications()) == fans
    end = generator.generation()
    assert (end["id"], end["written"], end["skipped"], end["passes"]) == ("DONE", fans, 0, 1)


@pytest.mark.parametrize("size", [1, 7, 25, 100])
def test_the_books_do_not_depend_on_the_size_of_chunks(stepped: SteppedClock, size: int) -> None:
    generator = a_due_sale(fans=25, chunk_size=size)

    generator.run()
    stepped.sleep(3_600)
    generator.run()

    end = generator.generation()
    assert (end["written"], end["skipped"], end["passes"]) == (25, 25, 2)


class Crowd:
    """Fans without end, made when they are asked for, and notifications that nobody keeps."""

    def __init__(self, fans: int) -> None:
        self._fans = fans

    def of(self, sale_id: str, *, shard: int, after: str | None) -> Iterator[Demand]:
        del after
        for at in range(shard, self._fans, SHARDS):
            yield Demand(f"u{at:06}", "e1", sale_id, notify=True, phone="+12125550123")

    def present(self, notification_ids: Sequence[str]) -> dict[str, int | None]:
        del notification_ids
        return {}

    def put(self, notifications: Sequence[Notification], *, made_in: int) -> list[str]:
        del notifications, made_in
        return []


def peak_of(fans: int) -> int:
    """Return the most bytes that a fan-out in chunks of 500 held at once."""
    crowd = Crowd(fans)
    policy = NotificationPolicy(chunk_size=500)
    metrics = Metrics(plugin="dmnd", worker="dmnd.test", environment=Environment())
    fan_out = FanOut(recipients=crowd, notifications=crowd, policy=policy, metrics=metrics)
    announcement = Announcement(event_id="e1", sale_id="s1", template_id="t", vars={}, notify_at=0)
    tracemalloc.start()
    try:
        written = sum(advance.written for advance in fan_out.over(announcement, made_in=1))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written == fans
    return peak


def test_ten_times_the_fans_take_no_more_memory() -> None:
    peak_of(500)  # whatever is made once is made

    assert peak_of(5_000) < 1.1 * peak_of(500)
