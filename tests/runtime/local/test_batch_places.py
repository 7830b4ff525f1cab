"""How many batches of a queue may be in flight: five, more while messages wait, fewer after errors."""

from __future__ import annotations

from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.polling.batch_places import BatchPlaces


def taken(places: BatchPlaces, *, wanted: bool = True) -> int:
    """Take all places that there are now."""
    return next(at for at in range(2_000) if not places.take(timeout_s=0, wanted=wanted))


def test_five_are_in_flight_at_first() -> None:
    places = BatchPlaces(1_000, clock=SteppedClock())

    assert taken(places) == 5


def test_fewer_are_where_fewer_are_allowed() -> None:
    places = BatchPlaces(2, clock=SteppedClock())

    assert taken(places) == 2


def test_three_hundred_more_a_minute_are_while_messages_wait() -> None:
    clock = SteppedClock()
    places = BatchPlaces(1_000, clock=clock)
    first = taken(places)

    clock.sleep(1)
    second = taken(places)
    clock.sleep(59)
    third = taken(places)

    assert (first, second, third) == (5, 5, 295)


def test_no_more_are_while_none_waits() -> None:
    clock = SteppedClock()
    places = BatchPlaces(1_000, clock=clock)
    taken(places, wanted=False)

    clock.sleep(60)
    quiet = taken(places, wanted=False)
    clock.sleep(60)
    at_once = taken(places)
    clock.sleep(2)

    assert (quiet, at_once, taken(places)) == (0, 0, 10)


def test_no_more_are_than_allowed() -> None:
    clock = SteppedClock()
    places = BatchPlaces(7, clock=clock)
    taken(places)

    clock.sleep(60)

    assert taken(places) == 2


def test_none_is_added_while_errors_keep_them_down() -> None:
    clock = SteppedClock()
    places = BatchPlaces(1_000, clock=clock)
    before = taken(places)
    places.slow_down()
    clock.sleep(60)
    for _ in range(before):
        places.give_back()

    down = taken(places)
    for _ in range(3):
        places.speed_up()
    again = taken(places)
    clock.sleep(1)

    assert (down, again, taken(places)) == (2, 3, 5)
