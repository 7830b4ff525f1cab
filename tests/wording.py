"""Whole messages, as a person reads them: ``~`` stands for anything."""

from __future__ import annotations

import re


def says(message: str) -> str:
    """Return a pattern that only the whole message matches."""
    return "^" + "(?s:.*)".join(map(re.escape, message.split("~"))) + "$"
