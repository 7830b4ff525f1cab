"""``workers stage``: brought up, looked at from elsewhere, stopped, killed, brought up again."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from command import COMMAND
from installed import Site
from staged import eventually
from tiny import install_tiny
from worker_runtime.local.commands.inputs import read_variables
from worker_runtime.local.stage.aws_clients import AwsClients, credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command import Workers

UP = "Ctrl-C stops the stage"
TINY = ("--stack", "tiny", "--speed", "30")
END_WITHIN_S = 20.0
WITHIN_S = 60.0  # a test that waits in vain for a word is ended with its stage


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Install the tiny plugin, and no other."""
    site = Site(tmp_path_factory.mktemp("site"))
    install_tiny(site)
    return site


class Up:
    """A stage that the command keeps up, and what it says."""

    def __init__(self, process: subprocess.Popen[str], said: IO[str]) -> None:
        self.process = process
        self._said = said
        self.lines: list[str] = []

    def until(self, text: str) -> str:
        """Read on until the command says this, and return that line."""
        for line in self._said:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError("".join(self.lines))

    def ended_by(self, number: signal.Signals) -> int:
        """Signal it, read the rest, and return its exit code."""
        self.process.send_signal(number)
        self.lines += self._said.readlines()
        return self.process.wait(END_WITHIN_S)


@contextmanager
def up(workers: Workers, tiny: Site, *options: str, how: tuple[str, ...] = TINY) -> Iterator[Up]:
    """Bring a stage up by the command; it is killed in the end if nobody stopped it."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, "stage", "up", *how, *options],
        env=workers.environment(tiny),
        cwd=workers.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as said:
        late = threading.Timer(WITHIN_S, process.kill)
        late.start()
        try:
            stage = Up(process, said)
            stage.until(UP)
            yield stage
        finally:
            late.cancel()
            process.kill()
            process.wait()


@contextmanager
def aws_of(file: Path) -> Iterator[tuple[AwsClients, dict[str, str]]]:
    """Make clients for what an env file leads to, and return them with its variables."""
    variables = read_variables(file)
    url = variables["AWS_ENDPOINT_URL"]
    with AwsClients(url, region=variables["AWS_REGION"], credentials=credentials(url)) as aws:
        yield aws, variables


def put(file: Path, key: str, *, do: str = "") -> None:
    """Put a task from outside."""
    with aws_of(file) as (aws, variables):
        item: Any = {"PK": {"S": key}, "do": {"S": do}}
        aws("dynamodb").put_item(TableName=variables["TASKS_TABLE"], Item=item)


def done(file: Path) -> set[str]:
    """Read from outside which tasks are done."""
    with aws_of(file) as (aws, variables):
        return {
            each["PK"]["S"] for each in aws("dynamodb").scan(TableName=variables["RESULTS_TABLE"])["Items"]
        }


def test_events_from_outside_are_worked_and_status_tells_from_elsewhere(
    workers: Workers, tiny: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "stage"
    with up(workers, tiny, "--state", str(folder)) as stage:
        file = folder / "stage.env"
        variables = read_variables(file)
        put(file, "a")
        put(file, "b", do="reject")
        eventually(lambda: done(file) == {"a"})
        eventually(lambda: workers("stage", "status", "--state", str(folder), "--json").json["queues"])

        told = eventually(lambda: counted(workers, folder, records=2))
        people = workers("stage", "status", "--state", str(folder))
        letters = workers("dead-letters", "list", "work-dlq", "--env-file", str(file), site=tiny)
        code = stage.ended_by(signal.SIGINT)

    assert variables["AWS_DEFAULT_REGION"] == variables["AWS_REGION"]
    assert "TASK_STREAM_ARN" not in variables  # it carries changes elsewhere; here nobody can read it
    assert (told["state"], told["stacks"], told["speed"]) == ("running", ["tiny"], 30.0)
    (rejected,) = [each for each in told["queues"] if each["queue"] == "work-dlq"]
    assert rejected == {"queue": "work-dlq", "deadLetters": True, "waiting": 1, "hidden": 0, "delayed": 0}
    assert f"The stage of {folder} runs since" in people.out
    assert "tiny.do" in people.out
    assert "All counts: since it was brought up last." in people.out
    assert (people.code, letters.code) == (0, 0)
    assert "REFUSED" in letters.out
    assert code == 0
    assert not file.exists()


def counted(workers: Workers, folder: Path, *, records: int) -> Any:
    """Ask for the status; None as long as the worker has not had so many records."""
    told = workers("stage", "status", "--state", str(folder), "--json").json
    return told if told["workers"]["tiny.do"]["records"] >= records else None


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_a_stage_that_was_killed_is_told_and_goes_on(workers: Workers, tiny: Site, tmp_path: Path) -> None:
    file = tmp_path / "stage.env"
    with up(workers, tiny, "--state", str(tmp_path)) as stage:
        put(file, "late", do="retry")  # 30 s of the stage's clock, one of the machine's
        eventually(lambda: counted(workers, tmp_path, records=1))
        stage.ended_by(signal.SIGKILL)
    status = workers("stage", "status", "--state", str(tmp_path))

    with up(workers, tiny, "--state", str(tmp_path), how=()) as stage:
        eventually(lambda: done(file) == {"late"})
        code = stage.ended_by(signal.SIGTERM)
    again = workers("stage", "status", "--state", str(tmp_path), "--json").json

    assert (again["stacks"], again["speed"]) == (["tiny"], 30.0)
    assert "bringing the stage up: tiny, speed 30" in stage.lines[0]
    assert status.code == 1
    assert f"The stage of {tmp_path} was killed at" in status.out
    assert code == 128 + signal.SIGTERM
    eventually(lambda: not living(tmp_path))


def living(folder: Path) -> list[str]:
    """List the processes whose environment or command names the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if f"{folder}".encode() in said:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
    return [command for command in found if command and "pytest" not in command]


def test_down_stops_a_stage_in_order(workers: Workers, tiny: Site, tmp_path: Path) -> None:
    with up(workers, tiny, "--state", str(tmp_path)) as stage:
        down = workers("stage", "down", "--state", str(tmp_path), "--json")
        code = stage.process.wait(END_WITHIN_S)
    status = workers("stage", "status", "--state", str(tmp_path), "--json")
    again = workers("stage", "down", "--state", str(tmp_path))

    assert down.json == {"folder": str(tmp_path), "stopped": stage.process.pid}
    assert code == 128 + signal.SIGTERM
    assert (status.code, status.json["state"]) == (1, "stopped")
    assert (again.code, again.out) == (0, f"no stage runs in {tmp_path}\n")


def test_logs_are_shown_as_they_come(workers: Workers, tiny: Site, tmp_path: Path) -> None:
    with up(workers, tiny, "--state", str(tmp_path), "--logs", "do") as stage:
        put(tmp_path / "stage.env", "a", do="skip")

        line = stage.until("tiny.do: ")

    assert "skipped" in line


def test_a_folder_in_use_and_a_foreign_one_are_refused_in_one_line(
    workers: Workers, tiny: Site, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "letters.txt").touch()
    with up(workers, tiny, "--state", str(tmp_path / "stage")):
        fresh = workers(
            "stage", "up", "--stack", "tiny", "--state", str(tmp_path / "stage"), "--fresh", site=tiny
        )
        second = workers("stage", "up", "--stack", "tiny", "--state", str(tmp_path / "stage"), site=tiny)
        elsewhere = workers("stage", "up", "--stack", "tiny", "--state", str(foreign), site=tiny)

    assert (second.code, elsewhere.code) == (1, 1)
    assert (fresh.code, fresh.err.splitlines()[-1]) == (1, second.err.splitlines()[-1])
    assert "is in use by a stage that runs; stop it with `workers stage down --state" in second.err
    assert "is no stage's folder: it holds letters.txt. Name a new or an empty one." in elsewhere.err


def test_an_env_file_of_something_else_is_left_alone(workers: Workers, tiny: Site, tmp_path: Path) -> None:
    file = tmp_path / "local.env"
    file.write_text("MINE=1\n")

    refused = workers("stage", "up", "--stack", "tiny", "--env-file", str(file), site=tiny)

    assert refused.code == 2
    assert f"{file} is there already" in refused.err
    assert file.read_text() == "MINE=1\n"


def test_where_no_stage_was_status_says_so(workers: Workers, tmp_path: Path) -> None:
    status = workers("stage", "status", "--state", str(tmp_path / "none"), "--json")

    assert status.code == 1
    assert status.error == {
        "kind": "NoStage",
        "message": f"the stage of {tmp_path / 'none'} is not there; name another folder with --state.",
    }


def test_fresh_begins_anew_but_removes_nothing_that_is_not_a_stage_s(
    workers: Workers, tiny: Site, tmp_path: Path
) -> None:
    (tmp_path / "letters.txt").touch()

    refused = workers("stage", "up", "--stack", "tiny", "--state", str(tmp_path), "--fresh", site=tiny)

    assert (refused.code, (tmp_path / "letters.txt").exists()) == (2, True)
    assert "is no stage's folder, so it is not removed" in refused.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stack", "nope"], "no installed worker is in the stack 'nope'. Installed stacks: "),
        (["--logs", "tiny.nope"], "tiny.nope"),
        (["--env-file", "nowhere/local.env"], "cannot write nowhere/local.env: there is no folder nowhere."),
        (["--record", "nowhere/run.jsonl"], "cannot write nowhere/run.jsonl: there is no folder nowhere."),
        (["--speed", "inf"], "--speed"),
        (["--speed", "nan"], "--speed"),
        (["--endpoint-url", "nonsense"], "--endpoint-url is 'nonsense', and it is no URL"),
    ],
)
def test_a_stage_that_is_asked_for_wrongly_is_refused_before_anything_is_made(
    options: list[str], said: str, workers: Workers, tiny: Site, tmp_path: Path
) -> None:
    refused = workers("stage", "up", *options, "--state", str(tmp_path / "stage"), "--json", site=tiny)

    assert refused.code == 2, refused.err
    assert said in refused.error["message"]
    assert not (tmp_path / "stage").exists()


def test_an_endpoint_where_nobody_answers_is_told_in_one_line_and_leaves_no_folder(
    workers: Workers, tiny: Site, tmp_path: Path
) -> None:
    asked = ("stage", "up", "--endpoint-url", "http://127.0.0.1:1", "--state", str(tmp_path / "stage"))

    refused = workers(*asked, "--json", site=tiny)

    assert (refused.code, refused.error["kind"]) == (1, "EndpointSilent")
    assert "nobody answers at http://127.0.0.1:1, where --endpoint-url points to" in refused.err
    assert not (tmp_path / "stage").exists()


@pytest.mark.parametrize("command", ["up", "status", "down"])
def test_a_file_is_no_state_folder(workers: Workers, tiny: Site, tmp_path: Path, command: str) -> None:
    file = tmp_path / "notes.txt"
    file.touch()

    refused = workers("stage", command, "--state", str(file), site=tiny)

    assert (refused.code, refused.err) == (2, f"workers: {file} is no folder; name a stage's with --state.\n")


def test_down_where_no_stage_ever_was_is_no_success(workers: Workers, tmp_path: Path) -> None:
    down = workers("stage", "down", "--state", str(tmp_path / "typo"))

    assert (down.code, down.out) == (1, "")
    assert f"there is no stage in {tmp_path / 'typo'}; name another folder with --state." in down.err


def test_who_is_led_to_a_stage_that_is_down_is_told_how_it_is_brought_up(
    workers: Workers, tiny: Site, tmp_path: Path
) -> None:
    (tmp_path / "stage.json").touch()
    gone = tmp_path / "stage.env"
    left = tmp_path / "left.env"
    left.write_text(f"AWS_ENDPOINT_URL=http://127.0.0.1:1\nWORKER_STAGE={tmp_path}\n")

    after_a_stop = workers("dead-letters", "list", "work-dlq", "--env-file", str(gone), site=tiny)
    after_a_kill = workers("dead-letters", "list", "work-dlq", "--env-file", str(left), site=tiny)

    cure = f"`workers stage up --state {tmp_path}` brings it up"
    assert (after_a_stop.code, after_a_kill.code) == (2, 1)
    assert f"there is no {gone}, since the stage of {tmp_path} is down: {cure}" in after_a_stop.err
    assert f"the stage of {tmp_path} is down: {cure}" in after_a_kill.err
