"""The runtime's own sender: effects over real queues and buckets, found by their logical names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.errors import SettingsError, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.clients.sqs import Message, Queue
    from worker_runtime.effects import Spill
    from worker_runtime.settings import Environment


class AwsSender:
    """Carries out effects in AWS; makes no client before the first one."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def send(self, queue: str, messages: Sequence[Message]) -> Sequence[Exception | None]:
        """Send messages in tens; an error stands where one was not taken."""
        try:
            return self._queue(queue).send(messages)
        except SettingsError as error:
            return [error] * len(messages)

    def change_visibility(self, queue: str, changes: Sequence[tuple[str, int]]) -> Sequence[Exception | None]:
        """Change visibility in tens; an error stands where one failed."""
        try:
            return self._queue(queue).change_visibility(changes)
        except SettingsError as error:
            return [error] * len(changes)

    def spill(self, spill: Spill) -> Exception | None:
        """Store what is too large for a message."""
        from worker_runtime.clients import s3  # noqa: PLC0415 - with the first effect

        try:
            s3.put(self._environment.named("bucket", spill.bucket), key=spill.key, body=spill.data)
        except (SettingsError, Verdict) as error:
            return error
        return None

    def _queue(self, name: str) -> Queue:
        from worker_runtime.clients.sqs import Queue  # noqa: PLC0415 - with the first effect

        return Queue(self._environment.named("queue", name), correlated=False)
