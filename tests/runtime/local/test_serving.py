"""What people see of a stage that is kept up: log lines they can read, a file that leads others to it."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.serving.environment_file import environment_file
from worker_runtime.local.serving.followed_logs import LogFollower
from worker_runtime.local.serving.log_lines import readable_line
from worker_runtime.local.serving.scenario_on import AskedScenario, refuse_another
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories
from worker_runtime.local.stage.parts.redis_server import RedisServer

if TYPE_CHECKING:
    from pathlib import Path

LINE = {
    "level": "INFO",
    "location": "_report_one:173",
    "message": "deferred",
    "timestamp": "2026-11-21T17:28:00.698+00:00",
    "worker": "shop.ship",
    "function_request_id": "8649",
    "record_id": "a0a1",
    "reason": "the depot is closed",
    "outcomes": {"deferred": 1},
}


def test_a_log_line_says_when_what_and_of_which_record() -> None:
    assert readable_line(json.dumps(LINE)) == (
        '17:28:00.698 INFO    deferred reason=the depot is closed outcomes={"deferred":1} record=a0a1'
    )


def test_an_exception_stands_under_its_line() -> None:
    said = readable_line(json.dumps({**LINE, "exception": "Traceback ...\nValueError: no"}))

    assert said is not None
    assert said.splitlines()[1:] == ["Traceback ...", "ValueError: no"]


@pytest.mark.parametrize(
    ("line", "said"), [("printed by hand\n", "printed by hand"), ("[1, 2]", "[1, 2]"), ('{"_aws": {}}', None)]
)
def test_what_is_no_log_line_stays_as_it_is_and_metrics_are_left_out(line: str, said: str | None) -> None:
    assert readable_line(line) == said


def test_logs_are_followed_from_their_ends_line_by_line(tmp_path: Path) -> None:
    log = tmp_path / "shop.ship.log"
    log.write_text("before\n")
    told: list[str] = []
    follower = LogFollower(tmp_path, worker_ids=["shop.ship", "shop.late"], tell=told.append)

    with log.open("a") as more:
        more.write("first\nsec")
        more.flush()
        follower.look()
        more.write("ond\n")
    (tmp_path / "shop.late.log").write_text("late\n")
    follower.look()

    assert told == ["shop.ship: first", "shop.ship: second", "shop.late: late"]


def test_the_file_is_its_owner_s_alone_and_gone_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "local.env"

    with environment_file(file, {"B": "2", "A": "1"}):
        *_, one, two = file.read_text().splitlines()
        mode = stat.S_IMODE(file.stat().st_mode)

    assert (one, two, mode) == ("A=1", "B=2", 0o600)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_stage_left_is_written_over_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "local.env"
    with environment_file(file, {"A": "1"}):
        left = file.read_text()
    file.write_text(left)

    with environment_file(file, {"A": "2"}):
        again = file.read_text()
    file.write_text("A=mine\n")

    assert again.endswith("A=2\n")
    with pytest.raises(Misuse, match="is there already"), environment_file(file, {"A": "3"}):
        pass
    assert file.read_text() == "A=mine\n"


def test_another_scenario_than_the_one_begun_is_refused_with_the_cure(tmp_path: Path) -> None:
    asked = AskedScenario(scenario="sales", events=20, seed=1, poison=False)
    other = AskedScenario(scenario="sales", events=30, seed=1, poison=True)
    with SqliteMemories(tmp_path / "kept.sqlite") as memories:
        memory = memories.of("serving")

        goes_on = [refuse_another(asked, memory=memory) for _ in range(2)]

        assert goes_on == [False, True]
        with pytest.raises(Misuse, match="in the middle of sales of 20 items from seed 1, not of"):
            refuse_another(other, memory=memory)


def test_a_redis_that_is_kept_survives_its_end_and_is_empty_where_it_was_lost(tmp_path: Path) -> None:
    import redis  # noqa: PLC0415 - slow to import

    with RedisServer(kept_in=tmp_path / "redis") as server, redis.Redis.from_url(server.url) as client:
        client.set("a", "1")
        server.restart()
        kept = client.get("a")
        server.kill()
        server.start()
        lost = client.get("a")

    assert (kept, lost) == (b"1", None)
