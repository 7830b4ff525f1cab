"""What a record carries, read from its form in the event where it is asked for, and once."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker_runtime.base64_text import decode_base64
from worker_runtime.local.recording.masking import masked
from worker_runtime.local.stage.lineage.masked_bodies import masked_body, masked_value
from worker_runtime.local.stage.lineage.raw_records import key_text
from worker_runtime.redaction import REDACTED
from worker_runtime.sources.said_inside import said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_CHARS: Final = 16_384
_IMAGES: Final = ("NewImage", "OldImage")

_read: Final = msgspec.json.Decoder().decode


class Item(Struct, frozen=True):
    """An item of a table: its table, its key's values, the change that it saw."""

    table: str
    key: str
    change: Mapping[str, Any]


class Opened(Struct, frozen=True, dict=True):
    """A record as it stands in an event, whichever source it is of."""

    raw: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        """What it carries, as text: the body, opened data, the change."""
        match self.raw:
            case {"body": str(text)}:
                return text
            case {"kinesis": {"data": str(data)}} | {"value": str(data)}:
                opened = _opened(data)
                return data if opened is None else opened
            case {"dynamodb": dict(change)}:
                return _json({"eventName": self.raw.get("eventName"), **change})
            case {"Sns": {"Message": str(message)}}:
                return message
        return _json(self.raw)

    @cached_property
    def correlation(self) -> str | None:
        """The correlation id that its sender gave it, None where nobody gave one."""
        match self.raw:
            case {"messageAttributes": {"correlationId": {"stringValue": str(given)}}}:
                return given
            case {"Sns": {"MessageAttributes": {"correlationId": {"Value": str(given)}}}}:
                return given
        match self._change:
            case {"NewImage": {"correlationId": {"S": str(given)}}}:
                return given
            case dict():
                return None
        return said_inside(self.text)

    @cached_property
    def item(self) -> Item | None:
        """The item that a table change is of; None where it is none."""
        change = self._change
        if change is None or not isinstance(change.get("Keys"), dict):
            return None
        of_stream = str(self.raw.get("eventSourceARN", "")).partition("/")[2].partition("/")[0]
        return Item(str(self._tells.get("tableName", of_stream)), key_text(change["Keys"]), change)

    def shown(self, *, redacted: bool) -> str:
        """Word a body for the file: a change by its images, no personal data, and not endless."""
        try:
            text = self._worded(redacted=redacted)
        except RecursionError:
            text = REDACTED
        return text if len(text) <= BODY_CHARS else f"{text[:BODY_CHARS]}… ({len(text)} characters)"

    @cached_property
    def _tells(self) -> Mapping[str, Any]:
        """What tells of a table's change: the record itself, or what Kinesis carries; empty without one."""
        if "dynamodb" in self.raw:
            return self.raw
        if "kinesis" not in self.raw or '"dynamodb"' not in self.text:
            return {}
        try:
            said = _read(self.text)
        except (msgspec.DecodeError, RecursionError):
            return {}
        return said if isinstance(said, dict) and "tableName" in said else {}

    @property
    def _change(self) -> dict[str, Any] | None:
        change = self._tells.get("dynamodb")
        return change if isinstance(change, dict) else None

    def _worded(self, *, redacted: bool) -> str:
        change = self._change
        if change is None:
            return self._masked() if redacted else self.text
        told = {"eventName": self._tells.get("eventName")}
        told |= {name: change[name] for name in _IMAGES if name in change}
        return _json(masked_value(told) if redacted else told)

    def _masked(self) -> str:
        match self.raw:
            case {"body": str(text)}:
                if self.raw.get("isBase64Encoded") is True:
                    return str(masked({"body": text, "isBase64Encoded": True})["body"])
                return masked_body(text)
            case {"kinesis": {"data": str(data)}} | {"value": str(data)} if _opened(data) is None:
                return REDACTED  # what is no text cannot be judged
            case {"kinesis": {"data": str()}} | {"value": str()} | {"Sns": {"Message": str()}}:
                return masked_body(self.text)
        return _json(masked(self.raw))


def _opened(data: str) -> str | None:
    """Open base64; what is none stays as it is, and bytes that are no text are None."""
    try:
        opened = decode_base64(data)
    except ValueError:
        return data
    try:
        return opened.decode()
    except ValueError:
        return None


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half a surrogate
        return json.dumps(value)
