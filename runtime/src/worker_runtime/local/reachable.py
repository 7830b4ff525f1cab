"""Whether anybody answers where ``AWS_ENDPOINT_URL`` points to, before a worker has to find out."""

from __future__ import annotations

import socket
from typing import Final
from urllib.parse import urlsplit

from worker_runtime.errors import WorkerRuntimeError

_PORTS: Final = {"http": 80, "https": 443}
_PATIENCE_S: Final = 3.0


class EndpointSilent(WorkerRuntimeError):
    """Nobody answers where AWS is said to be."""


def refuse_silence(url: str) -> None:
    """Raise EndpointSilent where no connection to a URL's host can be made."""
    try:
        place = urlsplit(url)
        address = (place.hostname or "", place.port or _PORTS[place.scheme])
        socket.create_connection(address, timeout=_PATIENCE_S).close()
    except (KeyError, ValueError):
        why = "it is no URL"
    except OSError as error:
        why = error.strerror or str(error)
    else:
        return
    raise EndpointSilent(
        f"nobody answers at {url}, where AWS_ENDPOINT_URL points to ({why}); start what should be there"
        " (`workers demo SCENARIO --keep FILE` leaves a stage up), or name another."
    )
