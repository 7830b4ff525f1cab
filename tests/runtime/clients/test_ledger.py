"""Ledgers in a real DynamoDB and a real Redis: who does the work, and what the others are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from imported import import_path
from worker_runtime import Environment, Idempotency, Sqs, Stack, clock, concurrently, worker
from worker_runtime.clients import aws
from worker_runtime.clients.redis import connect
from worker_runtime.errors import Halt, Reject, Retry, SettingsError
from worker_runtime.ledger import ledger_of
from worker_runtime.loading import load
from worker_runtime.middleware.idempotency import Busy, Claim, Finished, once
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender, message, ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from installed import Site
    from worker_runtime.ledger import PersistedLedger
    from worker_runtime.local.stage.parts.redis_server import RedisServer

KEY = "powertools_json(body).orderId"
WORKER = "shop.ship"


class Store:
    """Where ledgers are kept in a test: how to declare one, and what the environment says of it."""

    def __init__(self, variables: Mapping[str, str], **kept: str) -> None:
        self.variables = dict(variables)
        self.kept = kept

    def declared(self, **more: Any) -> Idempotency:
        given: dict[str, Any] = {"key": KEY, **self.kept, **more}
        return Idempotency(**given)

    def ledger(self, *, worker_id: str = WORKER, **more: Any) -> PersistedLedger:
        declared = self.declared(**more)
        return ledger_of(declared, worker=worker_id, environment=Environment(variables=self.variables))


@pytest.fixture(params=["table", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "table":
        return Store({"DONE_TABLE": request.getfixturevalue("table_name")}, table="done")
    server: RedisServer = request.getfixturevalue("redis_server")
    return Store({"DONE_REDIS_URL": server.url}, redis="done")


@pytest.fixture
def table(table_name: str) -> Store:
    return Store({"DONE_TABLE": table_name}, table="done")


def order(order_id: str = "o-1", **more: Any) -> dict[str, Any]:
    return message({"orderId": order_id, **more})


def begun(ledger: PersistedLedger, record: Mapping[str, Any], *, caller: str | None = None) -> Claim:
    claim = ledger.begin(record, caller=caller)
    assert isinstance(claim, Claim)
    return claim


def test_the_first_claims_the_work_and_the_next_gets_its_result(store: Store) -> None:
    ledger = store.ledger()

    ledger.finish(begun(ledger, order()), {"shipped": [1, "two", None]})
    entry = store.ledger().begin(order())

    assert isinstance(entry, Finished)
    assert json.loads(entry.result) == {"shipped": [1, "two", None]}


def test_work_without_a_result_is_known_to_be_done(store: Store) -> None:
    ledger = store.ledger()

    ledger.finish(begun(ledger, order()), None)

    assert ledger.begin(order()) == Finished("null")


def test_other_keys_and_other_workers_are_other_work(store: Store) -> None:
    store.ledger().begin(order())

    assert isinstance(store.ledger().begin(order("o-2")), Claim)
    assert isinstance(store.ledger(worker_id="shop.pack").begin(order()), Claim)


def test_what_is_in_progress_says_for_how_long_at_most(store: Store) -> None:
    with clock.deadline_in(30):
        store.ledger().begin(order())

    entry = store.ledger().begin(order())

    assert isinstance(entry, Busy)
    assert entry.left_s is not None
    assert 28 < entry.left_s <= 30


def test_how_long_is_said_in_the_time_of_the_workers_clock(store: Store) -> None:
    with clock.using(clock.ScaledClock(10, origin=time.time())):
        with clock.deadline_in(30):
            store.ledger().begin(order())
        entry = store.ledger().begin(order())

    assert isinstance(entry, Busy)
    assert entry.left_s is not None
    assert 280 < entry.left_s <= 300


def test_work_that_crashed_is_free_when_its_invocation_s_time_is_over(store: Store) -> None:
    with clock.deadline_in(1.0):
        begun(store.ledger(), order())

    meanwhile = store.ledger().begin(order())
    time.sleep(1.05)
    afterwards = store.ledger().begin(order())

    assert isinstance(meanwhile, Busy)
    assert isinstance(afterwards, Claim)
    assert isinstance(store.ledger().begin(order()), Busy)


def test_work_that_was_given_back_is_free_at_once(store: Store) -> None:
    ledger = store.ledger()

    ledger.release(begun(ledger, order()))

    assert isinstance(ledger.begin(order()), Claim)


def test_a_result_is_kept_for_so_long_and_no_longer(store: Store) -> None:
    ledger = store.ledger(expires_s=1)
    ledger.finish(begun(ledger, order()), "done")

    while_kept = ledger.begin(order())
    time.sleep(2.1)

    assert isinstance(while_kept, Finished)
    assert isinstance(ledger.begin(order()), Claim)


def test_of_many_threads_one_claims_the_work(store: Store) -> None:
    ledger = store.ledger()

    entries = concurrently(ledger.begin, [order()] * 16, at_once=16)

    assert sorted(type(entry).__name__ for entry in entries) == ["Busy"] * 15 + ["Claim"]


def test_of_many_threads_one_claims_the_work_of_who_crashed(store: Store) -> None:
    with clock.deadline_in(1.0):
        begun(store.ledger(), order())
    time.sleep(1.05)
    ledger = store.ledger()

    entries = concurrently(ledger.begin, [order()] * 16, at_once=16)

    claims = [entry for entry in entries if isinstance(entry, Claim)]
    assert len(claims) == 1
    assert {type(entry) for entry in entries if entry not in claims} <= {Busy, Retry}


PROCESS = """
import json, os, sys, time
from worker_runtime import Environment, Idempotency
from worker_runtime.ledger import ledger_of

kept, records = json.loads(sys.argv[1]), json.loads(sys.argv[2])
declared = Idempotency("powertools_json(body).orderId", **kept)
ledger = ledger_of(declared, worker="shop.ship", environment=Environment(variables=os.environ))
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([type(ledger.begin(record)).__name__ for record in records]))
"""


def test_of_two_processes_one_claims_each_work(store: Store) -> None:
    records = [order(f"o-{number}") for number in range(20)]
    command = [sys.executable, "-c", PROCESS, json.dumps(store.kept), json.dumps(records)]
    with ExitStack() as running:
        started = [
            running.enter_context(
                subprocess.Popen(  # noqa: S603 - our own code
                    command,
                    env={**os.environ, **store.variables},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        assert [process.stdout and process.stdout.readline() for process in started] == ["ready\n"] * 2

        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [json.loads(process.communicate(timeout=60)[0]) for process in started]

    assert [sorted(pair) for pair in zip(*said, strict=True)] == [["Busy", "Claim"]] * 20


@pytest.mark.parametrize("body", ["{}", '{"orderId": null}', '{"orderId": ""}', "no json", "[1]", '"text"'])
def test_a_record_without_its_key_is_rejected(store: Store, body: str) -> None:
    with pytest.raises(Reject, match="NO_IDEMPOTENCY_KEY"):
        store.ledger().begin(message(body))


PARTS = "powertools_json(body).userId, powertools_json(body).campaignId"


@pytest.mark.parametrize(
    "key",
    [
        f"[{PARTS}]",
        "powertools_json(body).[userId, campaignId]",
        "powertools_json(body).{user: userId, campaign: campaignId}",
        "{id: messageId, of: powertools_json(body).[userId, campaignId]}",
    ],
)
@pytest.mark.parametrize(
    "body",
    [{"campaignId": "c-1"}, {"userId": None, "campaignId": "c-1"}, {"userId": "", "campaignId": "c-1"}],
)
def test_a_record_without_a_part_of_its_key_is_rejected(store: Store, key: str, body: dict[str, Any]) -> None:
    with pytest.raises(Reject, match="NO_IDEMPOTENCY_KEY: the record has nothing in one of its parts"):
        store.ledger(key=key).begin(message(body))


def test_records_differ_by_every_part_of_their_keys(store: Store) -> None:
    ledger = store.ledger(key=f"[{PARTS}]")
    both = {"userId": 0, "campaignId": False}

    entries = [ledger.begin(message({**both, **more})) for more in ({}, {"userId": 1}, {"userId": "0"}, {})]

    assert [type(entry).__name__ for entry in entries] == ["Claim", "Claim", "Claim", "Busy"]


def test_what_is_null_inside_a_key_is_a_value_like_any_other(store: Store) -> None:
    ledger = store.ledger(key="powertools_json(body)")

    entries = [ledger.begin(message({"userId": "u-1", **more})) for more in ({"of": None}, {}, {"of": None})]

    assert [type(entry).__name__ for entry in entries] == ["Claim", "Claim", "Busy"]


def test_the_same_key_of_another_caller_is_other_work(store: Store) -> None:
    ledger = store.ledger()
    ledger.finish(begun(ledger, order(), caller="alice"), "hers")

    entries = [ledger.begin(order(), caller=caller) for caller in ("alice", "bob", None)]

    assert [type(entry).__name__ for entry in entries] == ["Finished", "Claim", "Claim"]


@pytest.mark.parametrize("forged", [["o-1", "alice"], [["o-1"], "alice"], {"key": "o-1", "caller": "alice"}])
def test_no_key_looks_like_one_of_a_caller(store: Store, forged: Any) -> None:
    ledger = store.ledger()
    ledger.finish(begun(ledger, order("o-1"), caller="alice"), "hers")

    entry = ledger.begin(message({"orderId": forged}))

    assert isinstance(entry, Claim)


@pytest.mark.parametrize("junk", [None, 1, [], "text", {"body": 1}, {"body": None}])
def test_a_record_that_is_junk_is_rejected(store: Store, junk: Any) -> None:
    with pytest.raises(Reject, match="NO_IDEMPOTENCY_KEY"):
        store.ledger().begin(junk)


def test_the_same_key_with_other_data_is_rejected_where_that_is_asked_for(table: Store) -> None:
    ledger = table.ledger(unchanged="powertools_json(body).amount")
    ledger.finish(begun(ledger, order(amount=1)), None)

    assert isinstance(ledger.begin(order(amount=1)), Finished)
    with pytest.raises(Reject, match="IDEMPOTENCY_MISMATCH"):
        ledger.begin(order(amount=2))


def test_an_item_says_worker_and_key_and_when_it_expires(
    table: Store, cloud: Callable[[str], Any], table_name: str
) -> None:
    ledger = table.ledger(expires_s=60)

    ledger.finish(begun(ledger, order()), {"shipped": 1})

    (item,) = cloud("dynamodb").scan(TableName=table_name)["Items"]
    assert item["PK"]["S"].startswith("IDEM#shop.ship#")
    assert item["SK"] == {"S": "IDEM"}
    assert abs(int(item["ttl"]["N"]) - time.time() - 60) < 3
    assert item["data"] == {"S": '{"shipped": 1}'}


def test_a_table_may_have_a_hash_key_alone(cloud: Callable[[str], Any]) -> None:
    cloud("dynamodb").create_table(
        TableName="ledger-alone",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    ledger = Store({"DONE_TABLE": "ledger-alone"}, table="done").ledger(key_names=("id",))

    ledger.finish(begun(ledger, order()), "done")

    assert ledger.begin(order()) == Finished('"done"')


def test_a_table_that_is_not_there_halts(cloud: Callable[[str], Any]) -> None:  # noqa: ARG001 - the cloud has to be
    ledger = Store({"DONE_TABLE": "nowhere"}, table="done").ledger()

    with pytest.raises(Halt, match="of nowhere: ResourceNotFoundException"):
        ledger.begin(order())


def test_a_redis_that_is_down_is_a_retry(redis_server: RedisServer) -> None:
    ledger = Store({"DONE_REDIS_URL": redis_server.url}, redis="done").ledger()
    redis_server.kill()

    with pytest.raises(Retry, match="redis: "):
        ledger.begin(order())


def test_what_somebody_else_wrote_under_a_key_does_not_do_work_twice(redis_server: RedisServer) -> None:
    ledger = Store({"DONE_REDIS_URL": redis_server.url}, redis="done").ledger()
    begun(ledger, order())
    connection = connect(redis_server.url)
    (key,) = connection.keys("IDEM#*")
    connection.set(key, "no json")

    entry = ledger.begin(order())

    assert isinstance(entry, Claim)
    connection.close()


def test_a_worker_ships_each_order_once_whatever_comes_how_often(store: Store) -> None:
    shipped: list[str] = []

    @worker(
        Sqs("orders", dead_letters="orders-dlq"),
        stack=Stack("shop"),
        concurrency=4,
        idempotency=store.declared(),
    )
    def ship(body: dict[str, Any]) -> None:
        """Ship an order, once."""
        if body.get("fails") and "failed" not in shipped:
            shipped.append("failed")
            raise OSError("no answer")
        shipped.append(body["orderId"])

    def delivered(*records: dict[str, Any]) -> Any:
        middleware = (once(store.ledger(), returns=None, answering=frozenset()),)
        loaded = ready(ship, middleware=middleware, worker_id=WORKER)
        event = {"Records": [{**record, "messageId": str(at)} for at, record in enumerate(records)]}
        return run(loaded, event, context=Context(), sender=RecordingSender())

    first = delivered(order("o-1"), order("o-2", fails=True), order("o-3"))
    again = delivered(order("o-1"), order("o-2", fails=True), order("o-3"))

    assert first == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert again == {"batchItemFailures": []}
    assert sorted(shipped) == ["failed", "o-1", "o-2", "o-3"]


WORK = """
    from typing import Any
    from worker_runtime import Idempotency, Invoke, Sqs, Stack, worker

    shipped = []

    @worker(
        Sqs("orders", dead_letters="dlq"),
        Invoke(),
        stack=Stack("shop"),
        idempotency=Idempotency("body", table="done"),
    )
    def work(order: dict[str, Any]) -> list[int]:
        \"\"\"Ship an order, once.\"\"\"
        shipped.append(order["orderId"])
        return [len(shipped)]
"""


@pytest.fixture
def installed(installed_plugin: Site) -> Iterator[Site]:
    installed_plugin.install_plugin("shop", worker=WORK)
    with import_path(installed_plugin.folder):
        yield installed_plugin


@pytest.mark.usefixtures("installed")
def test_what_a_worker_declares_is_what_runs_around_it(table: Store) -> None:
    loaded = load("shop.work", environment=Environment(variables=table.variables))

    for _ in range(2):
        run(loaded, {"Records": [order()]}, context=Context(), sender=RecordingSender())

    assert sys.modules["shop_things.work"].shipped == ["o-1"]


@pytest.mark.usefixtures("installed")
def test_what_an_earlier_version_kept_fails_only_who_is_told(table: Store) -> None:
    earlier = table.ledger(worker_id="shop.work", key="body")
    earlier.finish(begun(earlier, order()), {"of": "another type"})
    loaded = load("shop.work", environment=Environment(variables=table.variables))

    reply = run(loaded, {"Records": [order()]}, context=Context(), sender=RecordingSender())
    with pytest.raises(Retry, match="the result that was kept cannot be read"):
        run(loaded, {"body": order()["body"]}, context=Context(), sender=RecordingSender())

    assert reply == {"batchItemFailures": []}
    assert sys.modules["shop_things.work"].shipped == []


@pytest.mark.usefixtures("installed")
def test_a_table_that_nobody_names_is_an_error_when_the_worker_is_loaded() -> None:
    with pytest.raises(SettingsError, match="DONE_TABLE is not set; it names the table 'done'"):
        load("shop.work", environment=Environment())


def test_without_the_library_a_ledger_is_an_error_with_its_cure(installed: Site) -> None:
    program = (
        "import sys; sys.modules['aws_lambda_powertools'] = None; from worker_runtime.handler import handler"
    )

    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", program],
        env={"APP_NAME": "shop.work", "PYTHONPATH": str(installed.folder), "DONE_TABLE": "done"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert "SettingsError: shop.work cannot keep what was done" in done.stderr
    assert "install worker-runtime[powertools]" in done.stderr


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    aws.forget()
