"""How a stage stands, as people and programs read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.local.commands.reporting import Output
    from worker_runtime.local.serving.status import Depth, Status

_SINCE: Final = "All counts: since it was brought up last."


def show_status(status: Status, output: Output) -> None:
    """Write the state, then the workers' counts, then the queues."""
    if output.as_json:
        output.json(status)
        return
    from worker_runtime.local.commands.number_lines import terminal_width  # noqa: PLC0415 - JSON needs none
    from worker_runtime.local.demo.tables import LEGEND, table_lines  # noqa: PLC0415 - as above

    style = "bold green" if status.state == "running" else "bold yellow"
    output.lines([(_headline(status), style)])
    faults = f", faults {', '.join(status.faults)}" if status.faults else ""
    output.lines(
        [
            (f"stacks {', '.join(status.stacks) or 'all'}, speed {status.speed:g}{faults}", ""),
            (f"its time {_moment(status.stage_time)}, AWS {status.endpoint_url}", ""),
            (f"logs {status.logs}", ""),
            *((f"{worker_id} answers {url}", "") for worker_id, urls in status.urls.items() for url in urls),
            ("", ""),
        ]
    )
    width = terminal_width()
    heading, *lines = table_lines(status.workers, width=width)
    output.lines(
        [
            (heading, "bold"),
            *((line, "") for line in lines),
            (LEGEND, "dim"),
            (_SINCE, "dim"),
        ]
    )
    if status.queues is not None:
        output.lines([("", ""), *_depths(status.queues, width=width)])


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


def _depths(queues: Sequence[Depth], *, width: int) -> list[tuple[str, str]]:
    """Lay out how much waits in each queue, in red where those are dead letters."""
    from worker_runtime.local.commands.number_lines import number_lines  # noqa: PLC0415 - JSON needs none

    rows = {_named(each): (str(each.waiting), str(each.hidden), str(each.delayed)) for each in queues}
    lines = number_lines("queue", ("waiting", "hidden", "delayed"), rows, width=width)
    styles = ["bold", *("red" if each.dead_letters and each.waiting + each.hidden else "" for each in queues)]
    lines_a_row = len(lines) // len(styles)
    return [(line, styles[at // lines_a_row]) for at, line in enumerate(lines)]


def _named(depth: Depth) -> str:
    return f"{depth.queue} (dead letters)" if depth.dead_letters else depth.queue


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
