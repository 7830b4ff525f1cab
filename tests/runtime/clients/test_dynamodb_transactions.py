from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime.clients.dynamodb import Put, Table, Update
from worker_runtime.errors import Halt, Retry, ServiceRefused
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from worker_runtime.local.stage.parts.stand_in import StandIn

    Answering = Callable[..., AbstractContextManager[StandIn]]

NOTIFICATION = {"PK": "NTF#1", "SK": "NTF"}
POINTER = {"PK": "MSG#7", "SK": "NTF"}
SENT = Update(
    NOTIFICATION,
    set={"status.id": "SENT", "messageId": "7"},
    add={"version": 1},
    remove=("GSI1PK", "GSI1SK"),
    condition="#status.#id = :sending AND clientMessageId = :mine",
    values={"sending": "SENDING", "mine": "1:0"},
)
WRITES = (SENT, Put({**POINTER, "id": "1"}))


@pytest.fixture
def table(table_name: str) -> Table:
    return Table(table_name)


def notification(**more: Any) -> dict[str, Any]:
    return {**NOTIFICATION, "status": {"id": "SENDING"}, "clientMessageId": "1:0", "version": 3, **more}


def test_all_writes_of_a_transaction_are_made_together(table: Table) -> None:
    table.put(notification(GSI1PK="NTFLEASE#1", GSI1SK="2026"))

    written = table.transact(WRITES)

    assert written
    assert table.get(NOTIFICATION) == notification(status={"id": "SENT"}, messageId="7", version=4)
    assert table.get(POINTER) == {**POINTER, "id": "1"}


def test_where_a_condition_fails_nothing_is_written(table: Table) -> None:
    table.put(notification(clientMessageId="1:1"))

    written = table.transact(WRITES)

    assert not written
    assert table.get(NOTIFICATION) == notification(clientMessageId="1:1")
    assert table.get(POINTER) is None


def test_a_put_may_have_a_condition_too(table: Table) -> None:
    table.put(notification())
    table.put({**POINTER, "id": "somebody else's"})

    written = table.transact((SENT, Put({**POINTER, "id": "1"}, condition="attribute_not_exists(PK)")))

    assert not written
    assert table.get(NOTIFICATION) == notification()


def cancelling(*codes: str) -> Callable[[dict[str, Any]], Response]:
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        "CancellationReasons": [{"Code": code, "Message": "of +15555550100"} for code in codes],
    }
    return lambda _: Response.json(body, status=400)


@pytest.mark.parametrize(
    "codes",
    [
        ("None", "TransactionConflict"),
        ("ThrottlingError", "None"),
        ("ProvisionedThroughputExceeded", "TransactionConflict"),
        (),
    ],
)
def test_a_conflict_or_load_is_a_retry(answering: Answering, codes: tuple[str, ...]) -> None:
    with answering(TransactWriteItems=cancelling(*codes)), pytest.raises(Retry, match="TransactWriteItems"):
        Table("any").transact(WRITES)


def test_a_failed_condition_beside_a_conflict_is_a_failed_condition(answering: Answering) -> None:
    with answering(TransactWriteItems=cancelling("ConditionalCheckFailed", "TransactionConflict")):
        assert not Table("any").transact(WRITES)


@pytest.mark.parametrize(
    ("code", "shouted"),
    [
        ("ValidationError", "VALIDATION_ERROR"),
        ("ItemCollectionSizeLimitExceeded", "ITEM_COLLECTION_SIZE_LIMIT_EXCEEDED"),
    ],
)
def test_what_is_wrong_with_a_write_is_a_reject_that_tells_nothing_of_it(
    answering: Answering, code: str, shouted: str
) -> None:
    cancelled = answering(TransactWriteItems=cancelling("TransactionConflict", code))

    with cancelled, pytest.raises(ServiceRefused) as raised:
        Table("any").transact(WRITES)

    assert raised.value.code == shouted
    assert "+1555" not in str(raised.value)


def test_the_sdks_second_try_is_the_same_transaction(answering: Answering) -> None:
    tokens: list[str] = []

    def written(request: dict[str, Any]) -> Response:
        tokens.append(request["ClientRequestToken"])
        return Response.json({"__type": "InternalServerError"}, status=500 if len(tokens) == 1 else 200)

    with answering(TransactWriteItems=written):
        table = Table("any")
        assert table.transact(WRITES)
        assert table.transact(WRITES)

    assert tokens[0] == tokens[1] != tokens[2]


@pytest.mark.usefixtures("cloud")
def test_a_missing_table_is_a_halt() -> None:
    with pytest.raises(Halt):
        Table("no-such-table").transact(WRITES)


@pytest.mark.parametrize("writes", [0, 101])
def test_more_writes_than_dynamodb_takes_are_refused(writes: int) -> None:
    with pytest.raises(ValueError, match=rf"transact\(\) has {writes} writes; DynamoDB takes 1 to 100"):
        Table("any").transact([Put(POINTER)] * writes)
