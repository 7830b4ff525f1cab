"""Schedules: a rate, a cron or a moment; one tick an event, a payload or none, the worker's word back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.decoding import json_decoder
from worker_runtime.errors import DeclarationError, text_of
from worker_runtime.settings import in_lambda
from worker_runtime.sources import check_names
from worker_runtime.sources.asynchronous import AsyncSource
from worker_runtime.sources.schedule_record import ScheduledRecord, is_payload, is_tick, scheduled_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

RULE_CHARS: Final = 64  # PutRule, Name
_SHAPES: Final[frozenset[Shape]] = frozenset(("nothing", "each", "record"))


class Timetable(AsyncSource, frozen=True, kw_only=True, rename="camel"):
    """What stands behind a schedule's expression, by name."""

    timezone: str | None = None
    payload: Mapping[str, Any] | None = None
    rule: str | None = None
    retries: int = 0
    max_age_s: int = 60


class Schedule(Timetable, frozen=True, rename="camel"):
    """Run at a ``rate(...)``, by a ``cron(...)`` of six fields, or once ``at(...)`` a moment.

    ``timezone`` (an IANA name) and ``at`` make it a schedule of EventBridge Scheduler, else it is a
    rule, whose logical name ``rule`` may say. ``payload`` is what each tick carries. A person may
    invoke the worker with a payload as well. What fails is not tried again unless ``retries`` says
    so: the next tick comes anyway.
    """

    expression: str

    @property
    def kind(self) -> str:
        """``schedule``."""
        return "schedule"

    @property
    def name(self) -> str:
        """The rule's logical name, else the expression."""
        return self.rule or self.expression

    @property
    def of_scheduler(self) -> bool:
        """Whether EventBridge Scheduler keeps it: rules know neither time zones nor single moments."""
        return self.timezone is not None or self.expression.startswith("at(")

    @property
    def shapes(self) -> frozenset[Shape]:
        """A worker takes the payload, its record, or nothing."""
        return _SHAPES

    def check(self, *, worker: str, timeout_s: float) -> None:  # noqa: ARG002 - ticks may overlap
        """Refuse an expression or settings that AWS refuses."""
        who = f"{worker}: Schedule({self.expression!r})"
        check_names(who, rule=self.rule)
        self.check_settings(who)
        if self.rule is not None and len(self.rule) > RULE_CHARS:
            raise DeclarationError(f"{who} rule has over {RULE_CHARS} characters; AWS takes no more.")
        if self.payload is not None and not is_payload(self.payload):
            raise DeclarationError(
                f"{who} payload is {self.payload!r}; say a dict that looks like no other source's event."
            )
        if not in_lambda():
            from worker_runtime.sources.schedule_expressions import check_expression  # noqa: PLC0415 - see above

            check_expression(who, self.expression, timezone=self.timezone)

    def recognises(self, event: Any) -> bool:
        """Whether the event is a tick, or a payload by itself."""
        return is_tick(event) or is_payload(event)

    def owns(self, event: Any) -> bool:
        """Whether the event names this very rule or schedule, or carries its payload."""
        if not is_tick(event):
            return event is not None and event == self.payload
        named = event.get("resources") or [""]
        return self.rule is not None and str(named[0]).endswith(self.rule)

    def records(self, event: Any) -> list[Record[Any]]:
        """One record a tick."""
        return [scheduled_record(event)]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the payload, an empty object where a tick carries none."""
        decode = json_decoder(model)

        def payload(record: Record[Any]) -> Any:
            text = record.body if isinstance(record.body, str) else msgspec.json.encode(record.body)
            return decode(text)  # EventBridge Scheduler's detail is JSON within JSON

        if not in_lambda():
            self._try(payload, model)
        return payload

    def _try(self, decode: Callable[[Record[Any]], Any], model: Any) -> None:
        """Refuse a worker whose type the schedule's own ticks do not fit: each would be rejected."""
        ours = {} if self.payload is None else self.payload
        try:
            decode(ScheduledRecord("declared", ours, ours))
        except Exception as error:
            what = "without a payload" if self.payload is None else f"with the payload {ours!r}"
            raise DeclarationError(
                f"Schedule({self.expression!r}): its ticks come {what}, which does not become {model!r}"
                f" ({text_of(error)}); give its fields defaults, or say payload=."
            ) from error

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest."""
        made_by = "scheduler" if self.of_scheduler else "rule"
        return {"kind": self.kind, "name": self.name, "madeBy": made_by, **msgspec.to_builtins(self)}
