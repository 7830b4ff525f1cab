"""``workers pipeline backfill`` that is killed, stopped or refused in the middle, and goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from backfills import Backfiller, Export, item_line
from command import COMMAND
from deliveries import demand, sale
from worker_runtime.clients import aws

if TYPE_CHECKING:
    from pathlib import Path

    from worker_runtime.local.stage.gateway import Gateway

pytestmark = pytest.mark.long

FILES = 12


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Write an export of a dozen files, each of which is a batch, with something to refuse in some."""
    export = Export(tmp_path)
    for at in range(FILES):
        bad = ["nothing", item_line(demand(quantity="two"))] if at % 4 == 0 else []
        export.add(f"f{at:02}", [item_line(demand(f"u{at}")), item_line(sale(f"s{at}")), *bad])
    return str(export.written())


@pytest.fixture
def due(backfill: Backfiller, source: str) -> dict[str, bytes]:
    """Deliver it undisturbed, and take away what was stored."""
    done = backfill(source, "--yes", "--state", "undisturbed.json")
    stored = backfill.bucket.objects()
    assert (done.code, len(stored)) == (1, 2 * FILES), done.err
    for key in stored:
        aws.client("s3").delete_object(Bucket=backfill.bucket.name, Key=key)
    backfill.letters()
    return stored


def state(backfill: Backfiller) -> dict[str, Any]:
    path = backfill.home / "state.json"
    return json.loads(path.read_bytes()) if path.exists() else {}


def begun(backfill: Backfiller, source: str, *more: str) -> subprocess.Popen[str]:
    """Start the command and wait until some of its batches are delivered."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, "pipeline", "backfill", source, "--yes", "--state", "state.json", *more],
        env={"PATH": "/usr/bin:/bin", "HOME": str(backfill.home), "LANG": "C.UTF-8", **backfill.environment},
        cwd=backfill.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while state(backfill).get("tally", {}).get("batches", 0) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    return process


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["SIGKILL", "Ctrl-C", "SIGTERM"]
)
def test_what_ends_it_in_the_middle_costs_nothing(
    backfill: Backfiller, gateway: Gateway, source: str, due: dict[str, bytes], number: signal.Signals
) -> None:
    gateway.slow_next(1_000, wait=lambda: time.sleep(0.05))
    as_json = number is signal.SIGTERM
    process = begun(backfill, source, *(["--json"] if as_json else []))

    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    in_between = (state(backfill), backfill.bucket.objects())
    gateway.slow_next(0, wait=lambda: None)
    done = backfill(source, "--yes", "--json", "--state", "state.json")

    assert out == ""
    assert process.returncode == (-signal.SIGKILL if number is signal.SIGKILL else 128 + number)
    kept = in_between[0]["tally"]["read"]
    assert number is signal.SIGKILL or f"stopped behind {kept} changes; what is done is in state.json" in err
    assert not as_json or json.loads(err)["error"]["kind"] == "BackfillStopped"
    assert not in_between[0]["done"]
    assert len(in_between[1]) < len(due)
    assert backfill.bucket.objects() == due
    assert (done.json["read"], done.json["rows"]) == (2 * FILES + 6, 2 * FILES)
    assert lines_of(backfill.home / "state.rejected.jsonl") == lines_of(
        backfill.home / "undisturbed.rejected.jsonl"
    )
    letters = [each["record"]["eventID"] for each in backfill.letters()]
    assert len({*letters}) == 3  # at least once each


def test_where_nothing_can_be_stored_it_says_so_and_goes_on_once_it_can(
    backfill: Backfiller, source: str, due: dict[str, bytes]
) -> None:
    aws.client("s3").delete_bucket(Bucket=backfill.bucket.name)

    stopped = backfill(source, "--yes", "--state", "state.json")
    aws.client("s3").create_bucket(Bucket=backfill.bucket.name)
    done = backfill(source, "--yes", "--state", "state.json")

    assert (stopped.code, stopped.out) == (1, "")
    assert "NoSuchBucket" in stopped.err
    assert "what is done" not in stopped.err  # nothing is
    assert done.code == 1
    assert backfill.bucket.objects() == due


def test_what_is_done_is_done_until_somebody_removes_its_state(backfill: Backfiller, source: str) -> None:
    first = backfill(source, "--yes", "--json")
    (path,) = backfill.home.glob("*.backfill-*[0-9a-f].json")
    for key in backfill.bucket.objects():
        aws.client("s3").delete_object(Bucket=backfill.bucket.name, Key=key)

    second = backfill(source, "--yes", "--json")
    told = backfill(source, "--yes").err
    of_others = backfill(source, "--yes", "--type", "sale", "--state", path.name)

    assert second.json == {**first.json, "deliveredBefore": True}
    assert (second.code, backfill.bucket.objects()) == (1, {})
    assert f"This was delivered before; remove {path.name} to deliver it again." in told
    assert (of_others.code, "is of another backfill" in of_others.err) == (2, True)
