"""The delivery worker on whole batches: what is in the files, where they stand, and what is in none."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deliveries import (
    EMAIL,
    NOON,
    PHONE,
    FakeWarehouse,
    batch,
    carried,
    deliver,
    demand,
    event,
    notification,
    poison,
    sale,
)
from worker_runtime.errors import BatchFailed
from worker_runtime.testing import RecordingSender, change, kinesis_record, table_event
from workers_pipeline.data_types import DEMAND_DATA_TYPES

RECORDED = Path(__file__).parents[2] / "events" / "pipeline_changes_kinesis.json"
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
NUMBER = str(49_590_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000)
OF_EACH = (demand, sale, event, notification)


def sequence(at: int) -> str:
    return str(int(NUMBER) + at)


def letters(sender: RecordingSender) -> list[tuple[str, str]]:
    return [(queue, json.loads(letter.body)["code"]) for queue, letter in sender.sent]


def test_each_change_is_a_row_of_its_types_table() -> None:
    warehouse = FakeWarehouse()

    reply = deliver(batch(*(carried(of(), at=at) for at, of in enumerate(OF_EACH))), warehouse)

    assert reply == {"batchItemFailures": []}
    assert [len(warehouse.of(table)) for table in DEMAND_DATA_TYPES] == [1, 1, 1, 1]
    (row,) = warehouse.of("sale")
    assert row == {
        "change_id": "c-1",
        "change_type": "INSERT",
        "changed_at_ms": round(NOON.timestamp() * 1000) + 1,
        "deleted": False,
        "pk": "EVENT#e1",
        "sk": "SALE#s1",
        "id": "s1",
        "version": 3,
        "created_at": "2026-02-01T12:00:00.000Z",
        "updated_at": "2026-03-01T12:00:00.000Z",
        "status_id": "OPEN",
        "extra_json": '{"generation":{"skipped":0,"written":12},"schemaVersion":1}',
        "sale_id": "s1",
        "event_id": "e1",
        "campaign_id": None,
        "name": "Presale",
        "opens_at": "2026-03-02T12:00:00.000Z",
        "closes_at": None,
        "notify_at": "2026-03-02T12:00:00.000Z",
        "template_id": "sale-open",
        "generation_id": "DONE",
    }


def test_a_files_key_names_table_change_date_shard_and_the_whole_received_batch() -> None:
    warehouse = FakeWarehouse()

    deliver(batch(poison(at=0), carried(demand(), at=1), carried(event(), at=2), poison(at=3)), warehouse)

    name = f"partition_date=2026-03-01/shardId-000000000000-{sequence(0)}-{sequence(3)}.avro"
    assert sorted(warehouse.files) == [f"data-pipeline/avro/{table}/{name}" for table in ("demand", "event")]


def test_changes_around_midnight_go_to_the_partitions_of_their_dates_whenever_they_come() -> None:
    warehouse = FakeWarehouse()
    before, after = MIDNIGHT - timedelta(milliseconds=1), MIDNIGHT

    deliver(batch(carried(demand("u1"), when=before), carried(demand("u2"), at=1, when=after)), warehouse)

    by_date = {key.split("/")[3]: [row["pk"] for row in rows] for key, rows in warehouse.rows.items()}
    assert by_date == {"partition_date=2026-03-01": ["USER#u1"], "partition_date=2026-03-02": ["USER#u2"]}


def test_a_removed_item_is_a_row_of_its_last_state() -> None:
    warehouse = FakeWarehouse()

    deliver(batch(carried(old=demand(quantity=7))), warehouse)

    (row,) = warehouse.of("demand")
    assert (row["change_type"], row["deleted"], row["quantity"]) == ("REMOVE", True, 7)


def test_a_modified_item_is_a_row_of_its_new_state() -> None:
    warehouse = FakeWarehouse()

    deliver(batch(carried(demand(quantity=5), old=demand(quantity=7))), warehouse)

    (row,) = warehouse.of("demand")
    assert (row["change_type"], row["deleted"], row["quantity"]) == ("MODIFY", False, 5)


@pytest.mark.parametrize("other", ["notification:asu", "control", "Demand"])
def test_other_types_are_passed_over(other: str, capsys: pytest.CaptureFixture[str]) -> None:
    warehouse = FakeWarehouse()

    reply = deliver(batch(carried(notification(type=other)), carried(event(), at=1)), warehouse)

    measured = json.loads(capsys.readouterr().out.splitlines()[0])
    assert reply == {"batchItemFailures": []}
    assert (list(warehouse.of("notification")), len(warehouse.of("event"))) == ([], 1)
    assert measured["RecordsSkipped"] == [1]


def test_sign_ups_confirmations_are_delivered_once_their_type_is_in_the_constant() -> None:
    warehouse = FakeWarehouse()

    deliver(
        batch(carried(notification(type="notification:asu"))),
        warehouse,
        data_types=(*DEMAND_DATA_TYPES, "notification:asu"),
    )

    (key,) = warehouse.files
    assert key.startswith("data-pipeline/avro/notification_asu/")
    assert warehouse.of("notification_asu")[0]["notification_id"] == "n1"


POISON: dict[str, Any] = {
    "a number in a text's place": {"userId": {"N": "7"}},
    "a text in a number's place": {"quantity": {"S": "2"}},
    "a number that is not whole": {"quantity": {"N": "2.5"}},
    "a number of more than 64 bits": {"version": {"N": "9223372036854775808"}},
    "a text in a flag's place": {"notify": {"S": "yes"}},
    "no map for a status": {"status": {"S": "ACTIVE"}},
    "a number in a status": {"status": {"M": {"id": {"N": "1"}}}},
    "no key": {"PK": {"NULL": True}},
    "a list for a phone": {"phone": {"L": [{"S": PHONE}]}},
    "an extra of no type": {"more": {}},
    "an extra of two types": {"more": {"S": "x", "N": "1"}},
    "an extra number that is none": {"more": {"N": "seven"}},
}


@pytest.mark.parametrize("spoilt", POISON.values(), ids=POISON)
def test_what_does_not_fit_its_table_is_dead_lettered_and_the_rest_is_stored(spoilt: dict[str, Any]) -> None:
    warehouse, sender = FakeWarehouse(), RecordingSender()
    image = json.loads(json.dumps(carried_image(demand()) | spoilt))
    bad = carried(demand(), at=1, images={"NewImage": image})

    reply = deliver(batch(carried(demand("u0")), bad, carried(demand("u2"), at=2)), warehouse, sender=sender)

    assert reply == {"batchItemFailures": []}
    assert [row["user_id"] for row in warehouse.of("demand")] == ["u0", "u2"]
    assert letters(sender) == [("delivery-worker-dlq", "SCHEMA_VIOLATION")]


@pytest.mark.parametrize("name", ['"', "\\", "\n", "'); x = 1 #", "{x}", "\u2028", ""])
def test_an_attribute_of_an_odd_name_is_an_extra_and_costs_the_others_nothing(name: str) -> None:
    warehouse, sender = FakeWarehouse(), RecordingSender()
    odd = {"NewImage": carried_image(demand()) | {name: {"S": "x"}}}
    changes = [carried(demand(), images=odd), carried(demand("u2", more="y"), at=1), carried(event(), at=2)]

    deliver(batch(*changes), warehouse, sender=sender)

    assert sender.sent == []
    assert [json.loads(row["extra_json"]) for row in warehouse.of("demand")] == [
        {name: "x", "schemaVersion": 1},
        {"more": "y", "schemaVersion": 1},
    ]


ODD_CHANGES: dict[str, dict[str, Any]] = {
    "an id that is a list": {"eventID": ["c"] * 3},
    "an id that is a map": {"eventID": {"c": 1}},
    "an empty id": {"eventID": ""},
    "an id that is a number": {"eventID": 7},
}
ODD_TIMES: dict[str, dict[str, Any]] = {
    "a precision that is a list": {
        "ApproximateCreationDateTimePrecision": [],
        "ApproximateCreationDateTime": "x",
    },
    "a time that is a flag": {"ApproximateCreationDateTime": True},
    "a time before all partitions": {"ApproximateCreationDateTime": 0},
    "a time in a far future": {"ApproximateCreationDateTime": 10**14 - 1},
    "a time beyond all calendars": {"ApproximateCreationDateTime": 10**30},
    "no time": {"ApproximateCreationDateTime": None},
}


def said(record: dict[str, Any]) -> dict[str, Any]:
    """Open the change inside a Kinesis record."""
    return json.loads(b64decode(record["kinesis"]["data"]))  # type: ignore[no-any-return]  # what went in


def carrying(data: Any) -> dict[str, Any]:
    """Put a change, whatever it is, into a Kinesis record."""
    text = data if isinstance(data, str) else json.dumps(data)
    return kinesis_record(text, stream="dmnd-table-stream")


@pytest.mark.parametrize(
    ("outside", "inside"),
    [*((odd, {}) for odd in ODD_CHANGES.values()), *(({}, odd) for odd in ODD_TIMES.values())],
    ids=[*ODD_CHANGES, *ODD_TIMES],
)
def test_what_is_odd_about_a_change_is_a_dead_letter_and_the_rest_is_stored(
    outside: dict[str, Any], inside: dict[str, Any]
) -> None:
    warehouse, sender = FakeWarehouse(), RecordingSender()
    bad = said(carried(demand())) | outside
    bad["dynamodb"] |= inside

    reply = deliver(batch(carrying(bad), carried(demand("u2"), at=1)), warehouse, sender=sender)

    assert reply == {"batchItemFailures": []}
    assert [row["user_id"] for row in warehouse.of("demand")] == ["u2"]
    assert len(sender.sent) == 1


@pytest.mark.parametrize("levels", [33, 400, 900, 1_500, 5_000])
def test_an_item_nested_however_deep_fails_no_batch(levels: int) -> None:
    warehouse, sender = FakeWarehouse(), RecordingSender()
    text = json.dumps(said(carried(demand(more="INSIDE"))))
    nested = '{"L":[' * levels + '{"S":"x"}' + "]}" * levels
    bad = text.replace('{"S": "INSIDE"}', nested)

    reply = deliver(batch(carrying(bad), carried(demand("u2"), at=1)), warehouse, sender=sender)

    assert reply == {"batchItemFailures": []}
    assert len(warehouse.of("demand")) + len(sender.sent) == 2


def test_half_a_surrogate_which_no_file_could_hold_is_dead_lettered() -> None:
    warehouse, sender = FakeWarehouse(), RecordingSender()

    deliver(batch(carried(demand("u\ud800")), carried(demand("u2"), at=1)), warehouse, sender=sender)

    assert [row["user_id"] for row in warehouse.of("demand")] == ["u2"]
    assert letters(sender) == [("delivery-worker-dlq", "UNDECODABLE")]


def carried_image(item: dict[str, Any]) -> dict[str, Any]:
    image: dict[str, Any] = change(new=item)["dynamodb"]["NewImage"]
    return image


def test_why_a_change_is_dead_lettered_says_where_and_never_what() -> None:
    sender = RecordingSender()
    image = carried_image(demand()) | {"quantity": {"S": "call Ann on Monday"}}

    deliver(batch(carried(demand(), images={"NewImage": image})), FakeWarehouse(), sender=sender)

    ((_, letter),) = sender.sent
    assert json.loads(letter.body)["error"] == "SCHEMA_VIOLATION: quantity takes N, not S"


def test_nulls_and_what_is_missing_are_null() -> None:
    warehouse = FakeWarehouse()
    lacking = {name: value for name, value in demand().items() if name not in {"email", "locale", "status"}}

    deliver(batch(carried({**lacking, "quantity": None, "phone": None, "notify": None})), warehouse)

    (row,) = warehouse.of("demand")
    names = ("email_hash", "locale", "status_id", "quantity", "phone_hash", "notify")
    assert [row[name] for name in names] == [None] * 6


def test_a_change_without_its_image_is_dead_lettered() -> None:
    sender = RecordingSender()

    deliver(batch(carried(demand(), images={"NewImage": None})), FakeWarehouse(), sender=sender)

    assert letters(sender) == [("delivery-worker-dlq", "SCHEMA_VIOLATION")]


def test_a_batch_of_nothing_but_poison_is_dead_lettered_and_stores_nothing() -> None:
    warehouse, sender = FakeWarehouse(), RecordingSender()

    reply = deliver(batch(poison(), poison(at=1)), warehouse, sender=sender)

    assert reply == {"batchItemFailures": []}
    assert warehouse.files == {}
    assert letters(sender) == [("delivery-worker-dlq", "UNDECODABLE")] * 2


def test_a_batch_that_is_all_passed_over_stores_nothing() -> None:
    warehouse = FakeWarehouse()

    deliver(batch(carried(demand(type="control"))), warehouse)

    assert warehouse.files == {}


@pytest.mark.parametrize("dying", [0, 1, 2, 3])
def test_a_batch_that_was_stored_in_part_comes_again_whole_and_ends_as_if_nothing_had_been(
    dying: int,
) -> None:
    changes = batch(poison(), *(carried(of(), at=at) for at, of in enumerate(OF_EACH, 1)))
    clean, hurt, sender = FakeWarehouse(), FakeWarehouse(dying=dying), RecordingSender()
    deliver(changes, clean)

    with pytest.raises(BatchFailed):
        deliver(changes, hurt, sender=sender)
    sent_at_first = list(sender.sent)
    reply = deliver(changes, hurt, sender=sender)

    assert sent_at_first == []  # or the poison would be sent once for each attempt
    assert reply == {"batchItemFailures": []}
    assert hurt.files == clean.files
    assert letters(sender) == [("delivery-worker-dlq", "UNDECODABLE")]


def test_a_batch_whose_dead_letter_cannot_be_sent_comes_again_whole() -> None:
    changes = batch(carried(demand()), poison(at=1), carried(event(), at=2))
    broken = RecordingSender(broken=["delivery-worker-dlq"])

    with pytest.raises(BatchFailed):
        deliver(changes, FakeWarehouse(), sender=broken)


def test_the_same_batch_makes_the_same_files_byte_for_byte() -> None:
    changes = batch(*(carried(of(), at=at) for at, of in enumerate(OF_EACH)))
    first, second = FakeWarehouse(), FakeWarehouse()

    for warehouse in (first, second):
        deliver(changes, warehouse)

    assert first.files == second.files


def test_a_change_that_comes_twice_is_told_by_its_id() -> None:
    warehouse = FakeWarehouse()

    deliver(batch(carried(demand()), carried(demand())), warehouse)

    assert [row["change_id"] for row in warehouse.of("demand")] == ["c-0", "c-0"]


def test_no_phone_number_or_address_is_in_any_file() -> None:
    warehouse = FakeWarehouse()
    leaky = f"call {PHONE} or write to {EMAIL}"
    items = [
        demand(note=leaky, firstName="Ann", contacts=[leaky, {"email": EMAIL}], locale=leaky),
        demand(PHONE),
        event(name=leaky, url=f"https://www.ticketmaster.com/e1?to={EMAIL.replace('@', '%40')}"),
        sale(name=leaky, **{EMAIL: "as a name"}),
        notification(
            lastError=leaky, vars={"firstName": "Ann", "text": leaky}, secrets=b"\x00" + PHONE.encode()
        ),
    ]

    deliver(batch(*(carried(item, at=at) for at, item in enumerate(items))), warehouse)

    told = json.dumps(warehouse.rows)
    assert len([row for rows in warehouse.rows.values() for row in rows]) == len(items)
    for personal in (PHONE, PHONE[1:], EMAIL, "fan.one", "Ann"):
        assert personal not in told
    assert "f***@e***" in told


def test_personal_data_is_hashed_the_same_wherever_it_stands() -> None:
    warehouse = FakeWarehouse()

    deliver(batch(carried(demand()), carried(notification(), at=1), carried(demand(PHONE), at=2)), warehouse)

    first, keyed = warehouse.of("demand")
    assert first["phone_hash"] == warehouse.of("notification")[0]["to_hash"] == keyed["user_id"]
    assert len(first["phone_hash"]) == 64
    assert first["email_hash"] not in {None, first["phone_hash"]}


def test_what_was_written_is_counted_by_type(capsys: pytest.CaptureFixture[str]) -> None:
    warehouse = FakeWarehouse()

    deliver(batch(carried(demand()), carried(demand("u2"), at=1), carried(event(), at=2)), warehouse)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    totals = next(line for line in lines if "ObjectsWritten" in line)
    assert totals["ObjectsWritten"] == [2]
    assert totals["BytesWritten"] == [sum(map(len, warehouse.files.values()))]
    assert {line["type"]: line["RowsWritten"] for line in lines if "type" in line} == {
        "demand": [2],
        "event": [1],
    }


def test_the_current_state_of_an_item_is_found_among_its_rows_in_whatever_order_they_come() -> None:
    warehouse = FakeWarehouse()
    states = [demand(quantity=number, version=number) for number in (1, 2, 3)]
    changes = [carried(new, old=old, at=at + 1) for at, (old, new) in enumerate(pairwise(states))]
    gone = [carried(demand("u2")), carried(old=demand("u2"), at=9)]

    deliver(batch(changes[1], gone[1], carried(states[0]), changes[0], gone[0], changes[1]), warehouse)

    rows = {row["change_id"] + row["pk"]: row for row in warehouse.of("demand")}.values()
    newest: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["changed_at_ms"], row["version"], row["deleted"])):
        newest[row["pk"]] = row
    assert {pk: (row["quantity"], row["deleted"]) for pk, row in newest.items()} == {
        "USER#u1": (3, False),
        "USER#u2": (2, True),
    }


def test_changes_from_the_tables_own_stream_are_delivered_alike() -> None:
    warehouse = FakeWarehouse()
    changes = [change(new=of(), at=at) for at, of in enumerate(OF_EACH)]

    reply = deliver(table_event(*changes), warehouse)

    assert reply == {"batchItemFailures": []}
    assert sum(len(rows) for rows in warehouse.rows.values()) == 4
    assert all("/table-1000" in key for key in warehouse.files)


def carried_data(record: dict[str, Any]) -> bytes:
    from base64 import b64decode  # noqa: PLC0415 - here alone

    return b64decode(record["kinesis"]["data"])


def test_the_recorded_event_is_understood() -> None:
    warehouse, sender = FakeWarehouse(), RecordingSender()

    reply = deliver(json.loads(RECORDED.read_text()), warehouse, sender=sender)

    assert reply == {"batchItemFailures": []}
    assert {table: len(warehouse.of(table)) for table in DEMAND_DATA_TYPES} == {
        "demand": 2,
        "sale": 1,
        "event": 1,
        "notification": 1,
    }
    assert sender.sent == []
