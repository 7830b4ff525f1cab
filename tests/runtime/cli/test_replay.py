"""``workers replay``: what a person reads of events that are run again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.testing import sqs_event

if TYPE_CHECKING:
    from pathlib import Path

    from command import Done, Workers
    from installed import Site
    from worker_runtime.local.stage.parts.emulator import Emulator

NAMES = {
    "AWS_REGION": "us-east-1",
    "ORDERS_DLQ_QUEUE_URL": "https://queue/orders-dlq",
    "ORDERS_QUEUE_URL": "https://queue/orders",
    "PARCELS_QUEUE_URL": "https://queue/parcels",
}
HEAD = {
    "kind": "recording",
    "format": "worker-runtime/recording",
    "version": 1,
    "at": 1.0,
    "wall": 1.0,
    "origin": "stage",
    "inClear": False,
}
NOTHING: dict[str, Any] = {"batchItemFailures": []}


def line(
    order: str, outcome: str, *, worker: str | None = "shop.work", masked: bool = False
) -> dict[str, Any]:
    """Tell that an order was recorded with this outcome."""
    event = sqs_event({"id": order})
    (record,) = event["Records"]
    failed = [{"itemIdentifier": record["messageId"]}] if outcome == "retry" else []
    return {
        "kind": "event",
        "at": 1_700_000_000.0,
        "wall": 1.0,
        "worker": worker,
        "masked": masked,
        "records": [{"id": record["messageId"], "outcome": outcome, "masked": masked}],
        "event": event,
        "answer": {"ended": "reply", "reply": {"batchItemFailures": failed}},
    }


@pytest.fixture
def replay(workers: Workers, shop: Site, tmp_path: Path) -> Any:
    """Replay what is given, as lines or as they stand."""

    def run(*lines: dict[str, Any] | str, options: tuple[str, ...] = ("--yes",)) -> Done:
        file = tmp_path / "r.jsonl"
        text = (each if isinstance(each, str) else json.dumps(each) for each in lines)
        file.write_text("".join(f"{each}\n" for each in text))
        return workers("replay", str(file), *options, site=shop, env=NAMES)

    return run


def test_all_is_the_same(replay: Any) -> None:
    done = replay(HEAD, line("1", "done"), line("poor", "retry"))

    assert done.code == 0, done.err
    assert "2 events; records: 2 same" in done.out
    assert "printed by the worker" not in done.err


def test_what_differs_is_shown_beside_what_was(replay: Any) -> None:
    done = replay(HEAD, line("1", "done"), line("poor", "done"))

    (row,) = [each for each in done.out.splitlines() if "different" in each and "shop.work" in each]
    assert done.code == 1
    assert "retry f***@e*** has no money" in row
    assert "2 events; records: 1 different, 1 same" in done.out


def test_what_is_the_same_is_shown_where_it_is_asked_for(replay: Any) -> None:
    lines = (HEAD, line("1", "done"), line("poor", "done"))

    differing, everything = replay(*lines), replay(*lines, options=("--yes", "--all"))

    assert _rows(differing) == ["different"]
    assert _rows(everything) == ["same", "different"]


def _rows(done: Done) -> list[str]:
    return [each.split()[-1] for each in done.out.splitlines() if "shop.work" in each]


def test_dead_letters_that_are_written_are_told_with_their_queue(
    workers: Workers, shop: Site, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "r.jsonl").write_text(f"{json.dumps(HEAD)}\n{json.dumps(line('unwanted', 'reject'))}\n")
    with AwsClients(emulator.endpoint_url, region="us-east-1", credentials=credentials(None)) as aws:
        dlq = aws("sqs").create_queue(QueueName="letters-of-a-replay")["QueueUrl"]
    env = {**NAMES, "AWS_ENDPOINT_URL": emulator.endpoint_url, "ORDERS_DLQ_QUEUE_URL": dlq}
    env |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

    done = workers("replay", str(tmp_path / "r.jsonl"), site=shop, env=env)
    encoded = workers("replay", str(tmp_path / "r.jsonl"), "--json", site=shop, env=env)

    assert done.out.splitlines()[-1] == "written: 1 dead letter, to orders-dlq"
    assert encoded.json["deadLetters"] == {"orders-dlq": 1}


def test_machines_read_json(replay: Any) -> None:
    done = replay(HEAD, line("poor", "done"), options=("--yes", "--json"))

    assert done.code == 1
    assert done.json["counts"] == {"different": 1}
    assert done.json["records"][0]["line"] == 2


def test_what_was_masked_is_told_apart_and_is_no_failure(replay: Any) -> None:
    done = replay(HEAD, line("poor", "done", masked=True))

    assert done.code == 0
    assert "not comparable: personal data was masked" in done.out


def test_a_line_that_cannot_be_read_is_told_and_the_others_are_run(replay: Any) -> None:
    done = replay(HEAD, "{broken", line("1", "done"))

    assert done.code == 1
    assert "line 2 is not run" in done.out
    assert "1 event; records: 1 same" in done.out


def test_a_foreign_file_is_refused_in_one_line(replay: Any) -> None:
    done = replay({"log": {"version": "1.2"}})

    assert done.code == 2
    assert "is no recording; `workers record` writes one." in done.err
    assert len(done.err.splitlines()) == 1


def test_a_newer_version_is_refused_in_one_line(replay: Any) -> None:
    done = replay({**HEAD, "version": 2})

    assert done.code == 2
    assert "version 2, and this is 1" in done.err


def test_events_without_a_worker_want_one(replay: Any) -> None:
    lines = (HEAD, {**line("1", "done", worker=None), "answer": None})

    refused, done = replay(*lines), replay(*lines, options=("--yes", "--worker", "shop.work"))

    assert refused.code == 2
    assert "names no worker; say one with --worker ID" in refused.err
    assert done.code == 0, done.err
    assert "1 event; records: 1 not recorded" in done.out


def test_only_the_worker_that_is_asked_for_is_run(replay: Any) -> None:
    done = replay(
        HEAD,
        line("1", "done"),
        line("1", "done", worker="other.work"),
        options=("--yes", "--worker", "shop.work"),
    )

    assert "1 event;" in done.out


def test_a_worker_without_events_is_told(replay: Any) -> None:
    done = replay(HEAD, line("1", "done", worker="other.work"), options=("--yes", "--worker", "shop.work"))

    assert done.code == 2
    assert "has no events of shop.work" in done.err


def test_a_worker_that_is_not_installed_is_told_before_anything_is_run(replay: Any) -> None:
    done = replay(
        HEAD, line("1", "done"), line("1", "done", worker="other.work"), options=("--yes", "--logs")
    )

    assert done.code == 2
    assert "other.work" in done.err
    assert "printed by the worker" not in done.err


def test_aws_itself_is_not_written_to_unasked(replay: Any) -> None:
    done = replay(HEAD, line("1", "done"), options=())

    assert done.code == 2
    assert "run 1 event on AWS itself? Nobody is there to be asked; say --yes." in done.err


def test_what_workers_print_is_shown_where_it_is_asked_for(replay: Any) -> None:
    done = replay(HEAD, line("1", "done"), options=("--yes", "--logs"))

    assert "printed by the worker" in done.err


def test_a_variable_that_is_missing_is_told(workers: Workers, shop: Site, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text(f"{json.dumps(HEAD)}\n{json.dumps(line('1', 'done'))}\n")

    done = workers("replay", str(tmp_path / "r.jsonl"), "--yes", site=shop)

    assert done.code == 2
    assert "shop.work needs AWS_REGION, ORDERS_DLQ_QUEUE_URL" in done.err


def test_its_help_gives_examples(workers: Workers) -> None:
    done = workers("replay", "--help")

    assert "workers replay run.jsonl" in done.out
