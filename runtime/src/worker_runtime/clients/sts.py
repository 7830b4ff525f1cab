"""Roles taken on for a while, as another account's services want it: one call for many threads.

When credentials end is told by the machine's own time, whatever clock the workers live on: AWS ends
them by its own.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final

from msgspec import Struct

from worker_runtime.clients import aws
from worker_runtime.errors import Halt, Reject, Verdict

SESSION_S: Final = 900  # also the shortest that AssumeRole gives
EARLY_S: Final = 300  # before they end, credentials are fetched anew
AGAIN_S: Final = 30  # after that failed it is tried again, while the old ones serve

log = logging.getLogger(__name__)

_roles: dict[tuple[str, str], _Role] = {}
_lock = threading.Lock()


class Credentials(Struct, frozen=True):
    """What requests are signed with, until ``expires_at`` (epoch seconds, machine's time)."""

    access_key: str
    secret_key: str
    token: str
    expires_at: float

    def __repr__(self) -> str:
        return f"<credentials {self.access_key}>"


def assumed(role_arn: str, *, session_name: str) -> Credentials:
    """Return credentials of a role, kept until five minutes before their end, or until it where STS fails.

    A role that is refused or misspelt is a Halt. ``session_name`` (2 to 64 characters) stands in
    CloudTrail.
    """
    with _lock:
        role = _roles.setdefault((role_arn, session_name), _Role(role_arn, session_name))
    return role.credentials()


def forget() -> None:
    """Fetch all credentials anew from here on."""
    with _lock:
        _roles.clear()


class _Role:
    """One role and its credentials; who waits while another thread asks gets what that one got."""

    def __init__(self, arn: str, session_name: str) -> None:
        self._asked = {"RoleArn": arn, "RoleSessionName": session_name, "DurationSeconds": SESSION_S}
        self._lock = threading.Lock()
        self._tries = 0
        self._failure: Verdict | None = None
        self._credentials: Credentials | None = None
        self._kept_until = 0.0

    def credentials(self) -> Credentials:
        tries = self._tries
        with self._lock:
            kept = self._credentials
            if kept is not None and time.time() < self._kept_until:
                return kept
            if self._failure is not None and self._tries > tries:
                raise self._failure
            try:
                made, self._failure = _assume(self._asked), None
                self._credentials, self._kept_until = made, made.expires_at - EARLY_S
            except Verdict as verdict:
                if kept is not None and time.time() < kept.expires_at:
                    return self._go_on_with(kept, verdict)
                self._failure = verdict
                raise
            finally:
                self._tries += 1
            return made

    def _go_on_with(self, kept: Credentials, verdict: Verdict) -> Credentials:
        now = time.time()
        self._kept_until = min(now + AGAIN_S, kept.expires_at)
        log.warning("%s; the credentials at hand serve for %.0f s more", verdict, kept.expires_at - now)
        return kept


def _assume(asked: dict[str, Any]) -> Credentials:
    try:
        with aws.verdicts("sts"):
            made = aws.client("sts").assume_role(**asked)["Credentials"]
    except Reject as refused:  # no record is to blame for a misspelt role
        raise Halt(f"{refused}; check the role {asked['RoleArn']!r}.") from refused
    return Credentials(
        access_key=made["AccessKeyId"],
        secret_key=made["SecretAccessKey"],
        token=made["SessionToken"],
        expires_at=made["Expiration"].timestamp(),
    )
