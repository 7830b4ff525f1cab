"""What a recorder makes of what a stage notes: partitions, second deliveries, throttles, the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from worker_runtime.clock import SteppedClock
from worker_runtime.local.recording.files import Recording
from worker_runtime.local.recording.lines import Event
from worker_runtime.local.recording.stage_recorder import StageRecorder
from worker_runtime.local.stage.execution.answers import Reply, Throttled
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.lineage.happenings import Ended, EventHandedOver, HandedOver
from worker_runtime.local.stage.polling.kafka_form import KafkaForm
from worker_runtime.local.stage.polling.staged_records import StagedRecord, staged
from worker_runtime.testing import kafka_record

if TYPE_CHECKING:
    from pathlib import Path

    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.lineage.happenings import Happening

WORKER = "shop.work"
FORM = KafkaForm(servers="b-1:9092", cluster_arn=None, reports=True)
DONE = Reply(b"null")


class Heard:
    """A journal that remembers."""

    def __init__(self) -> None:
        self.happenings: list[Happening] = []

    def note(self, happening: Happening) -> None:
        self.happenings.append(happening)


def reading(partition: int, offset: int, **body: str) -> StagedRecord:
    raw = kafka_record(body, topic="readings", partition=partition, offset=offset)
    lane = f"readings-{partition}"
    return staged(f"{lane}:{offset}", raw, arrived_at=0.0, lane=lane)


def ended(answer: Answer | None = DONE, *, logs: str = "") -> Ended:
    report = None if answer is None else Report(request_id="r-1", answer=answer, logs=logs)
    return Ended(WORKER, "r-1", report)


def recorded(folder: Path, *happenings: Happening, journal: Heard | None = None) -> list[Event]:
    file = folder / "r.jsonl"
    heard = journal or Heard()
    with StageRecorder(file, journal=heard, clock=SteppedClock(), in_clear=False) as recorder:
        for each in happenings:
            recorder.note(each)
    return [line for _, line in Recording(file) if isinstance(line, Event)]


def test_records_of_a_topic_keep_their_fates_below_their_partitions(tmp_path: Path) -> None:
    batch = (reading(0, 1), reading(1, 5, email="fan@example.com"), reading(0, 2))
    line = {"message": "rejected", "outcome": "dlq", "reason": "BAD", "record_id": "readings-1:5"}

    (event,) = recorded(
        tmp_path,
        HandedOver(WORKER, "r-1", batch, form=FORM),
        ended(logs=json.dumps(line) + '\n{"message": "3 records", "outcomes": {}}\n'),
    )

    told = [(fate.id, fate.outcome, fate.masked) for fate in event.records]
    assert json.loads(bytes(event.event))["records"].keys() == {"readings-0", "readings-1"}
    assert told == [
        ("readings-0:1", "done", False),
        ("readings-0:2", "done", False),
        ("readings-1:5", "reject", True),
    ]


def test_a_second_delivery_says_so(tmp_path: Path) -> None:
    (event,) = recorded(tmp_path, EventHandedOver(WORKER, "r-1", b"{}", repeated=True), ended())

    assert event.repeated


def test_what_was_throttled_is_not_recorded_and_its_next_try_is(tmp_path: Path) -> None:
    handed_over = EventHandedOver(WORKER, "r-1", b"{}")

    found = recorded(tmp_path, handed_over, ended(Throttled()), handed_over, ended())

    assert [event.answer.ended for event in found if event.answer] == ["reply"]


def test_what_a_stage_cuts_short_by_its_end_is_recorded_as_that(tmp_path: Path) -> None:
    (event,) = recorded(tmp_path, EventHandedOver(WORKER, "r-1", b"{}"), ended(None))

    assert event.answer is not None
    assert event.answer.ended == "stopped"


def test_the_lineage_hears_of_everything(tmp_path: Path) -> None:
    journal, happening = Heard(), EventHandedOver(WORKER, "r-1", b"not JSON\n")

    recorded(tmp_path, happening, journal=journal)

    assert journal.happenings == [happening]
