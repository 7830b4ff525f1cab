"""Whether AWS is where it is said to be: at a URL, and with somebody who answers there."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from worker_runtime.errors import SettingsError, WorkerRuntimeError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS: Final = {"http": 80, "https": 443}
_PATIENCE_S: Final = 3.0


class EndpointSilent(WorkerRuntimeError):
    """Nobody answers where AWS is said to be."""


def refuse_no_urls(environ: Mapping[str, str]) -> None:
    """Raise SettingsError where a variable that says where AWS is, or one of its services, has no URL."""
    for name, value in environ.items():
        if value and name.startswith("AWS_ENDPOINT_URL"):
            refuse_no_url(value, said_by=name)


def refuse_no_url(url: str, *, said_by: str) -> None:
    """Raise SettingsError, with the option or variable that it came from, for what is no URL of a host."""
    try:
        _address(url)
    except (KeyError, ValueError):
        raise SettingsError(
            f"{said_by} is {url!r}, and it is no URL; say http://HOST:PORT, or leave it out for AWS itself."
        ) from None


def refuse_silence(url: str) -> None:
    """Raise EndpointSilent where no connection to a URL's host can be made."""
    refuse_no_url(url, said_by="AWS_ENDPOINT_URL")
    try:
        socket.create_connection(_address(url), timeout=_PATIENCE_S).close()
    except OSError as error:
        why = error.strerror or str(error)
    else:
        return
    raise EndpointSilent(
        f"nobody answers at {url}, where AWS_ENDPOINT_URL points to ({why}); start what should be there"
        " (`workers demo SCENARIO --keep FILE` leaves a stage up), or name another."
    )


def _address(url: str) -> tuple[str, int]:
    """Read host and port; KeyError or ValueError where there are none."""
    place = urlsplit(url)
    if not place.hostname:
        raise ValueError(url)
    usual = _PORTS[place.scheme]
    return place.hostname, place.port or usual
