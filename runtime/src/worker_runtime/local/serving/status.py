"""How the stage of a state folder stands: told by itself, its queues looked at where it runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from worker_runtime.local.commands.reporting import CommandFailed
from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.local.stage.counting import (
    WorkerCounts,
)
from worker_runtime.local.stage.keeping.standing import read_standing
from worker_runtime.local.stage.keeping.state_folder import is_lost, read_begun, user_of

if TYPE_CHECKING:
    from pathlib import Path

    from worker_runtime.local.stage.keeping.standing import Standing

How = Literal["running", "starting or stopping", "stopped", "killed", "lost"]

_AT_ONCE: Final = 8
_COUNTS: Final = {
    "ApproximateNumberOfMessages": "waiting",
    "ApproximateNumberOfMessagesNotVisible": "hidden",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}


class NoStage(CommandFailed):
    """No stage was ever up in the folder."""


class Depth(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many messages a queue has: to be received, in flight or hidden for a while, delayed."""

    queue: str
    dead_letters: bool
    waiting: int
    hidden: int
    delayed: int


class Status(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A stage; counts are since it was brought up last, times epoch seconds, ``stage_time`` by its clock.

    ``queues`` is None where nobody can look: the stage does not run.
    """

    state: How
    folder: str
    pid: int
    stacks: tuple[str, ...]
    speed: float
    up_since: float
    told_at: float
    stage_time: float
    endpoint_url: str
    logs: str
    workers: dict[str, WorkerCounts]
    urls: dict[str, tuple[str, ...]] = {}
    faults: tuple[str, ...] = ()
    queues: tuple[Depth, ...] | None = None


def look_at(folder: Path) -> Status:
    """Tell how a folder's stage stands; raises NoStage, and FolderRefused where the folder is broken."""
    standing = read_standing(folder)
    runs = user_of(folder) is not None
    if standing is None:
        begun = read_begun(folder) is not None
        said = (
            "is being brought up for the first time" if runs else "was never up" if begun else "is not there"
        )
        raise NoStage(f"the stage of {folder} {said}; name another folder with --state.")
    how: How = "running" if runs else "stopped" if standing.over else "killed"
    if not runs and is_lost(folder):
        how = "lost"
    if runs and standing.over:  # what the run before left
        how = "starting or stopping"
    return Status(
        state=how,
        folder=str(folder),
        pid=standing.pid,
        stacks=standing.stacks,
        speed=standing.speed,
        up_since=standing.up_since,
        told_at=standing.told_at,
        stage_time=standing.stage_time,
        endpoint_url=standing.environment["AWS_ENDPOINT_URL"],
        logs=standing.logs,
        workers=standing.workers,
        urls=standing.urls,
        faults=standing.faults,
        queues=_depths(standing) if how == "running" else None,
    )


def _depths(standing: Standing) -> tuple[Depth, ...] | None:
    """Ask for the depth of all queues; None where they are out of reach."""
    environment = standing.environment
    url, region = environment["AWS_ENDPOINT_URL"], environment["AWS_REGION"]
    with AwsClients(url, region=region, credentials=credentials(url)) as aws:
        sqs = aws("sqs")
        try:
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                counted = threads.map(lambda queue_url: _counts(sqs, queue_url), standing.queues.values())
                return tuple(
                    Depth(queue=queue, dead_letters=queue in standing.dead_letters, **counts)
                    for queue, counts in sorted(zip(standing.queues, counted, strict=True))
                )
        except (BotoCoreError, ClientError):
            return None


def _counts(sqs: Any, queue_url: str) -> dict[str, int]:
    asked = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[*_COUNTS])["Attributes"]
    return {ours: int(asked[theirs]) for theirs, ours in _COUNTS.items()}
