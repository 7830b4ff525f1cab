"""Dead letters: whole, readable, in one format whoever moved them; one that fits nowhere is told."""

from __future__ import annotations

import gzip
import json
import random
from base64 import b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import Change, Kinesis, Reject, Sqs, Stack, TableStream, Worker, worker
from worker_runtime.clients.sqs import Attribute, size_of
from worker_runtime.clock import using
from worker_runtime.testing import (
    RecordingSender,
    SteppedClock,
    change,
    kinesis_event,
    message,
    run_on,
    table_event,
)

if TYPE_CHECKING:
    from worker_runtime.clients.sqs import Message

SHOP = Stack("shop")
QUEUE = Sqs("orders", dead_letters="dlq")
MIB = 1_048_576
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def rejecting(source: Any, detail: str = "by the order") -> Worker[..., Any]:
    if isinstance(source, TableStream):

        @worker(source, stack=SHOP)
        def refuse_change(_changed: Change[dict[str, Any]]) -> None:
            """Refuse every change."""
            raise Reject("TOLD_TO", detail)

        return refuse_change

    @worker(source, stack=SHOP)
    def refuse(_body: bytes) -> None:
        """Refuse every message."""
        raise Reject("TOLD_TO", detail)

    return refuse


def letter_of(
    record: dict[str, Any], *, source: Any = QUEUE, detail: str = "by the order"
) -> tuple[Message, RecordingSender]:
    """Run a worker that rejects; return the one dead letter, and where it was sent."""
    sender = RecordingSender()
    with using(SteppedClock(NOW.timestamp())):
        run_on(rejecting(source, detail), {"Records": [record]}, sender=sender)
    ((_, letter),) = sender.sent
    return letter, sender


def test_from_a_queue_it_is_the_original_message_and_one_attribute_with_the_reason() -> None:
    sent = message(
        '{"no": "spaces  changed"}', receives=2, attributes={"origin": "web", "correlationId": "c-1"}
    )
    sent["messageAttributes"]["photo"] = {"binaryValue": "//8=", "dataType": "Binary.png"}
    sent["attributes"]["AWSTraceHeader"] = "Root=1-5759e988-bd862e3fe1be46a994272793"

    letter, _ = letter_of(sent)

    reason = letter.attributes["deadLetterReason"]
    assert letter.body == sent["body"]
    assert letter.trace_header == "Root=1-5759e988-bd862e3fe1be46a994272793"
    assert letter.attributes == {
        "origin": Attribute("web"),
        "correlationId": Attribute("c-1"),
        "photo": Attribute(b"\xff\xff", "Binary.png"),
        "deadLetterReason": reason,
    }
    assert json.loads(str(reason)) == {
        "worker": "test.refuse",
        "source": "sqs",
        "code": "TOLD_TO",
        "error": "TOLD_TO: by the order",
        "recordId": sent["messageId"],
        "correlationId": "c-1",
        "attempts": 2,
        "at": "2026-01-02T03:04:05.000+00:00",
        "version": 1,
    }


def test_a_letter_that_comes_back_and_is_rejected_again_has_the_newer_reason_only() -> None:
    first, _ = letter_of(message("x"))
    again = message("x", attributes={"deadLetterReason": str(first.attributes["deadLetterReason"])})

    second, _ = letter_of(again, detail="once more")

    assert list(second.attributes) == ["deadLetterReason"]
    assert json.loads(str(second.attributes["deadLetterReason"]))["error"] == "TOLD_TO: once more"


def test_where_ten_attributes_are_taken_it_is_an_envelope_around_the_whole_record() -> None:
    full = message("x", attributes={f"a{number}": "x" for number in range(10)})

    letter, _ = letter_of(full)

    envelope = json.loads(letter.body)
    assert envelope["record"] == full
    assert (envelope["version"], envelope["code"]) == (1, "TOLD_TO")
    assert set(letter.attributes) == {"correlationId"}


def test_nine_attributes_leave_room_for_the_reason() -> None:
    letter, _ = letter_of(message("x", attributes={f"a{number}": "x" for number in range(9)}))

    assert letter.body == "x"
    assert len(letter.attributes) == 10


def test_from_a_stream_it_is_an_envelope_with_all_that_is_known() -> None:
    changed = change(new={"PK": "1", "correlationId": "c-1"})

    letter, _ = letter_of(changed, source=TableStream("orders", dead_letters="dlq"))

    assert json.loads(letter.body) == {
        "version": 1,
        "worker": "test.refuse_change",
        "source": "table_stream",
        "code": "TOLD_TO",
        "error": "TOLD_TO: by the order",
        "recordId": "100000000000000000000",
        "correlationId": "c-1",
        "attempts": None,
        "at": "2026-01-02T03:04:05.000+00:00",
        "record": changed,
    }
    assert letter.attributes == {"correlationId": "c-1"}


def test_to_a_fifo_queue_it_keeps_its_group_and_the_same_record_is_one_letter() -> None:
    source = Sqs("orders.fifo", max_receives=10, dead_letters="dlq.fifo")
    record = message("x", queue="orders.fifo", group="g-1")
    other = message("x", at=1, queue="orders.fifo", group="g-1")

    letter, _ = letter_of(record, source=source)
    again, _ = letter_of(record, source=source, detail="for another reason")
    others, _ = letter_of(other, source=source)

    assert letter.group_id == "g-1"
    assert letter.deduplication_id
    assert letter.deduplication_id == again.deduplication_id
    assert letter.deduplication_id != others.deduplication_id


def test_to_a_standard_queue_it_has_neither_group_nor_deduplication_id() -> None:
    letter, _ = letter_of(message("x"))

    assert (letter.group_id, letter.deduplication_id) == (None, None)


def test_a_message_of_almost_a_mebibyte_is_sent_on_as_it_is() -> None:
    body = "x" * (MIB - 1_000)

    letter, _ = letter_of(message(body))

    assert letter.body == body
    assert size_of(letter) <= MIB


def test_where_the_reason_makes_a_message_too_large_the_record_is_compressed() -> None:
    body = "x" * (MIB - 100)
    record = message(body)

    letter, _ = letter_of(record)

    envelope = json.loads(letter.body)
    assert "record" not in envelope
    assert json.loads(gzip.decompress(b64decode(envelope["recordGzip"]))) == record
    assert size_of(letter) <= MIB


def noise(size: int) -> str:
    """Return text that does not compress."""
    return random.Random(0).randbytes(size // 2).hex()


LARGE = {"PK": "1", "text": noise(3 * MIB)}


def test_what_is_too_large_even_compressed_goes_to_the_spill_bucket() -> None:
    changed = change(new=LARGE)
    source = TableStream("orders", dead_letters="dlq", spill_bucket="letters")

    letter, sender = letter_of(changed, source=source)

    envelope = json.loads(letter.body)
    ((key, stored),) = sender.spilled.items()
    assert envelope["recordAt"] == key
    assert key.startswith("dead-letters/test.refuse_change/")
    assert json.loads(gzip.decompress(stored)) == changed
    assert size_of(letter) < 2_000


def test_records_of_two_shards_with_the_same_number_do_not_spill_over_each_other() -> None:
    source = Kinesis("orders", dead_letters="dlq", spill_bucket="letters")
    sender = RecordingSender()
    event = kinesis_event({"x": noise(2 * MIB)}, {"x": noise(2 * MIB)})
    for shard, record in zip(("a", "b"), event["Records"], strict=True):
        record["eventID"] = f"{shard}:7"
        record["kinesis"]["sequenceNumber"] = "7"
        run_on(rejecting(source), {"Records": [record]}, sender=sender)

    assert len(sender.spilled) == 2


def test_a_spill_that_fails_is_a_retry() -> None:
    source = TableStream("orders", dead_letters="dlq", spill_bucket="letters")
    sender = RecordingSender(broken=["letters"])

    reply = run_on(rejecting(source), table_event(change(new=LARGE)), sender=sender)

    assert len(reply["batchItemFailures"]) == 1
    assert sender.sent == []


def test_without_a_spill_bucket_it_is_a_retry_with_a_clear_error(caplog: pytest.LogCaptureFixture) -> None:
    sender = RecordingSender()

    reply = run_on(
        rejecting(TableStream("orders", dead_letters="dlq")), table_event(change(new=LARGE)), sender=sender
    )

    assert len(reply["batchItemFailures"]) == 1
    assert sender.sent == []
    assert (
        "record 100000000000000000000 fits no message even compressed; declare a spill_bucket." in caplog.text
    )


def test_personal_data_in_the_reason_is_redacted_and_the_record_is_untouched() -> None:
    letter, _ = letter_of(
        message("call +15551234567"), detail="+15551234567 is no friend of jane@example.com"
    )

    assert letter.body == "call +15551234567"
    assert json.loads(str(letter.attributes["deadLetterReason"]))["error"] == (
        "TOLD_TO: +*******4567 is no friend of j***@e***"
    )


@pytest.mark.parametrize("detail", ["\ud800", "\ufffe and \uffff", "\0\x01", "x" * 3_000_000])
def test_no_error_text_keeps_a_letter_from_leaving(detail: str) -> None:
    letter, _ = letter_of(message("x"), detail=detail)

    reason = str(letter.attributes["deadLetterReason"])
    assert letter.body == "x"
    assert len(reason) < 10_000
    assert not set("\0\x01\ufffe\uffff\ud800") & set(reason)


class Unsayable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def test_an_error_that_cannot_be_put_into_words_is_named() -> None:
    sender = RecordingSender()

    class Cursed(Reject, Unsayable):
        pass

    @worker(QUEUE, stack=SHOP)
    def refuse(_body: bytes) -> None:
        """Refuse without a word."""
        error = Cursed("CURSED")
        raise error

    Cursed.__str__ = Unsayable.__str__  # type: ignore[method-assign] # an error as they come

    assert run_on(refuse, {"Records": [message("x")]}, sender=sender) == {"batchItemFailures": []}
    ((_, letter),) = sender.sent
    assert json.loads(str(letter.attributes["deadLetterReason"]))["error"] == "Cursed, which cannot say more"


@pytest.mark.parametrize("odd", ["\uffff", "\ud800", "\x00", "é\U0001f600"])
def test_an_item_with_characters_that_sqs_refuses_is_escaped_and_whole(odd: str) -> None:
    changed = change(new={"PK": odd})

    letter, _ = letter_of(changed, source=TableStream("orders", dead_letters="dlq"))

    assert json.loads(letter.body)["record"] == changed
    assert not set("\0\ud800\uffff") & set(letter.body)


def test_a_body_with_characters_that_sqs_refuses_travels_in_an_envelope() -> None:
    letter, _ = letter_of(message("lone \ud800"))

    assert json.loads(letter.body)["record"]["body"] == "lone \ud800"
    letter.body.encode()


@pytest.mark.parametrize("odd", ["\ud800", "\uffff", "bell \x07"])
def test_an_attribute_with_characters_that_sqs_refuses_travels_in_an_envelope(odd: str) -> None:
    letter, _ = letter_of(message("x", attributes={"odd": odd}))

    record = json.loads(letter.body)["record"]
    assert record["messageAttributes"]["odd"]["stringValue"] == odd
    assert size_of(letter) < 2_000
