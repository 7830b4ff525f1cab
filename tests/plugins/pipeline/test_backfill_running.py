"""The loop of a backfill: whatever ends it, another goes on, and in the end all is as if nothing had."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from backfills import Export, item_line, json_lines
from deliveries import FakeWarehouse, batch, carried, deliver, demand, poison, sale
from worker_runtime import Halt, clock
from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.testing import RecordingSender, SteppedClock
from workers_pipeline.local.backfill.books import Books, InUse
from workers_pipeline.local.backfill.inputs import digest_of, inputs_of
from workers_pipeline.local.backfill.running import run
from workers_pipeline.local.backfill.scope import Scope
from workers_pipeline.local.backfill.watching import Letter
from workers_pipeline.local.backfill.worker_run import Delivered, NotDelivered, Unaccounted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from workers_pipeline.local.backfill.batches import Input


class Killed(BaseException):
    """The process ends."""


class FakeWorker:
    """Delivers to a warehouse of its own; each try is told to ``before`` and ``after``, which may raise."""

    def __init__(
        self,
        warehouse: FakeWarehouse,
        *,
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self.warehouse = warehouse
        self.tries = 0
        self._before = before
        self._after = after

    def deliver(self, event: Mapping[str, Any]) -> Delivered:
        self.tries += 1
        self._before()
        sender, kept = RecordingSender(), FakeWarehouse()
        deliver(event, kept, sender=sender)
        self.warehouse.files |= kept.files
        self._after()
        files = {key: (len(rows), len(kept.files[key])) for key, rows in kept.rows.items()}
        told = [json.loads(message.body) for _, message in sender.sent]
        return Delivered(files, {}, [Letter(each["recordId"], each["code"], each["error"]) for each in told])


class Watcher:
    def __init__(self) -> None:
        self.changes = self.files = 0
        self.waits: list[float] = []

    def see(self, *, changes: int, files: int) -> None:
        self.changes += changes
        self.files += files

    def wait(self, why: str, *, pause_s: float) -> None:
        assert why == "SlowDown"
        self.waits.append(pause_s)


def nth(which: int, error: BaseException) -> Callable[[], None]:
    """Raise an error when called for the n-th time."""
    calls = iter(range(1, 10_000))

    def called() -> None:
        if next(calls) == which:
            raise error

    return called


@pytest.fixture
def inputs(tmp_path: Path) -> list[Input]:
    """Open three files of an export, and a recording, with some of it that cannot be delivered."""
    export = Export(tmp_path / "export")
    export.add("a", [item_line(sale(f"s{at}")) for at in range(1_001)])
    export.add("b", [item_line(demand("b1")), item_line(demand("b2"))])
    export.add("c", ["nothing", item_line(sale()), item_line(demand(quantity="two"))])
    recording = tmp_path / "changes.jsonl"
    recording.write_text("nothing\n" + json_lines([batch(poison(), carried(demand("r"), at=1))] * 2))
    return inputs_of([str(export.written()), str(recording)], s3=lambda: pytest.fail("it is no bucket"))


def books(folder: Path, inputs: list[Input]) -> Books:
    digest = digest_of(inputs, options="a bucket")
    return Books(digest, ("export", "changes.jsonl"), state=folder / "state.json", refusals=None)


def go(
    folder: Path,
    inputs: list[Input],
    worker: FakeWorker,
    *,
    keeper: Any = None,
    watcher: Watcher | None = None,
) -> Books:
    opened = books(folder, inputs)
    try:
        opened.begin()
        run(
            inputs,
            worker,
            wanted=Scope(),
            progress=opened.progress,
            keeper=keeper(opened) if keeper else opened,
            watcher=watcher or Watcher(),
        )
    finally:
        opened.close()
    return opened


def folder(above: Path, name: str) -> Path:
    made = above / name
    made.mkdir()
    return made


def told(opened: Books) -> tuple[Any, str]:
    return opened.progress.tally, opened.refusals.read_text()


def test_all_is_accounted_for(tmp_path: Path, inputs: list[Input]) -> None:
    worker = FakeWorker(FakeWarehouse())

    tally = go(tmp_path, inputs, worker).progress.tally

    assert (tally.batches, tally.read, tally.rows) == (6, 1_011, 1_005)
    assert tally.unread == {"NO_JSON": 2}
    assert tally.dead_lettered == {"SCHEMA_VIOLATION": 1, "UNDECODABLE": 2}
    assert tally.unaccounted == 0
    assert sum(map(len, worker.warehouse.rows.values())) == 1_005
    assert tally.again.rows == 1  # the recorded batch came twice


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_is_killed_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path, inputs: list[Input], moment: str
) -> None:
    undisturbed = FakeWorker(FakeWarehouse())
    due = go(folder(tmp_path, "undisturbed"), inputs, undisturbed)

    for which in range(1, 7):
        killed, warehouse = folder(tmp_path, f"killed {which}"), FakeWarehouse()
        with pytest.raises(Killed):
            go(killed, inputs, FakeWorker(warehouse, **{moment: nth(which, Killed())}))
        second = FakeWorker(warehouse)
        ended = go(killed, inputs, second)

        assert warehouse.files == undisturbed.warehouse.files
        assert told(ended) == told(due)
        assert second.tries == 7 - which


class KilledKeeper:
    """Keeps what was refused, and is killed before it keeps how far it is."""

    def __init__(self, opened: Books, *, which: int) -> None:
        self._opened = opened
        self._kill = nth(which, Killed())

    def keep(self, progress: Any, refusals: Any) -> None:
        try:
            self._kill()
        except Killed:
            self._opened._refused.add(refusals)
            raise
        self._opened.keep(progress, refusals)


def test_what_was_refused_is_told_once_whenever_it_is_killed(tmp_path: Path, inputs: list[Input]) -> None:
    due = go(folder(tmp_path, "undisturbed"), inputs, FakeWorker(FakeWarehouse()))

    for which in range(1, 8):
        killed = folder(tmp_path, f"killed {which}")
        with pytest.raises(Killed):
            go(
                killed,
                inputs,
                FakeWorker(FakeWarehouse()),
                keeper=lambda opened, which=which: KilledKeeper(opened, which=which),
            )
        ended = go(killed, inputs, FakeWorker(FakeWarehouse()))

        assert told(ended) == told(due)


def test_a_batch_that_is_not_taken_is_tried_again_a_little_later(tmp_path: Path, inputs: list[Input]) -> None:
    stepped = SteppedClock(at=0.0)
    worker = FakeWorker(FakeWarehouse(), before=nth(2, NotDelivered("SlowDown", halted=False)))

    watcher = Watcher()

    with clock.using(stepped):
        ended = go(tmp_path, inputs, worker, watcher=watcher)

    assert ended.progress.done
    assert (worker.tries, stepped.at) == (7, 1.0)
    assert (watcher.changes, watcher.files, watcher.waits) == (1_011, 4, [1.0])


def test_after_four_tries_it_ends_and_says_where(tmp_path: Path, inputs: list[Input]) -> None:
    def never() -> None:
        raise NotDelivered("SlowDown", halted=False)

    worker, stepped = FakeWorker(FakeWarehouse(), before=never), SteppedClock(at=0.0)

    with clock.using(stepped), pytest.raises(NotDelivered, match=r"a\.json\.gz, lines 1 to 1,000: SlowDown"):
        go(tmp_path, inputs, worker)

    assert (worker.tries, stepped.at) == (4, 21.0)


def test_where_somebody_has_to_mend_something_first_it_ends_at_once(
    tmp_path: Path, inputs: list[Input]
) -> None:
    def never() -> None:
        raise NotDelivered("the salt is empty", halted=True) from Halt("the salt is empty")

    worker = FakeWorker(FakeWarehouse(), before=never)

    with pytest.raises(NotDelivered, match="the salt is empty"):
        go(tmp_path, inputs, worker)

    assert worker.tries == 1


def test_a_worker_that_loses_a_change_is_found_out(tmp_path: Path, inputs: list[Input]) -> None:
    class Losing(FakeWorker):
        def deliver(self, event: Mapping[str, Any]) -> Delivered:
            told = super().deliver(event)
            return Delivered({key: (rows - 1, size) for key, (rows, size) in told.files.items()}, {}, [])

    with pytest.raises(Unaccounted, match="1 change"):
        go(tmp_path, inputs, Losing(FakeWarehouse()))


def test_the_state_of_another_backfill_is_refused(tmp_path: Path, inputs: list[Input]) -> None:
    go(tmp_path, inputs, FakeWorker(FakeWarehouse()))

    with pytest.raises(Misuse, match=r"is of another backfill: of other sources \(export, changes\.jsonl\)"):
        books(tmp_path, inputs[:1])


@pytest.mark.parametrize("held", ["", "nothing", "{}", '{"version": 1}'])
def test_what_is_no_state_is_refused_and_left_as_it_is(
    tmp_path: Path, inputs: list[Input], held: str
) -> None:
    (tmp_path / "state.json").write_text(held)

    with pytest.raises(Misuse, match="is no state of a backfill"):
        books(tmp_path, inputs)

    assert (tmp_path / "state.json").read_text() == held


def test_a_file_that_is_there_is_not_taken_for_what_is_refused(tmp_path: Path, inputs: list[Input]) -> None:
    (tmp_path / "state.rejected.jsonl").write_text("mine")

    with pytest.raises(Misuse, match="is there already"):
        books(tmp_path, inputs)


def test_what_is_refused_goes_on_in_the_same_file(tmp_path: Path, inputs: list[Input]) -> None:
    go(tmp_path, inputs, FakeWorker(FakeWarehouse()))

    with pytest.raises(
        Misuse, match=r"was begun with --rejected .*state\.rejected\.jsonl; say so again, or remove"
    ):
        Books(
            digest_of(inputs, options="a bucket"),
            ("export",),
            state=tmp_path / "state.json",
            refusals=tmp_path / "others.jsonl",
        )


def test_where_no_state_can_be_kept_nothing_is_delivered(tmp_path: Path, inputs: list[Input]) -> None:
    worker = FakeWorker(FakeWarehouse())

    with pytest.raises(Misuse, match=r"cannot write .*: there is no folder"):
        go(tmp_path / "absent", inputs, worker)

    assert worker.tries == 0


@pytest.mark.parametrize(
    "rejected", ["state.json", "../here/state.json", ".state.json.new", ".state.json.lock"]
)
def test_what_is_refused_is_not_written_over_the_state_nor_the_state_over_it(
    tmp_path: Path, rejected: str
) -> None:
    here = folder(tmp_path, "here")

    with pytest.raises(Misuse, match=r"--rejected .*state\.json.* is --state .*; name another"):
        Books("abc", ("export",), state=here / "state.json", refusals=here / rejected)

    assert [*here.iterdir()] == []


def test_where_no_refusal_can_be_kept_nothing_is_delivered(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match=r"cannot write .*rejected\.jsonl: there is no folder"):
        Books("abc", ("export",), state=tmp_path / "s.json", refusals=tmp_path / "absent" / "rejected.jsonl")

    assert not (tmp_path / "s.json").exists()


def test_a_second_one_waits_for_the_end_of_the_first(tmp_path: Path, inputs: list[Input]) -> None:
    first = books(tmp_path, inputs)

    with pytest.raises(
        InUse, match=r"a backfill with the state .*state\.json is under way; wait for its end"
    ):
        books(tmp_path, inputs)
    first.close()
    second = books(tmp_path, inputs)
    second.close()

    assert [each.name for each in tmp_path.iterdir() if "state" in each.name] == []


def test_what_is_under_way_does_not_count_as_kept(tmp_path: Path, inputs: list[Input]) -> None:
    opened = books(tmp_path, inputs)
    worker = FakeWorker(FakeWarehouse(), before=nth(2, Killed()))

    with closing(opened), pytest.raises(Killed):
        run(inputs, worker, wanted=Scope(), progress=opened.progress, keeper=opened, watcher=Watcher())

    assert opened.kept == 1_000


def test_one_line_is_named_as_one(tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add("a", [item_line(sale())])
    (file,) = inputs_of([str(export.written())], s3=lambda: pytest.fail("it is no bucket"))
    worker = FakeWorker(FakeWarehouse(), before=nth(1, NotDelivered("the salt is empty", halted=True)))

    with pytest.raises(NotDelivered, match=r"a\.json\.gz, line 1: the salt"):
        go(tmp_path, [file], worker)


def test_a_name_that_is_no_text_is_worded(tmp_path: Path) -> None:
    home = folder(tmp_path, "caf\udce9")  # Latin-1, as the system has it
    (home / "changes.jsonl").write_text("{}\n")
    file = str(home / "changes.jsonl")
    inputs = inputs_of([file], s3=lambda: pytest.fail("it is no bucket"))
    opened = Books(digest_of(inputs, options=""), [file], state=home / "s.json", refusals=None)

    with closing(opened):
        run(
            inputs,
            FakeWorker(FakeWarehouse()),
            wanted=Scope(),
            progress=opened.progress,
            keeper=opened,
            watcher=Watcher(),
        )

    assert json.loads(opened.refusals.read_text())["file"].endswith("/caf\\xe9/changes.jsonl")
