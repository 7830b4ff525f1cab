"""boto3 clients for the stage's own use, straight to the emulator (or whatever endpoint stands in for it)."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from worker_runtime.errors import SettingsError
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

DUMMY_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

CREDENTIALS = (*DUMMY_CREDENTIALS, "AWS_SESSION_TOKEN")
_CONNECTIONS = 50
_CONNECT_TIMEOUT_S = 2.0
_READ_TIMEOUT_S = 30.0


def credentials(endpoint_url: str | None, *, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Take the user's own credentials to an endpoint of theirs, and made-up ones to the emulator.

    Raises SettingsError where a key id is set without its secret, or the other way round.
    """
    own = {name: environ[name] for name in CREDENTIALS if environ.get(name)}
    missing = [name for name in DUMMY_CREDENTIALS if name not in own]
    if endpoint_url is None or len(missing) == len(DUMMY_CREDENTIALS):
        return dict(DUMMY_CREDENTIALS)
    if missing:
        raise SettingsError(
            f"{missing[0]} is not set, but the other half of the key is; set both, or neither."
        )
    return own


class AwsClients(Part):
    """Low-level clients by service, made once each; for many threads."""

    def __init__(self, endpoint_url: str, *, region: str, credentials: Mapping[str, str]) -> None:
        self.endpoint_url = endpoint_url
        self._region = region
        self._credentials = credentials
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def start(self) -> Self:
        """Make a session of its own, so that nothing of the user's profile is read by accident."""
        self._session = boto3.session.Session(
            aws_access_key_id=self._credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._credentials["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=self._credentials.get("AWS_SESSION_TOKEN"),
            region_name=self._region,
        )
        return self

    def stop(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def __call__(self, service: str) -> Any:
        """Return the client of a service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,  # type: ignore[call-overload]  # the stubs want a literal
                    endpoint_url=self.endpoint_url,
                    config=Config(
                        max_pool_connections=_CONNECTIONS,
                        connect_timeout=_CONNECT_TIMEOUT_S,
                        read_timeout=_READ_TIMEOUT_S,
                        s3={"addressing_style": "path"},
                    ),
                )
            return self._clients[service]
