"""The lines of a recording: a head, then one for each event that was, or would be, one invocation.

A file is JSON Lines. ``recording.schema.json`` beside this module is the JSON Schema of a line.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

FORMAT: Final = "worker-runtime/recording"
VERSION: Final = 1
"""Raised where a reader of before would misread a line; what is only added does not raise it."""

Origin = Literal["stage", "queue", "stream"]
Outcome = Literal["done", "skip", "retry", "defer", "reject", "unstarted"]
Ending = Literal["reply", "error", "timed out", "crashed", "init failed", "too large", "stopped"]


class Head(Struct, frozen=True, kw_only=True, rename="camel", tag_field="kind", tag="recording"):
    """The first line; times are epoch seconds: ``at`` the recorded clock's, ``wall`` the machine's."""

    format: Literal["worker-runtime/recording"] = FORMAT
    version: int = VERSION
    at: float
    wall: float
    origin: Origin
    in_clear: bool
    """Whether personal data stands in it; else it was made unreadable."""


class Fate(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A record of an event, by its id, and what its worker said of it, where that is known."""

    id: str
    outcome: Outcome | None = None
    reason: str | None = None
    """The code of a rejection, else a text."""
    masked: bool = False
    """Whether personal data in it was made unreadable: its worker does not see what it saw."""


class Answer(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How an invocation ended; ``reply`` is JSON, of what is none its text."""

    ended: Ending
    reply: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error_type: str | None = None
    error_message: str | None = None
    took_ms: float | None = None
    """The machine's milliseconds, without a cold start's INIT."""


class Event(
    Struct, frozen=True, kw_only=True, rename="camel", tag_field="kind", tag="event", omit_defaults=True
):
    """One event: ``records`` were one batch of one poll, in their order.

    ``event`` is what the worker got, byte for byte where it is in clear and had no line breaks.
    ``at`` is when it was handed over (on a stage) or read (from a queue or stream).
    """

    at: float
    wall: float
    worker: str | None = None
    source: str = ""
    """The ARN of its queue, stream or the like, as its records say."""
    request_id: str | None = None
    repeated: bool = False
    """Whether it had gone well before and was delivered twice."""
    masked: bool = False
    records: tuple[Fate, ...] = ()
    event: msgspec.Raw
    answer: Answer | None = None


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a line, the same one under every Python."""
    made = msgspec.json.schema(Head | Event)
    for entry in made["$defs"].values():
        entry["description"] = cleandoc(entry["description"])  # Python dedents docstrings from 3.13 on
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
