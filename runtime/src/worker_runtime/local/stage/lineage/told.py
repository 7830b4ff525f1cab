"""What ``workers trace`` tells, as plain data: ways of records, the tries in them, what each try made.

``at`` is the stage's clock, ``wall`` the machine's, in epoch seconds.
"""

from __future__ import annotations

from msgspec import Struct


class Told(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What all of it has: a moment."""

    at: float
    wall: float


class Logged(Told, frozen=True):
    """A line that a worker printed; ``whole`` is the line itself where it says more."""

    message: str
    level: str | None = None
    record: str | None = None
    whole: str | None = None


class Made(Told, frozen=True, tag="made", tag_field="is"):
    """What a call to AWS made; ``sure`` whether it was for this record, and not another of the batch."""

    verb: str
    kind: str
    target: str
    thing: str
    sure: bool = True
    error: str | None = None
    led_to: tuple[Way, ...] = ()
    sent_back_as: tuple[Back, ...] = ()
    more: int = 0  # ways that are left out


class Step(Told, frozen=True, tag="step", tag_field="is"):
    """What became of a record between its tries: it waits, is deleted, is given up."""

    kind: str
    until: float | None = None
    detail: str | None = None
    letter: str | None = None
    sent_back_as: tuple[Back, ...] = ()


class Try(Told, frozen=True, tag="try", tag_field="is"):
    """An invocation that had the record, ``batch`` records in all; ``done`` as Lambda read it."""

    request: str
    worker: str
    batch: int
    receives: int | None = None
    ended_at: float | None = None
    took_ms: float | None = None
    init_ms: float | None = None
    answer: str | None = None
    error: str | None = None
    reading: str | None = None
    repeated: bool = False
    done: bool | None = None
    outcome: str | None = None
    reason: str | None = None
    lines: tuple[Logged, ...] = ()
    made: tuple[Made, ...] = ()
    more: int = 0  # what it made and is left out
    accidents: tuple[str, ...] = ()  # of the worker itself
    meanwhile: tuple[str, ...] = ()  # of what it may have needed


class Back(Told, frozen=True, tag="back", tag_field="is"):
    """A dead letter that went back: ``way`` is what became of it since."""

    thing: str
    worker: str
    way: Way | None = None


class Cause(Told, frozen=True):
    """One step up: what made a record, and for which record of which invocation.

    ``record`` is None where it may have been any of the ``among`` records of the batch.
    """

    how: str
    thing: str
    target: str = ""
    worker: str = ""
    request: str = ""
    record: str | None = None
    among: tuple[str, ...] = ()


class Way(Told, frozen=True, tag="way", tag_field="is"):
    """A record's way with one worker; ``came_from`` begins with the first cause that is known.

    ``seen`` says that it is told elsewhere in the same tree.
    """

    worker: str
    source: str
    record: str
    bytes: int = 0
    correlation: str | None = None
    item: str | None = None
    body: str = ""
    refused: str | None = None
    came_from: tuple[Cause, ...] = ()
    events: tuple[Try | Step, ...] = ()
    seen: bool = False
