"""The filters of an event-source mapping: which records Lambda hands over, and which it drops.

The source's data is matched under its data key, decoded; what else the record has may be asked for too.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from worker_runtime.errors import InvalidPattern
from worker_runtime.filters.json_text import read_data
from worker_runtime.filters.patterns import branch_holds, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.filters.patterns import Branch, Pattern

DataKey = Literal["body", "data", "dynamodb", "value"]

MAX_FILTERS = 5  # Lambda developer guide, "Control which events Lambda sends to your function"; 10 by quota
MAX_LENGTH = 4096  # Lambda API reference, Filter.Pattern

_TAKES_TEXT = frozenset({"body", "value"})  # the others' data must be JSON, and so must be asked for as JSON


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of one mapping: a record is taken that matches one of them; all, where there are none."""

    patterns: tuple[Pattern, ...]
    data_key: DataKey

    def takes(self, record: Mapping[str, Any]) -> bool:
        """Tell whether Lambda hands over this record, given in the shape in which it would be."""
        if not self.patterns:
            return True
        view = _VIEWS[self.data_key](record)
        return any(self._holds(branch, view) for pattern in self.patterns for branch in pattern.branches)

    def _holds(self, branch: Branch, view: dict[str, Any]) -> bool:
        """Drop what is JSON where text is asked for, and the other way round."""
        data_is_json = isinstance(view.get(self.data_key), dict | list)
        asks_text, asks_json = _asked_of_data(branch, self.data_key)
        fits = not asks_text if data_is_json else not asks_json
        return fits and branch_holds(branch, view)


def compile_filters(patterns: Sequence[Mapping[str, Any] | str], *, data_key: DataKey) -> Filters:
    """Check a mapping's filters; the data key tells the source.

    ``body`` is SQS, ``data`` Kinesis, ``dynamodb`` a table's stream, ``value`` Kafka. Raises InvalidPattern
    for more than five filters, and for each that Lambda would refuse.
    """
    if len(patterns) > MAX_FILTERS:
        raise InvalidPattern(
            f"A mapping takes {MAX_FILTERS} filters, not {len(patterns)}; use $or in one of them."
        )
    compiled = tuple(map(compile_pattern, patterns))
    for pattern in compiled:
        if len(pattern.text) > MAX_LENGTH:
            raise InvalidPattern(f"A filter has at most {MAX_LENGTH} characters: {pattern.text[:80]}...")
        asks_text = any(_asked_of_data(branch, data_key)[0] for branch in pattern.branches)
        if asks_text and data_key not in _TAKES_TEXT:
            raise InvalidPattern(f"Filter {pattern.text[:200]}: {data_key!r} is JSON; ask for a field of it.")
    return Filters(compiled, data_key)


def _asked_of_data(branch: Branch, data_key: str) -> tuple[bool, bool]:
    """Say whether the branch asks for the data as text, and whether for fields of it."""
    names = [field.name for field in branch]
    return data_key in names, any(name.startswith(f"{data_key}.") for name in names)


def _sqs(record: Mapping[str, Any]) -> dict[str, Any]:
    return {**record, "body": _json_or_text(record.get("body", ""))}


def _kinesis(record: Mapping[str, Any]) -> dict[str, Any]:
    inner = record.get("kinesis", {})
    return {**record, **inner, "data": _decoded(inner.get("data"))}


def _kafka(record: Mapping[str, Any]) -> dict[str, Any]:
    return {**record, "value": _decoded(record.get("value"))}


def _decoded(data: Any) -> Any:
    """Read base64 text as JSON, or as plain text, or as nothing that could match."""
    try:
        return _json_or_text(b64decode(data or "").decode())
    except (ValueError, TypeError):
        return None


def _json_or_text(text: str) -> Any:
    """Read an object or a list; what else could be JSON, a bare word or number, is met as the text it is."""
    try:
        data = read_data(text)
    except (ValueError, TypeError):
        return text
    return data if isinstance(data, dict | list) else text


_VIEWS: dict[DataKey, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "body": _sqs,
    "data": _kinesis,
    "dynamodb": dict,
    "value": _kafka,
}
