"""The file that leads other commands to a stage: NAME=value lines, there while the stage is up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_OURS: Final = "# Written by a local stage of `workers`; leads other commands to it by --env-file.\n"


def refuse_others(file: Path) -> None:
    """Raise Misuse where the file is there and no stage wrote it; a killed stage's may stay."""
    try:
        with file.open(encoding="utf-8", errors="replace") as there:
            if there.readline() == _OURS:
                return
    except FileNotFoundError:
        return
    except OSError as error:
        raise Misuse(f"cannot write {file}: {error.strerror}.") from error
    raise Misuse(f"{file} is there already; name another file, or remove it.")


@contextmanager
def environment_file(file: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Write the file, for its owner alone, and remove it after the block; raises Misuse."""
    refuse_others(file)
    lines = [f"{name}={value}\n" for name, value in sorted(environment.items())]
    try:
        write_whole(file, "".join([_OURS, *lines]).encode())
    except OSError as error:
        raise Misuse(f"cannot write {file}: {error.strerror}.") from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
