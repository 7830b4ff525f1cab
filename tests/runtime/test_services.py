"""What plugins provide: found by type, made once, tried again where it failed, closed the last first."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator  # noqa: TC003 - provide() reads it
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from wording import says
from worker_runtime import Defer, Halt, Provided, Record, Sqs, Stack, provide, worker
from worker_runtime.errors import BrokenPlugin, ServiceCycle, ServiceMissing
from worker_runtime.loading import routes
from worker_runtime.runtime import run
from worker_runtime.services import Services
from worker_runtime.testing import Context, RecordingSender, ready, run_on, sqs_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

STACK = Stack("shop")


class Clock:
    """Nobody's clock."""


class Printer:
    """Prints labels, in an order that the test reads."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock


class Labels:
    """Labels that a printer prints."""

    def __init__(self, printer: Printer) -> None:
        self.printer = printer


def clock() -> Clock:
    return Clock()


def printer(clock: Clock) -> Printer:
    return Printer(clock)


def labels(printer: Printer) -> Labels:
    return Labels(printer)


def test_a_service_is_found_by_type_and_so_is_all_that_it_needs() -> None:
    services = Services([provide(labels), provide(clock), provide(printer)])

    made = services.make({"shown": Labels, "by": Printer})

    assert made["shown"].printer is made["by"]
    assert isinstance(made["by"].clock, Clock)


def test_a_service_is_made_once() -> None:
    services = Services([provide(clock)])

    assert services.make({"now": Clock})["now"] is services.make({"then": Clock})["then"]


def test_a_later_offer_of_a_type_wins() -> None:
    mine = Clock()
    services = Services([provide(clock), Provided(Clock, lambda: mine, {})])

    assert services.make({"clock": Clock})["clock"] is mine


def test_a_service_is_made_once_even_where_threads_ask_at_once() -> None:
    made: list[Clock] = []

    def slowly() -> Clock:
        time.sleep(0.02)
        made.append(Clock())
        return made[-1]

    services = Services([Provided(Clock, slowly, {})])
    asking = [threading.Thread(target=services.make, args=({"clock": Clock},)) for _ in range(8)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()

    assert len(made) == 1


def test_what_nobody_provides_is_missing_by_name() -> None:
    services = Services([provide(printer)])

    with pytest.raises(
        ServiceMissing,
        match=says(
            "Printer's factory(clock) asks for Clock, which nobody provides; "
            "add provide(...) of it to the plugin's services(). Provided: Printer."
        ),
    ):
        services.check({"printer": Printer}, who="shop.shipOrder")


def test_who_asks_is_the_worker_where_it_asks_itself() -> None:
    with pytest.raises(
        ServiceMissing, match=says("shop.shipOrder(clock) asks for Clock, ~Provided: nothing.")
    ):
        Services([]).check({"clock": Clock}, who="shop.shipOrder")


def test_services_that_need_each_other_are_named_in_their_ring() -> None:
    def from_labels(labels: Labels) -> Printer:
        return labels.printer

    services = Services([provide(labels), provide(from_labels)])

    with pytest.raises(
        ServiceCycle,
        match=says(
            "Labels -> Printer -> Labels: services that need each other; let one take what both need."
        ),
    ):
        services.check({"labels": Labels}, who="shop.shipOrder")


def test_services_are_finished_the_last_first() -> None:
    closed: list[str] = []

    def open_clock() -> Iterator[Clock]:
        yield Clock()
        closed.append("clock")

    def open_printer(clock: Clock) -> Iterator[Printer]:
        yield Printer(clock)
        closed.append("printer")

    services = Services([provide(open_clock), provide(open_printer)])
    services.make({"printer": Printer})

    services.close()

    assert closed == ["printer", "clock"]


def test_closing_is_best_effort(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    def open_clock() -> Iterator[Clock]:
        yield Clock()
        closed.append("clock")

    def open_printer(clock: Clock) -> Iterator[Printer]:
        yield Printer(clock)
        raise OSError("out of paper")

    services = Services([provide(open_clock), provide(open_printer)])
    services.make({"printer": Printer})

    services.close()

    assert closed == ["clock"]
    assert "a service could not be closed" in caplog.text


def nothing_said():  # type: ignore[no-untyped-def] # noqa: ANN201 - the mistake
    return Clock()


def nothing_made() -> None:
    pass


def several() -> list[Clock]:
    return [Clock()]


def maybe() -> Clock | None:
    return None


def unnamed(clock) -> Printer:  # type: ignore[no-untyped-def] # noqa: ANN001 - the mistake
    return Printer(clock)


def with_default(clock: Clock, copies: int = 1) -> Printer:  # noqa: ARG001 - the mistake
    return Printer(clock)


def for_checkers_only(price: Decimal) -> Clock:  # noqa: ARG001 - the mistake
    return Clock()


def yields_without_saying() -> Clock:  # type: ignore[misc] # the mistake
    yield Clock()


def says_it_yields() -> Iterator[Clock]:
    return iter([Clock()])


async def later() -> Clock:
    return Clock()


YIELDS = "a factory that yields is annotated Iterator[...], and only such a one."


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        (
            nothing_said,
            "provide(nothing_said) is annotated with None; annotate it with the type it serves.",
        ),
        (
            nothing_made,
            "provide(nothing_made) is annotated with ~NoneType~; annotate it with the type it serves.",
        ),
        (several, "provide(several) is annotated with list[~]; annotate it with the type it serves."),
        (maybe, "provide(maybe) is annotated with ~Clock | None; annotate it with the type it serves."),
        (
            unnamed,
            "provide(unnamed): parameter 'clock' has no annotation; say which service it is.",
        ),
        (
            with_default,
            "provide(with_default): parameter 'copies' has a default; services are provided, leave it out.",
        ),
        (
            for_checkers_only,
            "provide(for_checkers_only): name 'Decimal' is not defined; import its annotations for real.",
        ),
        (yields_without_saying, f"provide(yields_without_saying): {YIELDS}"),
        (says_it_yields, f"provide(says_it_yields): {YIELDS}"),
        (later, "provide(later) is no plain function; write one that makes the service."),
        (Clock, "provide(Clock) is no plain function; write one that makes the service."),
        (
            functools.partial(printer, Clock()),
            "provide(functools.partial(~)) is no plain function; write one that makes the service.",
        ),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_a_mistaken_factory_is_refused_saying_who_what_and_the_cure(
    factory: Callable[..., Any], expected: str
) -> None:
    with pytest.raises(BrokenPlugin, match=says(expected)):
        provide(factory)


QUEUE = Sqs("orders", dead_letters="orders-dlq")


@worker(QUEUE, stack=STACK)
def print_label(record: Record[dict[str, Any]], *, printer: Printer) -> None:
    """Print a label."""
    if record.body.get("wait"):
        raise Defer(1)
    assert isinstance(printer.clock, Clock)


class Flaky:
    """A factory that fails as often as it is told to."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self) -> Printer:
        self.calls += 1
        if self.calls <= self.failures:
            raise ConnectionError("jane@example.com is out of paper")
        return Printer(Clock())


def loaded(factory: Flaky) -> Any:
    services = Services([Provided(Printer, factory, {})])
    prepared = ready(print_label, services={Printer: None})
    return replace(prepared, routes=routes(print_label, services, ()), services=services)


def test_a_service_that_cannot_be_made_halts_the_worker_and_is_tried_again() -> None:
    flaky = Flaky(failures=2)
    prepared = loaded(flaky)
    sender = RecordingSender()
    event = sqs_event({}, {}, {})
    ids = [{"itemIdentifier": each["messageId"]} for each in event["Records"]]

    first = run(prepared, event, context=Context(), sender=sender)
    second = run(prepared, event, context=Context(), sender=sender)

    assert first == {"batchItemFailures": ids}
    assert sender.hidden == dict.fromkeys(["receipt-0", "receipt-1", "receipt-2"], 900)
    assert second == {"batchItemFailures": []}
    assert flaky.calls == 3


def test_a_service_that_fails_when_it_is_first_used_fails_its_record() -> None:
    class Broken(Printer):
        @property
        def clock(self) -> Clock:
            raise Halt("the clock is gone")

        @clock.setter
        def clock(self, clock: Clock) -> None:
            """Keep none."""

    event = sqs_event({})

    reply = run_on(print_label, event, services={Printer: Broken(Clock())})

    assert reply == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
