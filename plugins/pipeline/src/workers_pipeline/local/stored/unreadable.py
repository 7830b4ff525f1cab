"""What keeps a file from being read."""

from __future__ import annotations

from worker_runtime.local.commands.reporting import CommandFailed


class Unreadable(CommandFailed):
    """A file, or the rest of it, cannot be read; ``why`` goes on behind its name."""

    def __init__(self, why: str, *, file: object = "") -> None:
        super().__init__(f"{file} {why}.".strip())
        self.why = why


class Missing(Unreadable):
    """There is no such file."""

    def __init__(self, *, file: object) -> None:
        super().__init__("is not there", file=file)
