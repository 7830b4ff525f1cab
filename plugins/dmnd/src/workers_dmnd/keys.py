"""Where items stand in the demand table, which other plugins read too."""

from __future__ import annotations

Keys = dict[str, str]


def event_keys(event_id: str) -> Keys:
    """Return the keys of an event."""
    return {"PK": f"EVENT#{event_id}", "SK": "EVENT"}
