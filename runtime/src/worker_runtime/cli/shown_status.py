"""How a stage stands, as people and programs read it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker_runtime.local.commands.reporting import Output
    from worker_runtime.local.serving.status import Depth, Status

_SINCE: Final = "All counts: since it was brought up last."


def show_status(status: Status, output: Output) -> None:
    """Write the state, then the workers' counts, then the queues."""
    if output.as_json:
        output.json(status)
        return
    from worker_runtime.local.demo.tables import LEGEND, PLAIN_WIDTH, table_lines  # noqa: PLC0415 - JSON needs none

    style = "bold green" if status.state == "running" else "bold yellow"
    output.lines([(_headline(status), style)])
    faults = f", faults {', '.join(status.faults)}" if status.faults else ""
    output.lines(
        [
            (f"stacks {', '.join(status.stacks) or 'all'}, speed {status.speed:g}{faults}", ""),
            (f"its time {_moment(status.stage_time)}, AWS {status.endpoint_url}, logs {status.logs}", ""),
            *((f"{worker_id} answers {url}", "") for worker_id, urls in status.urls.items() for url in urls),
            ("", ""),
        ]
    )
    heading, *lines = table_lines(status.workers, width=shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns)
    output.lines(
        [(heading, "bold"), *((line, "") for line in lines), (f"{LEGEND} {_SINCE}", "dim"), ("", "")]
    )
    if status.queues is not None:
        rows = [_row(each) for each in status.queues]
        output.table(("queue", "waiting", "hidden", "delayed", ""), rows)


def _headline(status: Status) -> str:
    match status.state:
        case "running":
            return (
                f"The stage of {status.folder} runs since {_moment(status.up_since)}, process {status.pid}."
            )
        case "stopped":
            return (
                f"The stage of {status.folder} was stopped at {_moment(status.told_at)};"
                f" `workers stage up --state {status.folder}` goes on with it."
            )
        case "killed":
            return (
                f"The stage of {status.folder} was killed at {_moment(status.told_at)} or soon after;"
                f" `workers stage up --state {status.folder}` goes on with it."
            )
        case "lost":
            return (
                f"The stage of {status.folder} is lost: its emulator was killed before it wrote what it held;"
                f" `workers stage up --fresh --state {status.folder}` begins anew."
            )
    return f"The stage of {status.folder} is being brought up or down; this is how it stood before."


def _row(depth: Depth) -> list[tuple[str, str]]:
    dead = depth.dead_letters and depth.waiting + depth.hidden > 0
    return [
        (depth.queue, ""),
        (str(depth.waiting), "red" if dead else ""),
        (str(depth.hidden), ""),
        (str(depth.delayed), ""),
        ("dead letters" if depth.dead_letters else "", "red" if dead else "dim"),
    ]


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
