from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.testing import kinesis_event, sqs_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command import Workers
    from installed import Site
    from worker_runtime.local.stage.parts.emulator import Emulator

NAMES = {
    "AWS_REGION": "us-east-1",
    "ORDERS_DLQ_QUEUE_URL": "https://queue/orders-dlq",
    "ORDERS_QUEUE_URL": "https://queue/orders",
    "PARCELS_QUEUE_URL": "https://queue/parcels",
}


READINGS_WORKER = """
    from msgspec import Struct
    from worker_runtime import Kinesis, Stack, worker


    class Reading(Struct):
        meter: str


    @worker(Kinesis("readings", dead_letters="readings-dlq"), stack=Stack("meter"))
    def work(reading: Reading) -> None:
        "Note a reading."
        print("noted", reading.meter)
"""


@pytest.fixture
def aws(emulator: Emulator) -> Iterator[AwsClients]:
    """Make clients of the emulator."""
    with AwsClients(emulator.endpoint_url, region="us-east-1", credentials=credentials(None)) as made:
        yield made


TICKING = """
    from worker_runtime import Record, Schedule, Stack, worker

    @worker(Schedule("rate(1 minute)"), stack=Stack("shop"))
    def work(asked: Record[dict]) -> dict:
        "Say what has come."
        due = asked.sent_at is not None
        return {"id": len(asked.id) == 36, "due": due, **({"year": asked.sent_at.year} if due else {})}
"""


PICKY = """
    from worker_runtime import Skip, Sqs, Stack, worker

    @worker(Sqs("orders"), stack=Stack("shop"))
    def work(order: dict) -> None:
        "Take what is there."
        if order["id"] == "gone":
            raise Skip("the event is gone")
        if order["id"] == "poor":
            raise ValueError("fan@example.com has no money")
"""


@pytest.fixture
def event(tmp_path: Path) -> Path:
    return recorded(tmp_path, sqs_event({"id": "1"}, {"id": "2"}, queue="orders"))


def recorded(folder: Path, event: Any) -> Path:
    file = folder / "event.json"
    file.write_text(json.dumps(event), encoding="utf-8")
    return file


def test_the_reply_goes_to_stdout_and_all_else_to_stderr(workers: Workers, shop: Site, event: Path) -> None:
    done = workers("invoke", "shop.work", "--event", str(event), site=shop, env=NAMES)

    assert (done.code, done.json) == (0, {"batchItemFailures": []})
    assert "printed by the worker" in done.err
    assert '"message": "shipping 1"' in done.err
    assert '"RecordsSucceeded"' in done.err


def test_a_bare_name_that_two_plugins_have_is_refused_with_both(workers: Workers, shop: Site) -> None:
    done = workers("invoke", "work", "--event", "-", "--json", site=shop, stdin="{}")

    assert (done.code, done.out) == (2, "")
    assert done.error["kind"] == "AmbiguousWorker"
    assert "crash.work and shop.work" in done.error["message"]


def test_with_json_the_reply_is_one_line(workers: Workers, shop: Site, event: Path) -> None:
    done = workers(
        "invoke", "shop.work", "--event", "-", "--json", site=shop, env=NAMES, stdin=event.read_text()
    )

    assert (done.code, done.out) == (0, '{"batchItemFailures":[]}\n')


def test_what_became_of_the_records_is_told_behind_the_reply_to_people_alone(
    workers: Workers, installed_plugin: Site, tmp_path: Path
) -> None:
    installed_plugin.install_plugin("picky", worker=PICKY)
    bodies = ({"id": "1"}, {"id": "gone"}, {"id": "gone"}, {"id": "poor"})
    event = str(recorded(tmp_path, sqs_event(*bodies, queue="orders")))
    arguments = ("invoke", "picky.work", "--event", event)

    people = workers(*arguments, site=installed_plugin, env=NAMES)
    program = workers(*arguments, "--json", site=installed_plugin, env=NAMES)
    silent = workers(*arguments, site=installed_plugin, env={**NAMES, "LOG_LEVEL": "ERROR"})

    told = people.err.splitlines()[-1]
    assert told == "Records: 1 done; 2 skipped: the event is gone; 1 failed: f***@e*** has no money"
    assert people.json == program.json == silent.json
    assert "Records: " not in program.err + silent.err


def test_a_record_that_fails_is_in_the_reply(workers: Workers, shop: Site, tmp_path: Path) -> None:
    event = sqs_event({"id": "1"}, {"id": "poor"}, queue="orders")

    done = workers("invoke", "shop.work", "--event", str(recorded(tmp_path, event)), site=shop, env=NAMES)

    assert done.code == 0
    assert done.json == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}
    assert "fan@example.com" not in done.err


def test_a_poison_record_of_a_kinesis_event_goes_to_the_dead_letters_and_the_others_are_done(
    workers: Workers, installed_plugin: Site, aws: AwsClients, tmp_path: Path
) -> None:
    installed_plugin.install_plugin("meter", worker=READINGS_WORKER)
    event = kinesis_event({"meter": "first"}, b"\xffpoison", {"meter": "last"}, stream="readings")
    queue = aws("sqs").create_queue(QueueName="local-readings-dlq")["QueueUrl"]

    done = workers(
        *("invoke", "meter.work", "--event", str(recorded(tmp_path, event))),
        site=installed_plugin,
        env={
            **credentials(None),
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_REGION": "us-east-1",
            "READINGS_DLQ_QUEUE_URL": queue,
        },
    )

    (letter,) = aws("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert (done.code, done.json) == (0, {"batchItemFailures": []})
    assert "noted first\nnoted last" in done.err
    assert done.err.endswith("\nRecords: 2 done; 1 dead-lettered: UNDECODABLE\n")
    assert json.loads(letter["Body"])["record"] == event["Records"][1]


def test_missing_variables_are_named_all_at_once_before_anything_runs(
    workers: Workers, shop: Site, event: Path
) -> None:
    done = workers("invoke", "shop.work", "--event", str(event), site=shop)

    assert (done.code, done.out) == (2, "")
    assert f"shop.work needs {', '.join(NAMES)}; set them, or name a file" in done.err
    assert "printed by the worker" not in done.err


def test_variables_come_from_a_file_and_win_over_the_environment(
    workers: Workers, shop: Site, event: Path, tmp_path: Path
) -> None:
    names = {name: value for name, value in NAMES.items() if name != "PARCELS_QUEUE_URL"}
    file = tmp_path / "local.env"
    file.write_text(
        '# names\n\nexport PARCELS_QUEUE_URL="https://queue/p"\nLOG_LEVEL=ERROR\n', encoding="utf-8"
    )
    arguments = ("invoke", "shop.work", "--event", str(event), "--env-file", str(file))

    done = workers(*arguments, site=shop, env={**names, "LOG_LEVEL": "INFO"})

    assert done.code == 0
    assert "shipping" not in done.err


def test_what_the_invocation_raises_is_one_line_and_exit_code_1(
    workers: Workers, shop: Site, tmp_path: Path
) -> None:
    event = sqs_event({"id": "poor"}, queue="orders")
    event["Records"][0]["messageId"] = ""  # no reply could name it

    asked = ("invoke", "shop.work", "--event", str(recorded(tmp_path, event)))

    done = workers(*asked, "--json", site=shop, env=NAMES)
    people = workers(*asked, site=shop, env=NAMES)

    assert (done.code, done.out) == (1, "")
    told = json.loads(done.err.splitlines()[-1])["error"]
    assert told["kind"] == "BatchFailed"
    assert people.err.splitlines()[-1] == f"workers: shop.work raised BatchFailed: {told['message']}"
    assert "fan@example.com" not in done.err


def test_an_endpoint_at_which_nobody_answers_is_one_line_with_the_cure_before_anything_runs(
    workers: Workers, shop: Site, event: Path
) -> None:
    url = "http://127.0.0.1:9"
    env = {**NAMES, "AWS_ENDPOINT_URL": url}

    done = workers("invoke", "shop.work", "--event", str(event), site=shop, env=env)

    assert (done.code, done.out) == (1, "")
    *printed, line = done.err.splitlines()
    assert printed == ["imported"]
    assert line.startswith(f"workers: nobody answers at {url}, where AWS_ENDPOINT_URL points")
    assert "(Connection refused)" in line
    assert "`workers stage up` brings a stage up" in line


def test_an_endpoint_that_is_no_url_is_one_line_and_exit_code_2(
    workers: Workers, shop: Site, event: Path
) -> None:
    env = {**NAMES, "AWS_ENDPOINT_URL": "127.0.0.1:9"}

    done = workers("invoke", "shop.work", "--event", str(event), site=shop, env=env)

    assert (done.code, done.out) == (2, "")
    told = "workers: AWS_ENDPOINT_URL is '127.0.0.1:9', and it is no URL; say http://HOST:PORT"
    assert done.err.splitlines()[-1].startswith(told)


def test_a_service_that_nobody_provides_is_told_before_variables_that_are_missing(
    workers: Workers, installed_plugin: Site, event: Path
) -> None:
    worker = """
        from typing import Protocol

        from worker_runtime import Sqs, Stack, sends, worker


        class Till(Protocol):
            pass


        @worker(Sqs("orders"), stack=Stack("shop"), grants=(sends("parcels"),))
        def work(order: dict, *, till: Till) -> None:
            "Take an order."
    """
    installed_plugin.install_plugin("poor", worker=worker)

    done = workers("invoke", "poor.work", "--event", str(event), site=installed_plugin)

    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert line.startswith("workers: poor.work(till) asks for Till, which nobody provides")


def test_a_worker_that_is_only_scheduled_needs_no_event(workers: Workers, installed_plugin: Site) -> None:
    installed_plugin.install_plugin("clock", worker=TICKING)

    done = workers("invoke", "clock.work", site=installed_plugin)

    assert done.code == 0
    assert (done.json["id"], done.json["due"]) == (True, True)


def test_a_tick_is_due_now_by_the_clock_of_the_stage_that_it_is_sent_to(
    workers: Workers, installed_plugin: Site, tmp_path: Path
) -> None:
    installed_plugin.install_plugin("clock", worker=TICKING)
    (tmp_path / "stage.env").write_text(f"WORKER_CLOCK=20@4000000000.0/{time.time()}\n")

    done = workers("invoke", "clock.work", "--env-file", str(tmp_path / "stage.env"), site=installed_plugin)

    assert done.code == 0, done.err
    assert done.json["year"] == datetime.fromtimestamp(4_000_000_000, tz=UTC).year


def test_an_event_that_begins_with_a_byte_order_mark_is_read(
    workers: Workers, installed_plugin: Site, tmp_path: Path
) -> None:
    installed_plugin.install_plugin("clock", worker=TICKING)
    file = tmp_path / "event.json"
    file.write_text("{}", encoding="utf-8-sig")

    done = workers("invoke", "clock.work", "--event", str(file), site=installed_plugin)
    piped = workers("invoke", "clock.work", "--event", "-", site=installed_plugin, stdin="\ufeff{}")

    assert (done.code, done.json) == (piped.code, piped.json) == (0, {"id": True, "due": False})


@pytest.mark.parametrize("payload", ["{}", "null", '{"saleId": "s-1"}'])
def test_a_scheduled_worker_takes_a_payload_from_a_file(
    workers: Workers, installed_plugin: Site, payload: str
) -> None:
    installed_plugin.install_plugin("clock", worker=TICKING)

    done = workers("invoke", "clock.work", "--event", "-", site=installed_plugin, stdin=payload)

    assert (done.code, done.json) == (0, {"id": True, "due": False})


def test_a_worker_of_a_queue_needs_an_event(workers: Workers, shop: Site) -> None:
    done = workers("invoke", "shop.work", "--json", site=shop, env=NAMES)

    assert (done.code, done.out) == (2, "")
    assert "shop.work is not only scheduled; give an event with --event FILE." in done.err


def test_an_event_of_another_source_says_what_the_worker_takes(
    workers: Workers, shop: Site, tmp_path: Path
) -> None:
    event = recorded(tmp_path, {"Records": [{"eventSource": "aws:s3"}]})
    env = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}  # what is wrong with it is of no interest yet

    done = workers("invoke", "shop.work", "--event", str(event), site=shop, env=env)

    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1] == (
        "workers: shop.work takes sqs orders; this event is a batch of 'aws:s3';"
        " give one as Lambda sends it: recorded, as in tests/events, or built with worker_runtime.testing."
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nobody", "--event", "-"), "workers: no installed plugin has the worker 'nobody'."),
        (("nobody", "--event", "absent.json"), "workers: no installed plugin has the worker 'nobody'."),
        (("shop.work", "--event", "absent.json"), "cannot read absent.json: No such file or directory."),
        (("shop.work", "--event", "."), "cannot read .: Is a directory."),
        (("shop.work", "--event", "broken.json"), "broken.json is not JSON (Expecting value"),
        (("shop.work", "--event", "latin.json"), "cannot read latin.json: it is not UTF-8 text."),
        (
            ("shop.work", "--event", "-", "--env-file", "broken.json"),
            "broken.json, line 1 is not NAME=value.",
        ),
        (
            ("shop.work", "--event", "-", "--env-file", "absent"),
            "there is no absent; a stage's is there while it is up",
        ),
    ],
)
def test_what_it_cannot_use_is_one_line_and_exit_code_2(
    workers: Workers, shop: Site, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "broken.json").write_text("nothing", encoding="utf-8")
    (tmp_path / "latin.json").write_bytes(b'"\xe9"')

    done = workers("invoke", *arguments, site=shop, stdin="{}", cwd=tmp_path)

    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert told in line


def test_a_worker_that_cannot_be_loaded_is_one_line_and_exit_code_1(
    workers: Workers, shop: Site, event: Path
) -> None:
    done = workers("invoke", "crash.work", "--event", str(event), "--json", site=shop)

    assert (done.code, done.out) == (1, "")
    assert done.error["kind"] == "BrokenPlugin"
    assert "out of order" in done.error["message"]
