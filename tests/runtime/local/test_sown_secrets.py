"""Secrets that stand anywhere in the event of any source: none is left where people look."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sown import KINDS, events, left, named, sown
from worker_runtime.clock import SteppedClock
from worker_runtime.local.dead_letters.readable import readable
from worker_runtime.local.recording.entering import Taken, entered
from worker_runtime.local.recording.files import RecordingFile
from worker_runtime.local.recording.lines import Head
from worker_runtime.local.recording.masking import masked
from worker_runtime.local.stage.lineage.happenings import EventHandedOver
from worker_runtime.local.stage.lineage.schema import open_to_read
from worker_runtime.local.stage.lineage.sqlite_journal import SqliteJournal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

EVENTS = pytest.mark.parametrize("source", events())
PERSONAL_AS_THEY_ARE = {"s3", "sns", "sqs of sns", "http 2.0", "token 1.0", "token 2.0"}
"""They have an address, a signature, a cookie or a token of their own."""


def in_recording(made: Iterable[Any], folder: Path) -> str:
    """Record events and read the file, all that is encoded opened."""
    file = folder / "run.jsonl"
    with RecordingFile(file, head=Head(at=0.0, wall=0.0, origin="stage", in_clear=False)) as recording:
        for event in made:
            taken = Taken(event=json.dumps(event).encode(), at=0.0, wall=0.0, request_id="r-1")
            recording.write(entered(taken, in_clear=False))
    return file.read_text()


def in_lineage(made: Iterable[Any], folder: Path) -> str:
    """Note events in a lineage and read their bodies."""
    with SqliteJournal(folder, clock=SteppedClock()) as journal:
        for at, event in enumerate(made):
            journal.note(EventHandedOver("shop.ship", f"r-{at}", json.dumps(event).encode()))
    with closing(open_to_read(journal.file)) as db:
        return "\n".join(body for (body,) in db.execute("SELECT body FROM records"))


def in_letters(made: Iterable[Any], folder: Path) -> str:  # noqa: ARG001 - no letter is a file
    """Show events as dead letters: whole, as Lambda gives them up, and their records in our envelope."""
    bodies = [{"requestContext": {}, "requestPayload": event} for event in made]
    for event in [each["requestPayload"] for each in bodies]:
        records = event.get("Records", []) if isinstance(event, dict) else []
        bodies += [{"record": record} for record in records]
    return "\n".join(json.dumps(readable(json.dumps(body))) for body in bodies)


FILES = pytest.mark.parametrize("kept", [in_recording, in_lineage, in_letters])


@FILES
@EVENTS
@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_in_any_text_of_an_event_is_unreadable(
    source: str, kind: str, kept: Callable[[Iterable[Any], Path], str], tmp_path: Path
) -> None:
    made = [event for _, event in sown(events()[source], KINDS[kind])]
    assert all(left(json.dumps(event)) for event in made)

    assert left(kept(made, tmp_path)) == []


@FILES
@EVENTS
def test_what_stands_under_a_personal_name_is_unreadable(
    source: str, kept: Callable[[Iterable[Any], Path], str], tmp_path: Path
) -> None:
    made = [event for _, event in named(events()[source])]

    assert left(kept(made, tmp_path)) == []


@EVENTS
def test_all_that_is_masked_stays_as_it_is(source: str) -> None:
    event = events()[source]

    for text in KINDS.values():
        for path, secret in sown(event, text):
            once = masked(secret)
            assert masked(once) == once, path


@pytest.mark.parametrize("source", sorted(events().keys() - PERSONAL_AS_THEY_ARE))
def test_an_event_without_secrets_stays_as_it_is(source: str) -> None:
    event = events()[source]

    assert masked(event) == event
