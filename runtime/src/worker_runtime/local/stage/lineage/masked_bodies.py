"""Masks bodies as recordings do, at a tenth of the cost: only what has a sign of personal data is opened.

A stage masks the body of every record. Most of one are names that were judged before, and values in which
nothing can be: they stay as they are. All else is left to ``masking.py``, whose result this is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from msgspec import DecodeError, json

from worker_runtime.local.recording.masking import masked, masked_text
from worker_runtime.local.recording.typed_values import hidden
from worker_runtime.redaction import may_be_personal, personal, redact_text

if TYPE_CHECKING:
    from collections.abc import Iterable

_OF_FORMS: Final = frozenset(
    ("data", "body", "offset", "sequencer", "dataType", "Type", "B", "BS", "pathParameters")
)
"""Without one of these names nothing in an object is encoded, and nothing repeats what is beside it."""

_CLOSED: Final[frozenset[type]] = frozenset((int, float, bool, type(None)))
"""Kinds of values that say nothing."""

_CLOSED_TEXTS: Final[frozenset[type]] = _CLOSED | {str}
_NOTHING: Final[frozenset[str]] = frozenset()
_read: Final = json.Decoder().decode


def masked_body(text: str) -> str:
    """Mask a text as ``masked_text`` does; JSON is made anew where something is hidden."""
    if not text.startswith("{"):
        return masked_text(text)
    try:
        value = _read(text)
        shown = masked_value(value)
        return text if shown == value else json.encode(shown).decode()
    except (DecodeError, RecursionError, UnicodeEncodeError):  # lines, what is cut off, half a surrogate
        return masked_text(text)


def masked_value(value: Any) -> Any:
    """Mask what was read of JSON, as ``masked`` does; the very value where nothing in it is personal."""
    texts: list[str] = []
    names_tell = _gather((value,), texts)
    if _may_tell("\n".join(texts)):
        return _shown([value], _CLOSED)[0]
    return _shown([value], _CLOSED_TEXTS)[0] if names_tell else value


def _gather(values: Iterable[Any], texts: list[str]) -> bool:
    """Collect all texts, and say whether a name has to be looked at."""
    names_tell = False
    for value in values:
        kind = type(value)
        if kind is str:
            texts.append(value)
        elif kind is dict:
            names_tell |= _hiding(tuple(value)) != _NOTHING
            names_tell |= _gather(value.values(), texts)
        elif kind is list:
            names_tell |= _gather(value, texts)
    return names_tell


def _shown(value: Any, closed: frozenset[type]) -> Any:
    """Copy a value that is not of the ``closed`` kinds, which stay as they are; other texts are looked at."""
    kind = type(value)
    if kind is str:
        return masked(value) if _may_tell(value) else value
    if kind is list:
        return [each if type(each) in closed else _shown(each, closed) for each in value]
    hides = _hiding(tuple(value))
    if hides is None:
        return masked(value)
    return {
        name: hidden(each) if name in hides else each if type(each) in closed else _shown(each, closed)
        for name, each in value.items()
    }


def _may_tell(text: str) -> bool:
    """Whether a text may have something personal: by its look, under a name, or encoded in it."""
    if text.isalnum():
        return False
    opens = '"' in text or "=" in text or "{" in text or "[" in text or ": " in text
    return opens or may_be_personal(text)


@lru_cache(maxsize=1024)
def _hiding(names: tuple[str, ...]) -> frozenset[str] | None:
    """List the personal ones of an object's names; None where it has to be looked at as a whole."""
    if not _OF_FORMS.isdisjoint(names) or any(redact_text(name) != name for name in names):
        return None
    return frozenset(filter(personal, names))
