"""Why a record is taken or refused: what each filter's fields met in it, for people and for machines.

Values are shown as our logs would show them, personal data masked, unless they are asked for in clear.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from worker_runtime.filters.operators import LITERAL
from worker_runtime.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

Why = Literal[
    "matches",
    "absent",
    "differs",
    "missing",
    "no_value",
    "elsewhere",
    "no_object",
    "not_json",
    "is_json",
    "unreadable",
]
"""The first two hold: ``absent`` is a field that has to be missing, and is. The others refuse."""

SHOWN_CHARS = 120
SHOWN_VALUES = 3
SHOWN_FINDINGS = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """What one field of a filter asked (operator and argument of each condition), and what it met.

    ``seen`` are values in JSON's spelling (text in quotes, unescaped). ``nearest`` helps to mend it: the
    first key of the path that is missing where that is an earlier one, what there is where a value should
    be, the fields that hold in other elements. ``choice`` numbers the ``$or`` branch whose own field it is.
    """

    path: str
    asked: tuple[tuple[str, str], ...]
    why: Why
    seen: tuple[str, ...] = field(default=(), repr=False)
    nearest: str = ""
    choice: int | None = None

    @property
    def holds(self) -> bool:
        """Whether the record is as the field asks."""
        return self.why in ("matches", "absent")

    @property
    def operators(self) -> tuple[str, ...]:
        """The names of what was asked, each once; a plain value's is ``exact``."""
        return tuple(dict.fromkeys(operator for operator, _ in self.asked))

    def values(self, *, in_clear: bool = False) -> list[Any]:
        """Return the values seen, masked unless asked for in clear."""
        path = self.nearest if self.why == "not_json" else self.path  # seen is all of the data then
        return [_value(text, path=path, in_clear=in_clear) for text in self.seen]

    def says(self, *, in_clear: bool = False) -> str:
        """Word it in one line: path, operator, value."""
        worded = _WORDED["missing_since" if self.why == "missing" and self.nearest else self.why]
        seen = _listed(self.values(in_clear=in_clear))
        said = worded.format(asked=wording(self.asked), seen=seen, nearest=self.nearest)
        choice = "" if self.choice is None else f"choice {self.choice} of $or: "
        return f"{choice}{self.path}: {said}"

    def plain(self, *, in_clear: bool = False) -> dict[str, Any]:
        """Return it as plain data."""
        told = {"path": self.path, "operators": list(self.operators), "asked": wording(self.asked)}
        known = {"nearest": self.nearest or None, "choice": self.choice}
        given = {name: value for name, value in known.items() if value is not None}
        return {**told, "why": self.why, "seen": self.values(in_clear=in_clear), **given}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one filter made of a record: all findings that hold where it is taken, else all that refuse it."""

    name: str
    pattern: str
    taken: bool
    findings: tuple[Finding, ...]

    def says(self, *, in_clear: bool = False) -> str:
        """Word it in one line: the first few findings."""
        told = [each.says(in_clear=in_clear) for each in self.findings[:SHOWN_FINDINGS]]
        if more := len(self.findings) - len(told):
            told.append(f"and {more} more")
        return f"{self.name}: {'; '.join(told)}"

    def plain(self, *, in_clear: bool = False) -> dict[str, Any]:
        """Return it as plain data."""
        findings = [each.plain(in_clear=in_clear) for each in self.findings]
        return {"name": self.name, "taken": self.taken, "pattern": self.pattern, "findings": findings}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What all filters of a mapping made of a record; without filters it is taken."""

    judgements: tuple[Judgement, ...]

    @property
    def taken(self) -> bool:
        """Whether Lambda hands the record over; always what ``takes`` says."""
        return not self.judgements or any(each.taken for each in self.judgements)

    @property
    def by(self) -> str | None:
        """The first filter that takes it; None where none does, or none is there."""
        return next((each.name for each in self.judgements if each.taken), None)

    def says(self, *, in_clear: bool = False) -> str:
        """Word it in one line: ``refused; filter 1: body.kind: exact ["a"] does not match "b"``."""
        if not self.judgements:
            return "taken; there are no filters"
        told = [each for each in self.judgements if each.taken == self.taken]
        verdict = "taken" if self.taken else "refused"
        return "; ".join((verdict, *(each.says(in_clear=in_clear) for each in told)))

    def plain(self, *, in_clear: bool = False) -> dict[str, Any]:
        """Return it as plain data."""
        judgements = [each.plain(in_clear=in_clear) for each in self.judgements]
        return {"taken": self.taken, "by": self.by, "filters": judgements}


def wording(asked: Sequence[tuple[str, str]]) -> str:
    """Word conditions of which one must hold: ``exact ["a","b"] or prefix "c"``."""
    literals = [argument for operator, argument in asked if operator == LITERAL]
    others = [f"{operator} {argument}" for operator, argument in asked if operator != LITERAL]
    return " or ".join([f"{LITERAL} [{','.join(literals)}]"] * bool(literals) + others)


_WORDED: dict[str, str] = {
    "matches": "{asked} matches {seen}",
    "absent": "{asked} holds, the key is missing",
    "differs": "{asked} does not match {seen}",
    "missing": "key is missing ({asked} is asked)",
    "missing_since": "key is missing, as is {nearest} ({asked} is asked)",
    "no_value": "is {nearest}, which has no value of its own ({asked} is asked)",
    "elsewhere": "{asked} matches {seen} in another element of the list than {nearest}",
    "no_object": "there are no keys in {seen} ({asked} is asked)",
    "not_json": "{nearest} is no JSON object or list, but {seen} ({asked} is asked)",
    "is_json": "is JSON, and plain text is asked for ({asked})",
    "unreadable": "{nearest} is no UTF-8 text in base64 ({asked} is asked)",
}


def _listed(values: Sequence[Any]) -> str:
    shown = [_short(json.dumps(value, ensure_ascii=False)) for value in values[:SHOWN_VALUES]]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "") if shown else "nothing"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."


def _value(text: str, *, path: str, in_clear: bool) -> Any:
    """Read a value as it was seen; masked, it is judged by the keys that lead to it, as in our logs."""
    value: Any = text[1:-1] if text[:1] == '"' else _literal(text)
    if in_clear:
        return value
    if isinstance(value, str) and value[:1] in ("{", "["):
        inside = _literal(value)
        value = value if inside == value else json.dumps(redact(inside), ensure_ascii=False)
    keys = path.split(".")
    for key in reversed(keys):
        value = {key: value}
    value = redact(value)
    for _ in keys:
        (value,) = value.values()
    return value


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
