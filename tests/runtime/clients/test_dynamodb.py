from __future__ import annotations

from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import clock
from worker_runtime.clients.dynamodb import Table
from worker_runtime.errors import Halt, Reject, Retry
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from worker_runtime.local.stage.parts.stand_in import StandIn

    Answering = Callable[..., AbstractContextManager[StandIn]]

EVENT = {"PK": "EVENT#1", "SK": "EVENT"}


@pytest.fixture
def table(table_name: str) -> Table:
    return Table(table_name)


def test_an_item_comes_back_as_it_was_put(table: Table) -> None:
    item = {
        **EVENT,
        "name": "Gala",
        "price": Decimal("12.50"),
        "seats": 3,
        "open": True,
        "tags": {"a", "b"},
        "raw": b"\x00\xff",
        "venue": {"city": "Lyon", "halls": [1, None]},
    }

    table.put(item)

    assert table.get(EVENT, consistent=True) == item


def test_what_is_not_there_is_none(table: Table) -> None:
    assert table.get(EVENT) is None


def test_a_put_on_condition_tells_whether_it_wrote(table: Table) -> None:
    absent = "attribute_not_exists(PK)"

    first = table.put({**EVENT, "by": "me"}, condition=absent)
    second = table.put({**EVENT, "by": "you"}, condition=absent)

    assert (first, second) == (True, False)
    assert table.get(EVENT) == {**EVENT, "by": "me"}


def test_an_update_sets_adds_and_removes(table: Table) -> None:
    table.put({**EVENT, "version": 1, "status": {"id": "DUE", "by": "x"}, "ttl": 5})

    changed = table.update(EVENT, set={"status.id": "DONE", "url": "u"}, add={"version": 1}, remove=("ttl",))

    assert changed
    assert table.get(EVENT) == {**EVENT, "version": 2, "status": {"id": "DONE", "by": "x"}, "url": "u"}


def test_an_update_whose_condition_fails_changes_nothing(table: Table) -> None:
    table.put({**EVENT, "url": "new", "isSuppressed": False})

    changed = table.update(
        EVENT,
        set={"shortUrl": "s"},
        condition="attribute_not_exists(shortUrl) AND isSuppressed = :no AND #url = :url",
        values={"no": False, "url": "old"},
    )

    assert not changed
    assert table.get(EVENT) == {**EVENT, "url": "new", "isSuppressed": False}


def test_an_update_that_changes_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="changes nothing; give it set=, add= or remove="):
        Table("any").update(EVENT)


def test_a_query_yields_all_pages_in_order(table: Table) -> None:
    table.batch_put([{"PK": "USER#1", "SK": f"DEMAND#{n:02}", "n": n} for n in range(7)])

    found = table.query(
        "PK = :pk AND begins_with(SK, :sk)", values={"pk": "USER#1", "sk": "DEMAND#"}, page_size=3
    )

    assert [item["n"] for item in found] == list(range(7))


def test_a_query_reads_no_page_that_nobody_asked_for(answering: Answering) -> None:
    def page(_: dict[str, Any]) -> Response:
        return Response.json({"Items": [{"n": {"N": "1"}}], "LastEvaluatedKey": {"PK": {"S": "1"}}})

    with answering(Query=page) as service:
        first = next(Table("any").query("PK = :pk", values={"pk": "1"}))

    assert first == {"n": 1}
    assert service.count() == 1


def test_a_query_filters_an_index_backwards_from_where_it_stopped(table: Table) -> None:
    due = [
        {"PK": f"NTF#{n}", "SK": "NTF", "GSI1PK": "DUE", "GSI1SK": f"{n}", "status": "A" if n % 2 else "B"}
        for n in range(8)
    ]
    table.batch_put(due)

    found = table.query(
        "GSI1PK = :due",
        values={"due": "DUE", "wanted": "A"},
        index="GSI1",
        keep="#status = :wanted",
        backwards=True,
        after={name: due[6][name] for name in ("PK", "SK", "GSI1PK", "GSI1SK")},
    )

    assert [item["GSI1SK"] for item in islice(found, 3)] == ["5", "3", "1"]


def test_a_count_counts_all_pages_of_a_table_and_of_an_index(table: Table) -> None:
    table.batch_put(
        [{"PK": "P", "SK": f"{n}", "GSI1PK": f"DUE#{n % 2}", "GSI1SK": f"{n:02}"} for n in range(25)]
    )

    of_table = table.count("PK = :pk", values={"pk": "P"})
    of_index = table.count(
        "GSI1PK = :due AND GSI1SK <= :now", values={"due": "DUE#0", "now": "10"}, index="GSI1"
    )

    assert (of_table, of_index) == (25, 6)
    assert table.count("PK = :pk", values={"pk": "nobody"}) == 0


def test_a_count_adds_up_its_pages(answering: Answering) -> None:
    asked: list[dict[str, Any]] = []

    def page(request: dict[str, Any]) -> Response:
        asked.append(request)
        more = {"LastEvaluatedKey": {"PK": {"S": "1"}}} if len(asked) < 3 else {}
        return Response.json({"Count": 7, **more})

    with answering(Query=page):
        counted = Table("any").count("PK = :pk", values={"pk": "1"})

    assert counted == 21
    assert {request["Select"] for request in asked} == {"COUNT"}


def test_a_batch_get_answers_by_position(table: Table) -> None:
    table.batch_put([{"PK": "P", "SK": f"{n}", "n": n} for n in range(130)])
    keys = [{"PK": "P", "SK": f"{n}"} for n in (*range(130), 999, 0)]

    found = table.batch_get(keys, consistent=True)

    assert [item and item["n"] for item in found] == [*range(130), None, 0]


def test_a_batch_put_writes_everything(table: Table) -> None:
    items = [{"PK": "P", "SK": f"{n:03}"} for n in range(60)]

    left = table.batch_put(items)

    assert left == []
    assert list(table.query("PK = :pk", values={"pk": "P"})) == items


@pytest.mark.usefixtures("cloud")
def test_a_missing_table_is_a_halt() -> None:
    with pytest.raises(Halt, match="dynamodb GetItem of no-such-table: ResourceNotFoundException"):
        Table("no-such-table").get(EVENT)


def test_an_invalid_request_is_a_reject(table: Table) -> None:
    with pytest.raises(Reject, match="VALIDATION_EXCEPTION"):
        table.get({"PK": "only half of the key"})


def refused(code: str) -> Response:
    return Response.json({"__type": code}, status=400)


class Refusing:
    """A BatchWriteItem and BatchGetItem that leaves chosen keys unprocessed for some calls."""

    def __init__(self, *refused: str, times: int) -> None:
        self.refused = refused
        self.times = times
        self.written: list[str] = []

    def write(self, request: dict[str, Any]) -> Response:
        ((table, puts),) = request["RequestItems"].items()
        refused = self._turned_away()
        left = [put for put in puts if put["PutRequest"]["Item"]["PK"]["S"] in refused]
        self.written += [put["PutRequest"]["Item"]["PK"]["S"] for put in puts if put not in left]
        return Response.json({"UnprocessedItems": {table: left} if left else {}})

    def read(self, request: dict[str, Any]) -> Response:
        ((table, asked),) = request["RequestItems"].items()
        refused = self._turned_away()
        left = [key for key in asked["Keys"] if key["PK"]["S"] in refused]
        answered = {table: [key for key in asked["Keys"] if key not in left]}
        return Response.json(
            {"Responses": answered, "UnprocessedKeys": {table: {"Keys": left}} if left else {}}
        )

    def _turned_away(self) -> tuple[str, ...]:
        self.times -= 1
        return self.refused if self.times >= 0 else ()


@pytest.mark.usefixtures("stepped")
def test_unprocessed_items_are_written_in_the_end(answering: Answering) -> None:
    refusing = Refusing("2", times=3)

    with answering(BatchWriteItem=refusing.write) as service:
        left = Table("any").batch_put([{"PK": f"{n}"} for n in range(4)])

    assert left == []
    assert sorted(refusing.written) == ["0", "1", "2", "3"]
    assert service.count() == 4


def test_what_stays_unprocessed_is_returned_after_eight_tries(
    stepped: clock.SteppedClock, answering: Answering
) -> None:
    refusing = Refusing("1", "3", times=99)
    started = stepped.now()

    with answering(BatchWriteItem=refusing.write) as service:
        left = Table("any").batch_put([{"PK": f"{n}", "n": n} for n in range(4)])

    assert left == [{"PK": "1", "n": 1}, {"PK": "3", "n": 3}]
    assert service.count() == 8
    assert 0 < stepped.now() - started <= 6.35  # 50 ms doubled seven times


def test_a_batch_put_stops_waiting_when_the_invocation_ends(
    stepped: clock.SteppedClock, answering: Answering
) -> None:
    refusing = Refusing("1", times=99)

    with (
        answering(BatchWriteItem=refusing.write) as service,
        clock.deadline(stepped.now() + 1),
    ):
        left = Table("any").batch_put([{"PK": "1"}])

    assert left == [{"PK": "1"}]
    assert service.count() < 8


@pytest.mark.usefixtures("stepped")
def test_a_batch_put_tells_how_many_items_each_further_try_repeats(answering: Answering) -> None:
    refusing = Refusing("1", "3", times=2)
    repeated: list[int] = []

    with answering(BatchWriteItem=refusing.write):
        Table("any").batch_put([{"PK": f"{n}"} for n in range(4)], unprocessed=repeated.append)

    assert repeated == [2, 2]


@pytest.mark.usefixtures("stepped")
def test_a_throttled_batch_put_is_tried_again(answering: Answering) -> None:
    refusing = Refusing(times=0)
    throttled = iter([refused("ProvisionedThroughputExceededException"), refused("ThrottlingException")])

    def write(request: dict[str, Any]) -> Response:
        return next(throttled, None) or refusing.write(request)

    with answering(BatchWriteItem=write) as service:
        left = Table("any").batch_put([{"PK": "1"}])

    assert left == []
    assert service.count() == 3


def test_a_batch_put_that_may_have_happened_is_not_repeated(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = Refusing(times=0)
    items = [{"PK": f"{n}"} for n in range(30)]

    with answering(BatchWriteItem=refusing.write) as service:
        service.fail_next(1, status=500)
        left = Table("any").batch_put(items)

    assert left == items[:25]
    assert refusing.written == ["25", "26", "27", "28", "29"]
    assert service.count() == 2
    assert "25 requests are left undone" in caplog.text


@pytest.mark.usefixtures("stepped")
def test_unprocessed_keys_are_read_in_the_end(answering: Answering) -> None:
    refusing = Refusing("b", times=2)
    keys = [{"PK": "a"}, {"PK": "b"}]

    with answering(BatchGetItem=refusing.read):
        found = Table("any").batch_get(keys)

    assert found == keys


@pytest.mark.usefixtures("stepped")
def test_keys_that_stay_unprocessed_are_a_retry(answering: Answering) -> None:
    refusing = Refusing("b", times=99)

    with (
        answering(BatchGetItem=refusing.read),
        pytest.raises(Retry, match="1 keys stayed unprocessed"),
    ):
        Table("any").batch_get([{"PK": "a"}, {"PK": "b"}])
