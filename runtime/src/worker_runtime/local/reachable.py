"""Whether AWS is where it is said to be: at a URL, and with somebody who answers there."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from worker_runtime.errors import SettingsError, WorkerRuntimeError
from worker_runtime.local.stage.keeping.state_folder import user_of
from worker_runtime.local.stage.lineage.schema import STATE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS: Final = {"http": 80, "https": 443}
_PATIENCE_S: Final = 3.0


class EndpointSilent(WorkerRuntimeError):
    """Nobody answers where AWS is said to be."""


class StageDown(EndpointSilent):
    """The stage that the environment leads to does not run."""


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


def refuse_silence(url: str, *, said_by: str) -> None:
    """Raise EndpointSilent, with the option or variable that it came from, where nobody answers."""
    refuse_no_url(url, said_by=said_by)
    if why := _silence(url):
        raise EndpointSilent(
            f"nobody answers at {url}, where {said_by} points to ({why}); start what should be there"
            " (`workers stage up` brings a stage up), or name another."
        )


def refuse_stage_down(environ: Mapping[str, str]) -> None:
    """Raise StageDown, with the cure, where the variables lead to a stage and it does not run.

    EndpointSilent where it does, and AWS_ENDPOINT_URL leads elsewhere.
    """
    folder, url = environ.get(STATE_VARIABLE), environ.get("AWS_ENDPOINT_URL")
    if not folder or not url or not (why := _silence(url)):
        return
    silent = f"nobody answers at {url}, where AWS_ENDPOINT_URL points to ({why})"
    if user_of(Path(folder)) is not None:
        status = f"`workers stage status --state {folder}` says its URL"
        raise EndpointSilent(f"{silent}, and the stage of {folder} is up; {status}.")
    if is_stage_folder(Path(folder)):
        raise StageDown(f"the stage of {folder} is down: `workers stage up --state {folder}` brings it up.")
    raise StageDown(
        f"{silent}: the demo that wrote to {folder} is over, or this is not its URL;"
        " `workers demo SCENARIO --keep FILE` leaves another up."
    )


def is_stage_folder(folder: Path) -> bool:
    """Whether a stage that goes on keeps its state there."""
    return (folder / "stage.json").is_file()


def _silence(url: str) -> str:
    """Say why no connection can be made; nothing where one can."""
    try:
        socket.create_connection(_address(url), timeout=_PATIENCE_S).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _address(url: str) -> tuple[str, int]:
    """Read host and port; KeyError or ValueError where there are none."""
    place = urlsplit(url)
    if not place.hostname:
        raise ValueError(url)
    usual = _PORTS[place.scheme]
    return place.hostname, place.port or usual
