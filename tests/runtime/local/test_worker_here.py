"""A worker in this process, and who stands in the place of its services and of the runtime's sender."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import Environment, Provided, clock
from worker_runtime.errors import ServiceMissing
from worker_runtime.local.worker_here import worker_here
from worker_runtime.testing import RecordingSender, sqs_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from installed import Site

HOOKS = """
    from __future__ import annotations
    from collections.abc import Iterator
    from worker_runtime import hookimpl, provide
    from ringing_things.goods import Till

    WORKER_API = (1, 0)

    @provide
    def till() -> Iterator[Till]:
        opened = Till()
        yield opened
        opened.is_open = False

    @hookimpl
    def services():
        return [till]
"""
GOODS = """
    class Till:
        is_open = True
        rung = 0

        def ring(self):
            self.rung += 1
"""
WORKER = """
    from __future__ import annotations
    from worker_runtime import Reject, Sqs, Stack, worker
    from ringing_things.goods import Till

    @worker(Sqs("orders", dead_letters="orders-dlq", max_receives=3), stack=Stack("shop"), timeout_s=9)
    def work(order: dict, *, till: Till) -> None:
        '''Ring for an order.'''
        if "bad" in order:
            raise Reject("BAD")
        till.ring()
"""


@pytest.fixture(autouse=True)
def installed(installed_plugin: Site) -> Iterator[None]:
    installed_plugin.install_plugin("ringing", hooks=HOOKS, worker=WORKER, files={"goods.py": GOODS})
    sys.path.insert(0, str(installed_plugin.folder))
    before = dict(os.environ)
    try:
        yield
    finally:
        sys.path.remove(str(installed_plugin.folder))
        for module in [name for name in sys.modules if name.startswith("ringing_things")]:
            del sys.modules[module]
        os.environ.clear()
        os.environ.update(before)


def environment(**variables: str) -> Environment:
    return Environment.read({"AWS_REGION": "us-east-1", **variables})


def test_it_runs_on_events_with_its_own_services_which_are_closed_in_the_end() -> None:
    made: list[Any] = []

    def watched(provided: Mapping[Any, Provided]) -> Iterable[Provided]:
        (till,) = (each for kind, each in provided.items() if kind.__name__ == "Till")

        def factory() -> Iterator[Any]:
            for opened in till.factory():
                made.append(opened)
                yield opened

        return [Provided(till.type, factory, till.needs, till.closes)]

    with worker_here("ringing.work", environment=environment(), instead=watched) as run:
        replies = [run(sqs_event({"id": 1})) for _ in range(2)]
        (till,) = made
        was_open = till.is_open

    assert replies == [{"batchItemFailures": []}] * 2
    assert (till.rung, was_open, till.is_open) == (2, True, False)


def test_what_stands_instead_of_a_service_is_what_the_worker_gets() -> None:
    class Silent:
        rung = 0

        def ring(self) -> None:
            self.rung -= 1

    silent = Silent()

    def instead(provided: Mapping[Any, Provided]) -> Iterable[Provided]:
        return [Provided(kind, lambda: silent, {}) for kind in provided if kind.__name__ == "Till"]

    with worker_here("work", environment=environment(), instead=instead) as run:
        run(sqs_event({"id": 1}))

    assert silent.rung == -1


def test_what_the_runtime_sends_goes_through_who_stands_between() -> None:
    sender = RecordingSender()

    with worker_here("ringing.work", environment=environment(), sender=lambda _own: sender) as run:
        reply = run(sqs_event({"bad": 1}))

    assert reply == {"batchItemFailures": []}
    assert [queue for queue, _ in sender.sent] == ["orders-dlq"]


def test_the_block_has_the_clock_of_a_stage_where_the_environment_names_one() -> None:
    with worker_here("ringing.work", environment=environment(WORKER_CLOCK="20@1700000000")):
        inside = clock.current().speed

    assert (inside, clock.current().speed) == (20, 1)


def test_who_stands_instead_and_lacks_something_is_told_before_the_first_event() -> None:
    def instead(provided: Mapping[Any, Provided]) -> Iterable[Provided]:
        return [Provided(kind, lambda drawer: drawer, {"drawer": int}) for kind in provided]

    with (
        pytest.raises(ServiceMissing, match="asks for int"),
        worker_here("ringing.work", environment=environment(), instead=instead),
    ):
        pass
