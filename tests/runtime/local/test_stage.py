"""Whole stages of a third-party plugin: end to end, under accidents, and gone without a trace."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from installed import WORKERS, Site
from staged import eventually
from tiny import install_tiny, on_the_path
from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.stage.accidents import UnknownFault
from worker_runtime.local.stage.provisioning import Unprovided
from worker_runtime.local.stage.stage import NotIdle, Stage, StageOptions
from worker_runtime.local.stage.staged_workers import NothingToStage, StackBroken

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEED = 50.0
IDLE_WITHIN_S = 30.0
MODES = pytest.mark.parametrize("in_process", [False, True], ids=["processes", "in-process"])


@pytest.fixture(scope="module", autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Install the tiny plugin for all tests here."""
    site = Site(tmp_path_factory.mktemp("site"))
    install_tiny(site)
    with on_the_path(site):
        yield site


def options(**given: Any) -> StageOptions:
    return StageOptions(**{"stacks": ("tiny",), "speed": SPEED, **given})


def put_tasks(stage: Stage, *keys: str, do: str = "") -> None:
    for key in keys:
        item: Any = {"PK": {"S": key}, "do": {"S": do}}
        stage.aws("dynamodb").put_item(TableName=stage.named("table", "tasks"), Item=item)


def results(stage: Stage) -> dict[str, float]:
    items = stage.aws("dynamodb").scan(TableName=stage.named("table", "results"))["Items"]
    return {item["PK"]["S"]: float(item["at"]["S"]) for item in items}


def children() -> set[int]:
    """List the processes that this one has started and that live."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            found |= {int(pid) for pid in (task / "children").read_text().split()}
        except FileNotFoundError:  # the thread ended meanwhile
            continue
    return found


def test_a_stand_in_writes_into_what_the_workers_read() -> None:
    with Stage(options(in_process=True)) as stage:
        customer: Any = stage.stand_in("customer")
        customer.order('{"PK": "ordered"}')
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        assert set(results(stage)) == {"ordered"}


@MODES
def test_changes_become_messages_become_results(*, in_process: bool) -> None:
    keys = [f"task-{at}" for at in range(30)]

    with Stage(options(in_process=in_process)) as stage:
        put_tasks(stage, *keys)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        assert set(results(stage)) == set(keys)
        counts = stage.workers()
        assert (counts["tiny.watch"].records, counts["tiny.do"].records) == (30, 30)
        assert counts["tiny.do"].retries == counts["tiny.do"].dead_letters == 0
        assert sorted(file.name for file in stage.logs.iterdir()) == ["tiny.do.log", "tiny.watch.log"]


@MODES
def test_verdicts_do_on_a_stage_what_they_do_in_aws(*, in_process: bool) -> None:
    with Stage(options(in_process=in_process)) as stage:
        began = stage.clock.now()
        for verdict in ("retry", "defer", "reject", "skip"):
            put_tasks(stage, verdict, do=verdict)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        done = results(stage)
        counts = stage.workers()["tiny.do"]
        (letter,) = stage.dead_letters("work-dlq")
    assert set(done) == {"retry", "defer"}
    assert done["retry"] - began >= 30
    assert done["defer"] - began >= 60
    assert (counts.retries, counts.deferred, counts.dead_letters, counts.skipped) == (1, 1, 1, 1)
    assert (letter.form, letter.worker, letter.code) == ("original", "tiny.do", "REFUSED")


def test_a_process_that_vanishes_is_a_crash_and_its_batch_comes_again() -> None:
    with Stage(options()) as stage:
        put_tasks(stage, "a", do="vanish")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        assert set(results(stage)) == {"a"}
        assert stage.workers()["tiny.do"].crashes == 1


@pytest.mark.long
@MODES
def test_nothing_is_lost_when_everything_goes_wrong(*, in_process: bool) -> None:
    keys = {f"task-{at}" for at in range(40)}
    faults = frozenset({"duplicate", "crash", "outage"})

    with Stage(options(in_process=in_process, faults=faults, seed=7)) as stage:
        put_tasks(stage, *sorted(keys))
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        for queue in ("watch-dlq", "work-dlq"):  # what had bad luck three times
            stage.redrive(queue)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        assert set(results(stage)) == keys
        assert sum(each.crashes for each in stage.workers().values()) >= 1


def test_dead_letters_are_sent_back_when_the_cause_is_mended() -> None:
    with Stage(options()) as stage:
        put_tasks(stage, "spoilt", do="spoil")
        put_tasks(stage, "refused", do="reject")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        (change,) = stage.dead_letters("watch-dlq")
        put_tasks(stage, "spoilt", do="skip")

        sent = stage.redrive("watch-dlq", refresh=True), stage.redrive("work-dlq")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        assert change.form == "envelope"
        assert change.change["dynamodb"]["NewImage"]["do"] == {"S": "spoil"}
        assert sent == (1, 1)
        assert stage.dead_letters("watch-dlq") == []
        assert [letter.code for letter in stage.dead_letters("work-dlq")] == [
            "REFUSED"
        ]  # again: nothing was mended


def test_a_delayed_message_keeps_the_stage_from_being_idle() -> None:
    with Stage(options(speed=1.0)) as stage:
        url = stage.named("queue", "work")
        stage.aws("sqs").send_message(QueueUrl=url, MessageBody='{"PK":"a"}', DelaySeconds=600)

        with pytest.raises(NotIdle, match=r"tiny\.do"):
            stage.wait_idle(timeout_s=0.3)


def test_a_stage_leaves_no_process_no_thread_and_no_port() -> None:
    threads, processes = set(threading.enumerate()), children()

    with Stage(options()) as stage:
        put_tasks(stage, "a")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        port = int(stage.aws.endpoint_url.rpartition(":")[2])
        assert children() > processes

    eventually(lambda: children() <= processes)
    eventually(lambda: set(threading.enumerate()) <= threads)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_a_stage_that_is_stopped_in_the_middle_of_its_work_ends_promptly() -> None:
    stage = Stage(options()).start()
    put_tasks(stage, *(f"task-{at}" for at in range(50)))
    eventually(lambda: stage.workers()["tiny.do"].invocations)

    began = time.monotonic()
    stage.stop()

    assert time.monotonic() - began < 5


def test_an_error_half_way_through_the_start_leaves_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    needy = """
        from worker_runtime import Sqs, Stack, secret, worker

        @worker(Sqs("needy"), stack=Stack("needy"), grants=(secret("unknown"),))
        def work(message: dict) -> None:
            \"\"\"Need a secret.\"\"\"
    """
    site.install_plugin("needy", worker=needy)
    threads, processes = set(threading.enumerate()), children()

    with on_the_path(site), pytest.raises(Unprovided, match="secret 'unknown'"):
        Stage(options(stacks=("needy",))).start()

    eventually(lambda: children() <= processes)
    eventually(lambda: set(threading.enumerate()) <= threads)


@pytest.mark.long
def test_control_c_ends_a_stage_and_all_that_it_started(tmp_path: Path) -> None:
    script = tmp_path / "staging.py"
    script.write_text(
        "import time\n"
        "from worker_runtime.local.stage.stage import Stage, StageOptions\n"
        "with Stage(StageOptions(stacks=('tiny',), speed=50.0)) as stage:\n"
        "    item = {'PK': {'S': 'a'}}\n"
        "    stage.aws('dynamodb').put_item(TableName=stage.named('table', 'tasks'), Item=item)\n"
        "    stage.wait_idle(timeout_s=30)\n"
        "    print('up', flush=True)\n"
        "    time.sleep(600)\n"
    )
    staging = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert staging.stdout is not None
    assert staging.stdout.readline() == "up\n"
    started = {
        int(pid)
        for task in Path(f"/proc/{staging.pid}/task").iterdir()
        for pid in (task / "children").read_text().split()
    }

    os.killpg(staging.pid, signal.SIGINT)
    _, said = staging.communicate(timeout=20)

    assert "KeyboardInterrupt" in said
    assert len(started) >= 3  # the emulator and two workers
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))


def test_a_killed_worker_is_told_and_nothing_is_lost() -> None:
    with Stage(options()) as stage:
        put_tasks(stage, *(f"task-{at}" for at in range(20)))

        eventually(lambda: results(stage))  # a process that is killed while it starts is started again
        pid = eventually(stage.kill_worker)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        assert not Path(f"/proc/{pid}").exists()
        assert len(results(stage)) == 20
        assert sum(each.crashes for each in stage.workers().values()) == 1


def test_an_idle_stage_has_no_worker_to_kill() -> None:
    with Stage(options()) as stage:
        assert stage.kill_worker() is None


def test_logs_and_checkpoints_are_kept_where_the_options_say(tmp_path: Path) -> None:
    with Stage(options(state_dir=tmp_path / "state")) as stage:
        put_tasks(stage, "a")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

    assert (tmp_path / "state" / "logs" / "tiny.do.log").read_text()
    assert (tmp_path / "state" / "checkpoints.jsonl").is_file()


def test_a_stage_on_another_endpoint_takes_over_what_is_there() -> None:
    with Stage(options()) as owner:
        put_tasks(owner, "a")
        owner.wait_idle(timeout_s=IDLE_WITHIN_S)

        with Stage(options(endpoint_url=owner.aws.endpoint_url)) as guest:
            assert set(results(guest)) == {"a"}
            assert guest.named("queue", "work") == owner.named("queue", "work")


def test_a_stack_without_workers_is_told_with_those_that_there_are() -> None:
    with pytest.raises(NothingToStage, match="tiny"):
        Stage(options(stacks=("unknown",))).start()


def test_a_worker_of_the_stack_that_cannot_be_imported_is_told_before_anything_starts(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.install(
        "workers-half",
        files={
            "half_things/__init__.py": "",
            "half_things/whole.py": """
                from worker_runtime import Sqs, Stack, worker

                @worker(Sqs("half"), stack=Stack("half"))
                def work(message: dict) -> None:
                    \"\"\"Do nothing.\"\"\"
            """,
            "half_things/broken.py": "import no_such_library",
        },
        entry_points={
            WORKERS: {"half.whole": "half_things.whole:work", "half.broken": "half_things.broken:work"}
        },
    )
    processes = children()

    with on_the_path(site):
        with pytest.raises(StackBroken, match=r"half\.broken cannot be staged.*no_such_library.*Mend or"):
            Stage(options(stacks=("half",))).start()
        with pytest.raises(NothingToStage, match=r"half\.broken cannot be imported"):
            Stage(options(stacks=("other",))).start()
        with Stage(options()):  # another plugin's trouble is none of this stack's
            pass

    assert children() <= processes


def test_an_unknown_fault_is_told_before_anything_starts() -> None:
    with pytest.raises(UnknownFault, match="duplicate"):
        Stage(options(faults=frozenset({"earthquake"})))


def test_a_stand_in_that_is_not_there_is_told() -> None:
    with Stage(options()) as stage, pytest.raises(WorkerRuntimeError, match="there are customer"):
        stage.stand_in("bitly")
