"""A Kinesis stream on a whole stage: end to end, under accidents, its dead letters sent back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from installed import Site
from tiny import on_the_path
from tiny_readings import install_readings
from worker_runtime.local.stage.provisioning import KINESIS_SHARDS
from worker_runtime.local.stage.stage import Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

IDLE_WITHIN_S = 30.0
MODES = pytest.mark.parametrize("in_process", [False, True], ids=["processes", "in-process"])


@pytest.fixture(scope="module", autouse=True)
def readings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Install the plugin for all tests here."""
    site = Site(tmp_path_factory.mktemp("site"))
    install_readings(site)
    with on_the_path(site):
        yield site


def options(**given: Any) -> StageOptions:
    return StageOptions(**{"stacks": ("meter",), "speed": 50.0, **given})


def read_off(stage: Stage, meter: str, at: int = 0, *, do: str = "") -> None:
    put(stage, json.dumps({"meter": meter, "at": at, "do": do}).encode(), key=meter)


def put(stage: Stage, data: bytes, *, key: str = "1") -> None:
    arn = stage.named("stream", "readings")
    stage.aws("kinesis").put_record(StreamARN=arn, Data=data, PartitionKey=key)


def noted(stage: Stage) -> dict[str, float]:
    items = stage.aws("dynamodb").scan(TableName=stage.named("table", "meters"))["Items"]
    return {item["PK"]["S"]: float(item["sent_at"]["S"]) for item in items}


@MODES
def test_readings_are_noted_right_after_the_stage_is_up(*, in_process: bool) -> None:
    with Stage(options(in_process=in_process)) as stage:
        began = stage.clock.now()
        for at in range(10):
            for meter in "abcd":
                read_off(stage, meter, at)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        ended = stage.clock.now()

        done = noted(stage)
        counts = stage.workers()["meter.work"]
    assert set(done) == {f"{meter}-{at}" for meter in "abcd" for at in range(10)}
    assert all(began - 1 <= sent_at <= ended for sent_at in done.values())
    assert (counts.records, counts.retries, counts.dead_letters) == (40, 0, 0)


def test_poison_blocks_nothing_and_keeps_its_data() -> None:
    with Stage(options()) as stage:
        read_off(stage, "a", 1)
        put(stage, b'{"meter":"a","at":"soon"}', key="a")
        put(stage, b"\xff{no filter takes this")
        read_off(stage, "a", 2)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        done = noted(stage)
        (letter,) = stage.dead_letters("readings-dlq")
        counts = stage.workers()["meter.work"]
    assert set(done) == {"a-1", "a-2"}
    assert (letter.form, letter.worker, letter.code) == ("envelope", "meter.work", "UNDECODABLE")
    assert (counts.records, counts.dead_letters) == (3, 1)


def test_a_reading_that_always_fails_is_given_up_alone_and_can_be_sent_back() -> None:
    with Stage(options()) as stage:
        for at in range(3):
            read_off(stage, "a", at)
        read_off(stage, "b", do="fail")
        read_off(stage, "c", do="reject")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        letters = {letter.form: letter for letter in stage.dead_letters("readings-dlq")}

        sent = stage.redrive("readings-dlq")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        done, left = noted(stage), stage.dead_letters("readings-dlq")
    assert set(done) == {"a-0", "a-1", "a-2"}
    assert letters.keys() == {"envelope", "metadata"}
    assert letters["metadata"].code == "RetryAttemptsExhausted"
    assert sent == 1  # the worker rejects it again, which takes it; what still fails stays
    assert {letter.form for letter in left} == {"envelope", "metadata"}


@pytest.mark.long
@MODES
def test_nothing_is_lost_when_everything_goes_wrong(*, in_process: bool) -> None:
    faults = frozenset({"duplicate", "crash", "outage"})

    with Stage(options(in_process=in_process, faults=faults, seed=7)) as stage:
        for at in range(15):
            for meter in "abcd":
                read_off(stage, meter, at)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        stage.redrive("readings-dlq")  # what had bad luck more often than it is retried
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        done = noted(stage)
        counts = stage.workers()["meter.work"]
    assert set(done) == {f"{meter}-{at}" for meter in "abcd" for at in range(15)}
    assert counts.records > 60
    assert counts.crashes >= 1


def test_a_stage_on_another_endpoint_takes_over_the_stream() -> None:
    with Stage(options()) as owner, Stage(options(endpoint_url=owner.aws.endpoint_url)) as guest:
        arn = owner.named("stream", "readings")

        assert guest.named("stream", "readings") == arn
        assert len(owner.aws("kinesis").list_shards(StreamARN=arn)["Shards"]) == KINESIS_SHARDS
