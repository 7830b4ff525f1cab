"""A change that Kinesis carries, opened for what its model names, is the same as when opened whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from worker_runtime import Change, TableStream
from worker_runtime.testing import kinesis_event

if TYPE_CHECKING:
    from collections.abc import Callable


class Sale(Struct):
    id: str
    version: int = 0


WHOLE = TableStream("sales", dead_letters="dlq")
NAMED = TableStream("sales", kinesis="sales", dead_letters="dlq")

JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=2) | st.lists(st.none(), max_size=1)
VALUE = st.sampled_from([{"S": "x"}, {"N": "1"}, {"NULL": True}, {"S": "x", "N": "1"}, {}]) | JUNK
IMAGE = st.dictionaries(st.sampled_from(["id", "version", "other"]), VALUE) | JUNK
WIRE = st.fixed_dictionaries(
    {"Keys": IMAGE},
    optional={
        "NewImage": IMAGE,
        "OldImage": IMAGE,
        "SequenceNumber": JUNK,
        "ApproximateCreationDateTime": st.just(1_790_000_000_123) | JUNK,
        "ApproximateCreationDateTimePrecision": st.sampled_from(["MILLISECOND", "MICROSECOND"]) | JUNK,
        "SizeBytes": JUNK,
    },
)
CHANGE = st.fixed_dictionaries(
    {"dynamodb": WIRE | WIRE | WIRE | JUNK},
    optional={
        "tableName": st.just("sales") | JUNK,
        "recordFormat": st.just("application/json") | JUNK,
        "eventID": st.just("e") | JUNK,
        "eventName": st.sampled_from(["INSERT", "MODIFY", "REMOVE"]) | JUNK,
        "eventSourceARN": st.just("arn:aws:dynamodb:us-east-1:1:table/sales") | JUNK,
        "userIdentity": JUNK,
    },
)


def told(read: Callable[..., Any], *given: Any) -> str:
    try:
        return repr(read(*given))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def parts(source: TableStream, model: Any, event: Any) -> list[str]:
    (record,) = source.records(event)
    decode = source.decoder(Change[model])
    try:
        change = decode(record)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    head = repr((change.id, change.name, change.table, change.new, change.sequence))
    return [head, *(told(getattr, change, name) for name in ("old", "keys", "created_at"))]


@pytest.mark.parametrize("model", [Sale, dict])
@given(change=CHANGE)
def test_a_change_opened_for_its_model_is_the_change_opened_whole(model: Any, change: Any) -> None:
    event = kinesis_event(change)

    assert parts(NAMED, model, event) == parts(WHOLE, model, event)
