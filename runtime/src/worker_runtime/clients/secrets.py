"""Secrets Manager: one key of a secret, kept for five minutes."""

from __future__ import annotations

import json
import threading
from typing import Any, Final

from worker_runtime import clock
from worker_runtime.clients import aws
from worker_runtime.errors import Halt

KEPT_S: Final = 300

_kept: dict[str, tuple[float, dict[str, Any]]] = {}
_lock = threading.Lock()


def secret_value(secret_id: str, *, key: str) -> str:
    """Return one key of a JSON secret; missing, refused or misshapen it is a Halt."""
    with _lock:
        fetched_at, fields = _kept.get(secret_id, (float("-inf"), {}))
        if clock.now() - fetched_at > KEPT_S:
            fields = _fetch(secret_id)
            _kept[secret_id] = (clock.now(), fields)
    if key not in fields:
        raise Halt(f"secret {secret_id} has no key {key!r}; it has {sorted(fields)}.")
    value = fields[key]
    if not isinstance(value, str):
        raise Halt(f"secret {secret_id} has no text under {key!r}.")
    return value


def forget() -> None:
    """Fetch every secret anew from here on."""
    with _lock:
        _kept.clear()


def _fetch(secret_id: str) -> dict[str, Any]:
    with aws.verdicts("secretsmanager", of=secret_id):
        answer = aws.client("secretsmanager").get_secret_value(SecretId=secret_id)
    try:
        fields = json.loads(answer["SecretString"])
    except (KeyError, ValueError) as error:
        raise Halt(f"secret {secret_id} is not a JSON text.") from error
    if not isinstance(fields, dict):
        raise Halt(f"secret {secret_id} is not a JSON object.")
    return fields
