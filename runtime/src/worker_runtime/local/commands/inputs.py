"""What commands read from files: recorded events, environment variables."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker_runtime.errors import SettingsError
from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.reachable import is_stage_folder

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_event(origin: str) -> Any:
    """Read a recorded event from a file, or from stdin where ``origin`` is ``-``."""
    text = sys.stdin.read().removeprefix("\ufeff") if origin == "-" else read_text(Path(origin))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = "stdin" if origin == "-" else origin
        raise Misuse(f"{where} is not JSON ({error}); give an event as Lambda sends it.") from error


def read_variables(file: Path) -> dict[str, str]:
    """Read lines of NAME=value; blank lines, comments, ``export`` and quotes around a value are dropped."""
    if not file.exists() and is_stage_folder(file.parent):
        raise Misuse(
            f"there is no {file}, since the stage of {file.parent} is down:"
            f" `workers stage up --state {file.parent}` brings it up and writes the file."
        )
    if not file.exists():
        raise Misuse(
            f"there is no {file}; a stage's is there while it is up"
            " (`workers stage up`, `workers demo --keep`)."
        )
    variables = {}
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        name, separator, value = text.partition("=")
        if not separator or not name.strip().isidentifier():
            raise Misuse(f"{file}, line {number} is not NAME=value.")  # not shown: it may be a secret
        variables[name.strip()] = _unquoted(value.strip())
    return variables


def need_variables(*names: str, environ: Mapping[str, str]) -> None:
    """Raise SettingsError that names all of these variables that are missing or empty, and the cure."""
    if missing := [name for name in names if not environ.get(name)]:
        cure = "set them, or name a file of NAME=value lines with --env-file."
        raise SettingsError(f"this command needs {', '.join(missing)}; {cure}")


def read_text(file: Path) -> str:
    """Read a file of UTF-8 text; Misuse where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Misuse(f"cannot read {file}: {why}.") from error


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value
