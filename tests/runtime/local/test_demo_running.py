"""A demo of any domain, on a stage that only counts: what is shown, what is reported."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec
import pytest
from rich.console import Console

from worker_runtime.local.demo.asked import Asked
from worker_runtime.local.demo.outcome import Finding, Outcome
from worker_runtime.local.demo.running import run_demo
from worker_runtime.local.demo.screen import NO_SCREEN, LiveScreen, PlainScreen, screen_on
from worker_runtime.local.stage.counting import WorkerCounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.demo.report import Report
    from worker_runtime.local.demo.running import Staged

HOLDS = Outcome(endings={"done": 3, "skipped: late": 1})
LOSES = Outcome(endings={"done": 3, "lost": 1}, findings=(Finding("item-4", "is gone"),))


class CountingStage:
    """Counts one record more each time that it is asked."""

    logs = Path("logs")

    def __init__(self) -> None:
        self.records = 0
        self.running = False

    def __enter__(self) -> Self:
        self.running = True
        return self

    def __exit__(self, *_: object) -> None:
        self.running = False

    def workers(self) -> dict[str, WorkerCounts]:
        self.records += 1
        counts = WorkerCounts(invocations=1, records=self.records, busy_s=0.5)
        return {"shop.pack": counts, "shop.send": counts}

    def environment(self) -> dict[str, str]:
        return {"PARCELS_TABLE": "parcels"}

    def serve(self) -> None:
        """End at once."""


class Packing:
    name = "packing"
    summary = "parcels are packed"
    stack = "shop"
    events = 50
    speed = 20.0

    def __init__(self, outcome: Outcome, *, lasts_s: float = 0.0) -> None:
        self._outcome = outcome
        self._lasts_s = lasts_s

    def run(
        self, stage: Any, *, events: int, faults: frozenset[str], seed: int, tell: Callable[[str], None]
    ) -> Outcome:
        assert stage.running
        tell(f"{events} parcels under {sorted(faults)}, drawn from {seed}")
        time.sleep(self._lasts_s)
        return self._outcome


class Interrupted(Packing):
    def run(self, *_: object, **__: object) -> Outcome:
        raise KeyboardInterrupt


class StumblingStage(CountingStage):
    def __enter__(self) -> Self:
        raise RuntimeError("no room")


def run(scenario: Packing, *, screen: Any, stage: CountingStage | None = None, **more: Any) -> Any:
    asked = Asked(scenario="packing", events=4, faults=frozenset({"crash"}), seed=9)
    return run_demo(scenario, asked=asked, stage=stage or CountingStage(), screen=screen, **more)


def plain() -> tuple[io.StringIO, PlainScreen]:
    written = io.StringIO()
    return written, PlainScreen(Console(file=written), tick_s=0.01)


def terminal(*, width: int) -> tuple[io.StringIO, LiveScreen]:
    written = io.StringIO()
    return written, LiveScreen(Console(file=written, force_terminal=True, width=width))


def test_what_happens_is_told_in_plain_lines() -> None:
    written, screen = plain()

    run(Packing(HOLDS), screen=screen)

    lines = written.getvalue().splitlines()
    assert any("parcels are packed" in line for line in lines)
    assert any("a worker process is killed" in line for line in lines)
    assert any("output goes to logs" in line for line in lines)
    assert any("4 parcels under ['crash'], drawn from 9" in line for line in lines)


def test_a_traceback_keeps_its_lines() -> None:
    written, screen = plain()

    screen.tell("shop.pack: ERROR failed\nTraceback (most recent call last):\n  File x\n    pack()")

    first, *more = written.getvalue().splitlines()
    assert first.endswith("shop.pack: ERROR failed")
    assert [line[9:] for line in more] == ["Traceback (most recent call last):", "  File x", "    pack()"]


def test_counts_that_never_rest_are_told_more_and_more_rarely() -> None:
    written, screen = plain()

    run(Packing(HOLDS, lasts_s=0.4), screen=screen)

    assert 1 <= written.getvalue().count("carried:") <= 6


def test_counts_follow_in_plain_lines_while_the_scenario_runs() -> None:
    written, screen = plain()

    run(Packing(HOLDS, lasts_s=0.2), screen=screen)

    carried = [line for line in written.getvalue().splitlines() if "carried:" in line]
    assert len(carried) > 1
    assert "carried: calls 2, records " in carried[0]


def test_plain_lines_are_broken_between_words_and_a_path_never() -> None:
    written, screen = plain()
    path = "/var/" + "-".join(["folder"] * 20)

    screen.tell("notifications wait, " * 8 + path)

    *lines, last = written.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    assert last.strip() == path


def test_what_comes_afterwards_has_the_report_while_the_stage_is_up() -> None:
    stage, seen = CountingStage(), []

    def afterwards(report: Report, staged: Staged) -> None:
        seen.append((report.holds, stage.running, staged.environment()))

    run(Packing(HOLDS), screen=plain()[1], stage=stage, afterwards=afterwards)

    assert seen == [(True, True, {"PARCELS_TABLE": "parcels"})]
    assert not stage.running


def test_counts_that_stand_still_are_not_repeated() -> None:
    written, screen = plain()

    with screen.following(lambda: {"shop.pack": WorkerCounts(records=2)}):
        time.sleep(0.1)

    assert "carried:" not in written.getvalue()


def test_a_terminal_shows_a_table_that_is_redrawn_and_cleared_for_the_result() -> None:
    written, screen = terminal(width=80)

    run(Packing(HOLDS, lasts_s=0.3), screen=screen)

    assert "shop.pack" in written.getvalue()
    assert written.getvalue().endswith("\x1b[2K")


def test_news_stay_on_a_terminal() -> None:
    written, screen = terminal(width=80)

    with screen.following(CountingStage().workers):
        for each in range(20):
            screen.tell(f"news {each}")

    shown = [int(each) for each in re.findall(r"news (\d+)", written.getvalue())]
    assert shown == list(range(20))


def test_a_long_piece_of_news_is_broken_between_words() -> None:
    written, screen = terminal(width=40)

    screen.tell("the stage is up; the workers' output goes to /var/workers-demo-1")

    lines = written.getvalue().splitlines()
    assert [line.strip() for line in lines[1:]] == ["output goes to", "/var/workers-demo-1"]


def test_a_live_table_cuts_nothing_off_in_80_columns() -> None:
    written, screen = terminal(width=80)
    counts = WorkerCounts(invocations=12_345, records=98_765, dead_letters=1_234, busy_s=43.21)

    with screen.following(lambda: {"dmnd.demandStreamToSqs": counts}):
        pass

    row = next(line for line in written.getvalue().splitlines() if "demandStreamToSqs" in line)
    assert row.split() == ["dmnd.demandStreamToSqs", "12345", "98765", *"000", "1234", "0", "43.2s"]


def test_an_interrupted_demo_says_where_the_output_is() -> None:
    written, screen = plain()

    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(HOLDS), screen=screen)

    assert "interrupted; the workers' output is in logs" in written.getvalue().splitlines()[-1]


@pytest.mark.parametrize(("terminal", "kind"), [(True, LiveScreen), (False, PlainScreen)])
def test_the_screen_is_what_the_console_can_show(terminal: bool, kind: type) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal)

    assert isinstance(screen_on(console, watched=True), kind)


def test_there_is_no_screen_where_nobody_watches() -> None:
    assert screen_on(Console(file=io.StringIO()), watched=False) is NO_SCREEN


def test_a_report_is_plain_data_with_the_verdict_first() -> None:
    report = run(Packing(LOSES), screen=plain()[1])

    told = msgspec.json.decode(msgspec.json.encode(report.plain()))
    assert next(iter(told)) == "holds"
    assert told["holds"] is False
    assert told["findings"] == [{"item": "item-4", "problem": "is gone"}]
    assert told["faults"] == ["crash"]
    assert {"inProcess", "wallS"} < told.keys()
    assert told["workers"]["shop.pack"]["invocations"] == 1


def test_a_verdict_says_how_many_items_are_accounted_for() -> None:
    report = run(Packing(HOLDS), screen=plain()[1])

    assert report.holds
    assert report.verdict().startswith("Nothing was lost: 4 of 4 items are accounted for")


def test_a_verdict_with_a_finding_is_no_success() -> None:
    report = run(Packing(LOSES), screen=plain()[1])

    assert not report.holds
    assert report.verdict().startswith("The ledger does not hold: 1 finding (")


def test_a_stage_that_does_not_start_is_not_taken_for_a_result() -> None:
    with pytest.raises(RuntimeError, match="no room"):
        run(Packing(HOLDS), screen=plain()[1], stage=StumblingStage())
