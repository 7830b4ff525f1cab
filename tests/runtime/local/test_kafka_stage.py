"""Kafka topics on a whole stage: end to end, under accidents, their dead letters sent back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from installed import Site
from tiny import on_the_path
from tiny_parcels import install_parcels
from worker_runtime.local.stage.lineage.dump import dump
from worker_runtime.local.stage.parts.kafka_broker import KafkaBroker
from worker_runtime.local.stage.stage import Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

kafka = pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed")

IDLE_WITHIN_S = 30.0
MODES = pytest.mark.parametrize("in_process", [False, True], ids=["processes", "in-process"])


@pytest.fixture(scope="module", autouse=True)
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Install the plugin for all tests here."""
    site = Site(tmp_path_factory.mktemp("site"))
    install_parcels(site)
    with on_the_path(site):
        yield site


def options(**given: Any) -> StageOptions:
    return StageOptions(**{"stacks": ("parcels",), "speed": 50.0, **given})


def parcel(name: str, do: str = "") -> bytes:
    return json.dumps({"id": name, "do": do}).encode()


def servers_of(stage: Stage) -> str:
    return stage.environment()["KAFKA_BOOTSTRAP_SERVERS"]


def produce(stage: Stage, *values: bytes, topic: str = "parcels", key: bytes = b"k") -> None:
    """Put values into one partition, which their key decides."""
    produce_at(servers_of(stage), *values, topic=stage.named("kafka topic", topic), key=key)


def produce_at(servers: str, *values: bytes, topic: str, key: bytes = b"k") -> None:
    producer = kafka.Producer({"bootstrap.servers": servers})
    for value in values:
        producer.produce(topic, value, key=key)
    assert producer.flush(10) == 0


def noted(stage: Stage) -> dict[str, float]:
    items = stage.aws("dynamodb").scan(TableName=stage.named("table", "sightings"))["Items"]
    return {item["PK"]["S"]: float(item["sent_at"]["S"]) for item in items if "sent_at" in item}


@MODES
def test_what_is_produced_is_taken_from_all_partitions(*, in_process: bool) -> None:
    with Stage(options(in_process=in_process)) as stage:
        began = stage.clock.now()
        for key in (b"a", b"b", b"c", b"d", b"e"):
            produce(stage, *(parcel(f"{key.decode()}-{at}") for at in range(10)), key=key)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        ended = stage.clock.now()

        done = noted(stage)
        counts = stage.workers()["parcel.follow"]
    assert set(done) == {f"{key}-{at}" for key in "abcde" for at in range(10)}
    assert not [at - began for at in done.values() if not began - 1 <= at <= ended + 0.001]
    assert (counts.records, counts.retries, counts.dead_letters) == (50, 0, 0)


def test_poison_blocks_nothing_and_keeps_its_data() -> None:
    with Stage(options()) as stage:
        produce(stage, parcel("a"), b'{"id":7}', b"\xff{no filter takes this", parcel("b"))
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        done = noted(stage)
        (letter,) = stage.dead_letters("parcels-dlq")
        counts = stage.workers()["parcel.follow"]
    assert set(done) == {"a", "b"}
    assert (letter.form, letter.worker, letter.code) == ("envelope", "parcel.follow", "UNDECODABLE")
    assert (counts.records, counts.dead_letters) == (3, 1)


def test_what_fails_comes_again_with_what_is_behind_it() -> None:
    with Stage(options()) as stage:
        produce(stage, parcel("a"), parcel("b", "fail once"), parcel("c"))
        produce(stage, parcel("d"), parcel("e", "fail once"), topic="returns")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        done = noted(stage)
        follow, take_back = stage.workers()["parcel.follow"], stage.workers()["parcel.takeBack"]
    assert set(done) == {"a", "b", "c", "d", "e"}
    assert (follow.records, take_back.records) == (3 + 2, 2 + 2)


@pytest.mark.long
def test_what_kills_its_process_is_found_by_halves_and_given_up_alone() -> None:
    with Stage(options()) as stage:
        produce(stage, *(parcel(name, "always vanish" if name == "c" else "") for name in "abcdefg"))
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        done = noted(stage)
        (letter,) = stage.dead_letters("parcels-dlq")
    assert set(done) == set("abdefg")
    assert (letter.form, letter.code) == ("metadata", "RetryAttemptsExhausted")
    assert letter.record_id.endswith(":2")


def test_what_is_given_up_can_be_sent_back_while_the_topic_has_it() -> None:
    with Stage(options()) as stage:
        produce(stage, parcel("good"), parcel("late", "fail five times"), parcel("behind it"))
        produce(stage, parcel("refused", "reject"), key=b"other")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        before = noted(stage)
        letters = {letter.form: letter for letter in stage.dead_letters("parcels-dlq")}

        sent = stage.redrive("parcels-dlq")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        after, left = noted(stage), stage.dead_letters("parcels-dlq")
        topic = stage.named("kafka topic", "parcels")
    assert set(before) == {"good"}  # what is behind a failure is given up with it
    assert letters.keys() == {"envelope", "metadata"}
    assert letters["metadata"].code == "RetryAttemptsExhausted"
    assert letters["metadata"].record_id.startswith(f"{topic}-")
    assert sent == 2
    assert set(after) == {"good", "late", "behind it"}
    assert [letter.form for letter in left] == ["envelope"]  # the worker rejects it again, which takes it


@MODES
def test_a_stage_that_goes_on_takes_up_its_topics_where_it_was(tmp_path: Path, *, in_process: bool) -> None:
    going_on = options(in_process=in_process, state_dir=tmp_path, goes_on=True)
    with Stage(going_on) as stage:
        produce(stage, parcel("a"))
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        produce(stage, *(parcel(f"b-{at}") for at in range(20)))
        began = stage.workers()["parcel.follow"].records

    with Stage(going_on) as stage:
        produce(stage, parcel("c"))
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        done = noted(stage)
        counts = stage.workers()["parcel.follow"]
    assert set(done) == {"a", "c", *(f"b-{at}" for at in range(20))}
    assert began >= 1
    assert counts.records <= 21  # what was done before is not done again


@MODES
def test_a_stage_that_goes_on_passes_over_nothing_of_a_topic_that_was_quiet(
    tmp_path: Path, *, in_process: bool
) -> None:
    with KafkaBroker() as broker:
        going_on = options(
            in_process=in_process, state_dir=tmp_path, goes_on=True, kafka_servers=broker.servers
        )
        produce_at(broker.servers, parcel("too early"), topic="local-arrivals")
        with Stage(going_on) as stage:
            stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        produce_at(broker.servers, parcel("meanwhile"), topic="local-arrivals")
        with Stage(going_on) as stage:
            stage.wait_idle(timeout_s=IDLE_WITHIN_S)
            done = noted(stage)
    assert set(done) == {"meanwhile"}


def test_a_stage_that_goes_on_has_its_broker_where_it_was(tmp_path: Path) -> None:
    going_on = options(in_process=True, state_dir=tmp_path, goes_on=True)
    with Stage(going_on) as stage:
        told = servers_of(stage)

    with Stage(going_on) as stage:
        produce_at(told, parcel("a"), topic="local-arrivals")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        done = noted(stage)
    assert set(done) == {"a"}


@pytest.mark.long
def test_a_stage_that_was_killed_in_the_middle_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    program = Path(__file__).with_name("parcels_to_be_killed.py")
    killed = subprocess.Popen([sys.executable, program, tmp_path], stdout=subprocess.PIPE, text=True)  # noqa: S603 - a file of ours
    assert killed.stdout is not None
    assert killed.stdout.readline() == "in the middle\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()

    with Stage(options(state_dir=tmp_path, goes_on=True)) as stage:
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        done, letters = noted(stage), stage.dead_letters("parcels-dlq")
    assert set(done) == {f"parcel-{at}" for at in range(200)}
    assert letters == []


@pytest.mark.long
def test_a_run_in_one_process_is_repeated_from_its_seed(tmp_path: Path) -> None:
    def run(name: str) -> str:
        faults, folder = frozenset({"duplicate"}), tmp_path / name
        with Stage(options(in_process=True, origin=1.7e9, seed=3, faults=faults, state_dir=folder)) as stage:
            for key in "abcde":
                deeds = ("", "fail once", "", "reject", "", "")
                produce(stage, *(parcel(f"{key}-{at}", do) for at, do in enumerate(deeds)), key=key.encode())
            stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        return dump(folder / "lineage.sqlite")

    assert run("first") == run("second")


def test_a_stage_takes_another_kafka_and_goes_on_there_where_its_group_is() -> None:
    with KafkaBroker() as broker:
        theirs = options(kafka_servers=broker.servers)
        with Stage(theirs) as stage:
            produce(stage, parcel("a"))
            stage.wait_idle(timeout_s=IDLE_WITHIN_S)
            first = noted(stage)
        with Stage(theirs) as stage:
            produce(stage, parcel("b"))
            stage.wait_idle(timeout_s=IDLE_WITHIN_S)
            second = noted(stage)

    assert (set(first), set(second)) == ({"a"}, {"b"})


def test_people_find_the_brokers_and_the_cluster() -> None:
    with Stage(options()) as stage:
        environment = stage.environment()
        cluster = stage.named("cluster", "shop")

    assert environment["KAFKA_BOOTSTRAP_SERVERS"].startswith("127.0.0.1:")
    assert environment["SHOP_CLUSTER_ARN"] == cluster


@pytest.mark.long
@MODES
def test_nothing_is_lost_when_everything_goes_wrong(*, in_process: bool) -> None:
    faults = frozenset({"duplicate", "crash", "outage"})

    with Stage(options(in_process=in_process, faults=faults, seed=7)) as stage:
        for key in (b"a", b"b", b"c"):
            produce(stage, *(parcel(f"{key.decode()}-{at}") for at in range(20)), key=key)
            produce(stage, *(parcel(f"{key.decode()}+{at}") for at in range(5)), topic="returns", key=key)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        stage.redrive("parcels-dlq")  # what had bad luck more often than it is retried
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        done = noted(stage)
    assert set(done) == {
        *(f"{key}-{at}" for key in "abc" for at in range(20)),
        *(f"{key}+{at}" for key in "abc" for at in range(5)),
    }
