"""Recordings on disk: whatever is written is read again; what cannot be read is told by its line."""

from __future__ import annotations

import json
import stat
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.recording import lines
from worker_runtime.local.recording.entering import Taken, entered
from worker_runtime.local.recording.files import BadLine, NoRecording, Recording, RecordingFile
from worker_runtime.local.recording.lines import Event, Head
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.testing import sqs_event

HEAD = Head(at=1.0, wall=2.0, origin="stage", in_clear=True)
SCHEMA = Path(lines.__file__).with_name("recording.schema.json")

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def event(value: Any, *, reply: Any = None, in_clear: bool = True) -> Event:
    taken = Taken(event=json.dumps(value).encode(), at=5.0, wall=6.0, worker="shop.work", request_id="r-1")
    report = Report(request_id="r-1", answer=Reply(json.dumps(reply).encode()))
    return entered(taken, in_clear=in_clear, report=report, ended=True)


def written(path: Path, *events: Event) -> Path:
    with RecordingFile(path, head=HEAD) as file:
        for each in events:
            file.write(each)
    return path


def read(path: Path) -> list[Event | BadLine]:
    return [line for _, line in Recording(path)]


@given(plain, plain)
def test_any_event_and_reply_are_read_as_they_were_written(value: Any, reply: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (found,) = read(written(Path(folder) / "r.jsonl", event(value, reply=reply)))

    assert isinstance(found, Event)
    assert found.answer is not None
    assert found.answer.reply is not msgspec.UNSET
    assert json.loads(bytes(found.event)) == value
    assert json.loads(bytes(found.answer.reply)) == reply


@pytest.mark.parametrize("text", [b'{"a": 1.50,\t"b":[ 1e2 ]}', b'{"Records":[{"messageId":"1"}]}'])
def test_an_event_in_clear_is_kept_byte_for_byte(tmp_path: Path, text: bytes) -> None:
    taken = Taken(event=text, at=5.0, wall=6.0, worker="shop.work")

    (found,) = read(written(tmp_path / "r.jsonl", entered(taken, in_clear=True)))

    assert isinstance(found, Event)
    assert bytes(found.event) == text


@pytest.mark.parametrize("text", [b'{"a":\n1.50}', b'{"a": NaN}', b'"\\ud800"', b"no JSON\n", b""])
def test_what_does_not_fit_into_a_line_is_one_line_all_the_same(tmp_path: Path, text: bytes) -> None:
    taken = Taken(event=text, at=5.0, wall=6.0, worker="shop.work")

    found = read(written(tmp_path / "r.jsonl", entered(taken, in_clear=True), event({})))

    assert [type(each) for each in found] == [Event, Event]


def test_the_records_of_a_batch_stand_in_their_order(tmp_path: Path) -> None:
    batch = sqs_event({"id": 1}, {"id": 2})
    ids = [record["messageId"] for record in batch["Records"]]

    (found,) = read(written(tmp_path / "r.jsonl", event(batch)))

    assert isinstance(found, Event)
    assert [record.id for record in found.records] == ids
    assert found.source == batch["Records"][0]["eventSourceARN"]


def test_a_bad_and_a_truncated_line_are_told_and_the_others_are_read(tmp_path: Path) -> None:
    file = written(tmp_path / "r.jsonl", event({"a": 1}), event({"a": 2}))
    head, first, second = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join((head, b'{"kind": "event"}', first, second[:40])))

    told = list(Recording(file))

    assert [number for number, _ in told] == [2, 3, 4]
    assert [type(line) for _, line in told] == [BadLine, Event, BadLine]
    assert "missing required field" in str(told[0][1])
    assert "cut off" in str(told[2][1])


@pytest.mark.parametrize("content", ["", "{}\n", "[1]\n", "nonsense", '{"format": "har", "version": 1}\n'])
def test_a_foreign_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "other").write_text(content)

    with pytest.raises(NoRecording, match="is no recording"):
        Recording(tmp_path / "other")


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "newer").write_text(json.dumps({"format": lines.FORMAT, "version": 2, "more": 1}) + "\n")

    with pytest.raises(NoRecording, match="of version 2, and this is 1"):
        Recording(tmp_path / "newer")


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text("dear")

    with pytest.raises(Misuse, match="is there already"):
        written(tmp_path / "r.jsonl")

    assert (tmp_path / "r.jsonl").read_text() == "dear"


def test_a_recording_that_failed_before_its_first_event_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), RecordingFile(tmp_path / "r.jsonl", head=HEAD):
        raise RuntimeError

    written(tmp_path / "r.jsonl", event(1))

    assert len(read(tmp_path / "r.jsonl")) == 1


@pytest.mark.parametrize("end", [RuntimeError, KeyboardInterrupt])
def test_what_was_recorded_before_a_failure_stays(tmp_path: Path, end: type[BaseException]) -> None:
    def fail() -> None:
        with RecordingFile(tmp_path / "r.jsonl", head=HEAD) as file:
            file.write(event(1))
            raise end

    with pytest.raises(end):
        fail()

    assert len(read(tmp_path / "r.jsonl")) == 1


def test_a_recording_is_its_owners_alone(tmp_path: Path) -> None:
    file = written(tmp_path / "r.jsonl")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_fields_that_are_added_later_do_not_disturb_this_version(tmp_path: Path) -> None:
    file = written(tmp_path / "r.jsonl", event({}))
    head, line = map(json.loads, file.read_text().splitlines())
    file.write_text(f"{json.dumps({**head, 'new': 1})}\n{json.dumps({**line, 'new': 1})}\n")

    assert [type(each) for each in read(file)] == [Event]


def test_the_schema_in_the_package_is_that_of_the_lines() -> None:
    made = json.dumps(lines.schema(), indent=2, ensure_ascii=False)

    assert SCHEMA.read_text(encoding="utf-8") == f"{made}\n"


def test_what_is_written_has_what_the_schema_asks_for_and_nothing_else(tmp_path: Path) -> None:
    file = written(tmp_path / "r.jsonl", event(sqs_event({"id": 1})))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    for line in map(json.loads, file.read_text().splitlines()):
        named = schema["discriminator"]["mapping"][line["kind"]]
        asked = schema["$defs"][named.rpartition("/")[2]]
        assert set(asked["required"]) <= line.keys() <= asked["properties"].keys()


def test_what_is_added_while_a_recording_is_read_is_left_out(tmp_path: Path) -> None:
    file = written(tmp_path / "r.jsonl", event({"a": 1}))
    recording = Recording(file)

    with file.open("ab") as more:
        more.write(file.read_bytes().splitlines(keepends=True)[1])

    assert len(list(recording)) == 1
