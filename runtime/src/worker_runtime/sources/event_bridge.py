"""Rules of EventBridge that match events: the detail in, dead letters out; the worker's word back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.decoding import json_decoder
from worker_runtime.errors import DeclarationError
from worker_runtime.settings import in_lambda
from worker_runtime.sources import check_names
from worker_runtime.sources.asynchronous import AsyncSource
from worker_runtime.sources.bodies import wants_objects
from worker_runtime.sources.event_bridge_record import event_record, is_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

RULE_CHARS: Final = 64  # PutRule, Name
PATTERN_CHARS: Final = 2_048  # EventBridge quotas, "Event pattern size"
BUS: Final = re.compile(r"[/.\w-]{1,256}", re.ASCII)  # PutRule, EventBusName

_SHAPES: Final[frozenset[Shape]] = frozenset(("each", "record"))


class Rule(AsyncSource, frozen=True, kw_only=True, rename="camel"):
    """What stands behind a rule's name, by name."""

    pattern: Mapping[str, Any]
    bus: str | None = None


class EventBridge(Rule, frozen=True, rename="camel"):
    """Take the events that a rule's ``pattern`` matches, on a ``bus`` of one's own or the default one.

    The worker takes the detail; ``S3Object`` where S3 sends the events. Times are Schedule's.
    """

    rule: str

    @property
    def kind(self) -> str:
        """``event_bridge``."""
        return "event_bridge"

    @property
    def name(self) -> str:
        """The rule's logical name."""
        return self.rule

    @property
    def shapes(self) -> frozenset[Shape]:
        """A worker takes the detail, or its record."""
        return _SHAPES

    def check(self, *, worker: str, timeout_s: float) -> None:  # noqa: ARG002 - it decides nothing here
        """Refuse settings that AWS refuses, or that lose events."""
        who = f"{worker}: EventBridge({self.rule!r})"
        check_names(who, rule=self.rule)
        self.check_settings(who)
        self.check_letters(who)
        if len(self.rule) > RULE_CHARS:
            raise DeclarationError(f"{who} has over {RULE_CHARS} characters; AWS takes no more.")
        bus: object = self.bus
        if bus is not None and not (isinstance(bus, str) and BUS.fullmatch(bus)):
            raise DeclarationError(
                f"{who} bus is {bus!r}; say a name of letters, digits, '-', '_', '.' and '/'."
            )
        if not in_lambda():
            from worker_runtime.filters import compile_pattern  # noqa: PLC0415 - the rule carries it there

            if len(compile_pattern(self.pattern).text) > PATTERN_CHARS:
                raise DeclarationError(
                    f"{who} pattern has over {PATTERN_CHARS} characters; AWS takes no more."
                )

    def recognises(self, event: Any) -> bool:
        """Whether the event is what a rule that matches events hands over."""
        return is_event(event)

    def owns(self, event: Any) -> bool:  # noqa: ARG002 - an event says nothing of rules
        """Events do not say which rule matched them."""
        return False

    def records(self, event: Any) -> list[Record[Any]]:
        """One record an event."""
        return [event_record(event)]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the detail as if it were JSON still; ``S3Object`` from the event that S3 sent."""
        if wants_objects(model):
            return _object_decoder(model)
        decode = json_decoder(model)
        return lambda record: decode(json.dumps(record.body, separators=(",", ":")))

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest."""
        return {"kind": self.kind, "name": self.name, **msgspec.to_builtins(self)}


def _object_decoder(model: Any) -> Callable[[Record[Any]], Any]:
    from worker_runtime.sources.s3_record import S3Object, carried_object  # noqa: PLC0415 - only S3 workers pay

    if model is not S3Object:
        raise DeclarationError(f"an event tells of one S3Object, not of {model!r}; take that.")
    return lambda record: carried_object(record.raw)
