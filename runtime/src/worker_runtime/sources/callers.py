"""Who asks: one text that is another for every caller whom an API's authorization knows."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_NAMES: Final = frozenset(
    ("iss", "issuer", "sub", "cognitoIdentityId", "identityId", "userArn", "principalId", "apiKeyId")
)
"""What names a caller, or the issuer of its name, and stays the same while tokens change."""


def caller_of(*known: Any, own: Any = None) -> str | None:
    """Return all that names a caller in what an API found out; None where nothing does.

    ``own`` is what a Lambda authorizer said in words of its own: without a ``sub`` nobody knows which of
    them name the bearer, so all of them do. What is no object says nothing.
    """
    said = own if isinstance(own, dict) else {}
    named = {name: text for holder in known for name, text in _names(holder)}
    names = dict(_names(said))
    named |= names if "sub" in names else said
    return msgspec.json.encode(named, order="deterministic").decode() if named else None


def _names(holder: Any) -> list[tuple[str, str]]:
    if not isinstance(holder, dict):
        return []
    return [
        (name, text) for name, text in holder.items() if name in _NAMES and text and isinstance(text, str)
    ]
