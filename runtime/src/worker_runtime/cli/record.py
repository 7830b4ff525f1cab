"""``workers record``: what waits in a queue or stream, written down as the events that Lambda would make."""

from __future__ import annotations

import time
from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.cli.recording_options import InClear, warn_in_clear
from worker_runtime.local.commands.new_files import refuse_taken
from worker_runtime.local.commands.options import (
    AsJson,
    EndpointUrl,
    EnvFile,
    complete_polled_queues,
    complete_polled_streams,
    complete_workers,
    take_variables,
)
from worker_runtime.local.commands.progress import progress
from worker_runtime.local.commands.reporting import Misuse, Output, answering, counted, examples, tell
from worker_runtime.local.commands.stopping import stoppable

if TYPE_CHECKING:
    from worker_runtime.local.recording.files import RecordingFile
    from worker_runtime.local.recording.taps import Tapped, Taps
    from worker_runtime.local.recording.until import Until

app = typer.Typer(add_completion=False)


@app.command(
    "record",
    epilog=examples(
        "workers record orders.jsonl --queue orders --env-file .stage/stage.env",
        "workers record changes.jsonl --stream demand-table --for 5m --max 1000",
        "workers record run.jsonl --worker shop.shipOrder --env-file qa1.env",
    ),
)
def record(  # noqa: PLR0913 - options of a command
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file: JSON Lines.")],
    *,
    queue: Annotated[
        str | None,
        typer.Option(
            "--queue",
            metavar="NAME|URL",
            help="A queue, by its logical or real name.",
            autocompletion=complete_polled_queues,
        ),
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            metavar="NAME|ARN",
            help="A Kinesis stream, or a table with a stream.",
            autocompletion=complete_polled_streams,
        ),
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            "--worker",
            metavar="ID",
            help="All queues and streams that this worker is polled for.",
            autocompletion=complete_workers,
        ),
    ] = None,
    most: Annotated[
        int | None, typer.Option("--max", metavar="N", min=1, help="So many records at most.")
    ] = None,
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Wait for more: 30s, 5m, 1h; else what is there now."),
    ] = None,
    in_clear: InClear = False,
    endpoint_url: EndpointUrl = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Record what waits in a queue or stream, as the events that Lambda would hand to its worker.

    Nothing is taken away. Streams are read from their oldest record on.

    But SQS shows a message only by handing it out: that spends a receive and hides it, for 5 seconds at most.

    Filters and the batch size are those of the worker that reads it, where one is installed.

    What a stage's workers are handed, outcomes too, `--record` of `workers stage up` and `demo` writes.

    Personal data is made unreadable unless --in-clear asks otherwise. Ctrl-C ends a recording cleanly.
    """
    with stoppable(), answering(as_json=as_json) as output:
        from worker_runtime.local.endpoint import Endpoint  # noqa: PLC0415 - help needs no boto3
        from worker_runtime.local.recording.files import RecordingFile as NewFile  # noqa: PLC0415 - as above
        from worker_runtime.local.recording.lines import Head  # noqa: PLC0415 - as above
        from worker_runtime.local.recording.taps import Taps as AllTaps  # noqa: PLC0415 - as above

        until = _until(most, for_)
        refuse_taken(file)
        take_variables(env_file)
        aws = Endpoint(endpoint_url)
        with aws.asked():
            taps = AllTaps(aws)
            tapped = _tapped(taps, queue=queue, stream=stream, worker=worker)
            now = taps.clock.now()
            head = Head(at=now, wall=time.time(), origin=tapped[0].origin, in_clear=in_clear)
            if in_clear:
                warn_in_clear(file)
            with NewFile(file, head=head) as recording:
                _record(tapped, taps, file=recording, until=until, in_clear=in_clear, output=output)
        _tell(recording, tapped, output)


def _until(most: int | None, for_: str | None) -> Until:
    from worker_runtime.local.recording.until import Until as Asked  # noqa: PLC0415 - help needs none of it
    from worker_runtime.local.recording.until import parse_duration  # noqa: PLC0415

    try:
        return Asked(most=most, for_s=None if for_ is None else parse_duration(for_))
    except ValueError:
        raise Misuse(f"--for {for_} is no time; say 30s, 5m or 1h.") from None


def _tapped(taps: Taps, *, queue: str | None, stream: str | None, worker: str | None) -> list[Tapped]:
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it

    match queue, stream, worker:
        case str(), None, None:
            return [taps.of_queue(queue)]
        case None, str(), None:
            return [taps.of_stream(stream)]
        case None, None, str():
            return taps.of_worker(installed().find(worker))
    raise Misuse("say one of --queue, --stream and --worker.")


def _record(  # noqa: PLR0913 - from where, where to, how much, who hears of it
    tapped: list[Tapped], taps: Taps, *, file: RecordingFile, until: Until, in_clear: bool, output: Output
) -> None:
    """Record to the end, or to Ctrl-C, which is as good an end as any."""
    from worker_runtime.local.recording.tapping import tap  # noqa: PLC0415 - help needs none of it

    try:
        with progress("records", output=output) as advance:
            tap(tapped, file=file, until=until, clock=taps.clock, in_clear=in_clear, advance=advance)
    except KeyboardInterrupt as interrupt:
        if type(interrupt) is not KeyboardInterrupt:  # a request of somebody else's, with its exit code
            raise


def _tell(recording: RecordingFile, tapped: list[Tapped], output: Output) -> None:
    last_spent = sum(getattr(each.tap, "last_spent", 0) for each in tapped)
    if last_spent:
        tell(
            f"{counted(last_spent, 'message')} spent the last receive: dead-lettered next.", style="bold red"
        )
    if output.as_json:
        told = {"file": str(recording.path), "events": recording.written, "records": recording.records}
        output.json({**told, "lastReceivesSpent": last_spent})
    else:
        found = f"{counted(recording.records, 'record')} in {counted(recording.written, 'event')}"
        output.text(f"{found}: {recording.path}")
