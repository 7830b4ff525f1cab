"""Who asks: one text that is another for every caller whom an API's authorization knows."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_NAMES: Final = frozenset(("iss", "issuer", "sub", "cognitoIdentityId", "identityId", "userArn", "principalId", "apiKeyId"))
"""What names a caller and stays the same while tokens change."""


def caller_of(*known: Any, own: Any = None) -> str | None:
    """Return all that names a caller in what an authorizer found out; None where nothing does.

    ``own`` is what a Lambda authorizer said in words of its own: where nothing names the bearer, all of
    it does. What is no object says nothing.
    """
    named = {name: text for holder in (*known, own) for name, text in _names(holder)}
    said = named or (own if isinstance(own, dict) else None)
    return msgspec.json.encode(said, order="deterministic").decode() if said else None


def _names(holder: Any) -> list[tuple[str, str]]:
    if not isinstance(holder, dict):
        return []
    return [
        (name, said) for name, said in holder.items() if name in _NAMES and said and isinstance(said, str)
    ]
