"""The filters of an event-source mapping: which records Lambda hands over, and which it drops.

The source's data is matched under its data key, decoded; what else the record has may be asked for too.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from worker_runtime.errors import InvalidPattern
from worker_runtime.filters.explaining import explain_branch, finding, judge
from worker_runtime.filters.explanations import Explanation
from worker_runtime.filters.json_text import read_data
from worker_runtime.filters.leaves import leaf
from worker_runtime.filters.patterns import branch_holds, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.filters.explaining import Explained
    from worker_runtime.filters.explanations import Finding
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

    def explain(self, record: Mapping[str, Any]) -> Explanation:
        """Say which filters take this record and why, and why each other one does not."""
        if not self.patterns:
            return Explanation(())
        view = _VIEWS[self.data_key](record)
        judged = (
            judge(pattern, name=f"filter {at}", explains=lambda branch: self._explains(branch, record, view))
            for at, pattern in enumerate(self.patterns, start=1)
        )
        return Explanation(tuple(judged))

    def _holds(self, branch: Branch, view: dict[str, Any]) -> bool:
        return _fits(branch, view, self.data_key) and branch_holds(branch, view)

    def _explains(self, branch: Branch, record: Mapping[str, Any], view: dict[str, Any]) -> Explained:
        if _fits(branch, view, self.data_key):
            return explain_branch(branch, view)
        return False, [_misfit(branch, record, view, self.data_key)]


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


def _fits(branch: Branch, view: dict[str, Any], data_key: str) -> bool:
    """Drop what is JSON where text is asked for, and the other way round."""
    asks_text, asks_json = _asked_of_data(branch, data_key)
    return not (asks_text if isinstance(view.get(data_key), dict | list) else asks_json)


def _misfit(branch: Branch, record: Mapping[str, Any], view: dict[str, Any], data_key: str) -> Finding:
    """Say what is wrong with the data as a whole, for the first field that asks for it."""
    data = view.get(data_key)
    if isinstance(data, dict | list):
        return finding(next(one for one in branch if one.name == data_key), "is_json")
    asking = next(one for one in branch if one.name.startswith(f"{data_key}."))
    given = record.get("kinesis", {}) if data_key == "data" else record
    if given.get(data_key) is None:
        return finding(asking, "missing", nearest=data_key)
    if data is None:
        return finding(asking, "unreadable", nearest=data_key)
    return finding(asking, "not_json", [leaf(data)], nearest=data_key)


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
