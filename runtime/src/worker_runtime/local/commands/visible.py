"""Text from anywhere as a terminal may have it: what it would obey is spelled out instead."""

from __future__ import annotations

import json
import re
from typing import Final

_OBEYED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but for tabs and line breaks
    "\u202a-\u202e\u2066-\u2069"  # what turns the direction of writing, and so the order of what is read
    "\ud800-\udfff]"  # halves of a character, as names of files may have them: no stream takes them
)


def visible(text: str) -> str:
    r"""Spell out control characters as JSON does, ``\u001b``; in a JSON document that means the same."""
    return _OBEYED.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    spelled = json.dumps(found[0])[1:-1]
    return spelled if spelled != found[0] else f"\\u{ord(found[0]):04x}"  # json.dumps lets DEL be
