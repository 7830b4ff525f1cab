"""Where items stand in the demand table, which other plugins read too."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

Keys = dict[str, str]

SHARDS: Final = 16
DUE_SALES: Final = "GENDUE"
"""Hash key, in GSI1, of the sales whose notifications are to be generated."""


def shard16(key: str) -> int:
    """Spread keys over sixteen shards, so that no index partition runs hot."""
    return sha256(key.encode()).digest()[0] % SHARDS


def event_keys(event_id: str) -> Keys:
    """Return the keys of an event."""
    return {"PK": f"EVENT#{event_id}", "SK": "EVENT"}


def sale_keys(event_id: str, sale_id: str) -> Keys:
    """Return the keys of a sale, which stands with its event."""
    return {"PK": f"EVENT#{event_id}", "SK": f"SALE#{sale_id}"}


def demand_keys(user_id: str, *, event_id: str, sale_id: str) -> Keys:
    """Return the keys of what a fan wants of a sale."""
    return {"PK": f"USER#{user_id}", "SK": f"DEMAND#{event_id}#{sale_id}"}


def demand_index(user_id: str, *, sale_id: str, shard: int | None = None) -> Keys:
    """Return where a demand stands in GSI2, the collection of a sale's fans."""
    spread = shard16(user_id) if shard is None else shard
    return {"GSI2PK": f"SALE#{sale_id}#{spread}", "GSI2SK": f"USER#{user_id}"}


def notification_keys(notification_id: str) -> Keys:
    """Return the keys of a notification."""
    return {"PK": f"NTF#{notification_id}", "SK": "NTF"}


def due_index(notification_id: str, *, send_at: str) -> Keys:
    """Return where a notification stands in GSI1 while it waits to be released."""
    return {"GSI1PK": due_shard(shard16(notification_id)), "GSI1SK": send_at}


def lease_index(notification_id: str, *, until: str) -> Keys:
    """Return where a notification stands in GSI1 while somebody has it, or should take it soon."""
    return {"GSI1PK": lease_shard(shard16(notification_id)), "GSI1SK": until}


def user_index(user_id: str, *, created_at: str) -> Keys:
    """Return where a notification stands in GSI2, the collection of a fan's notifications."""
    return {"GSI2PK": f"USER#{user_id}", "GSI2SK": f"NTF#{created_at}"}


def due_shard(shard: int) -> str:
    """Name one shard of the notifications that wait to be released."""
    return f"NTFDUE#{shard}"


def lease_shard(shard: int) -> str:
    """Name one shard of the notifications that are leased."""
    return f"NTFLEASE#{shard}"


def pointer_keys(message_id: str) -> Keys:
    """Return the keys of what leads from the SMS service's message to its notification."""
    return {"PK": f"MSG#{message_id}", "SK": "NTF"}


def parked_keys(message_id: str) -> Keys:
    """Return the keys of a receipt that came before its message was known."""
    return {"PK": f"MSG#{message_id}", "SK": "RECEIPT"}
