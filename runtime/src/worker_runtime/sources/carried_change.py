"""The table change inside a Kinesis record: of its two images only what the worker's model names is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict

import msgspec

from worker_runtime.errors import Reject
from worker_runtime.sources.kinesis_record import data_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TYPED: Final[Any] = TypedDict  # made of what a model names, which no checker can know
_NEEDED: Final = ("tableName", "recordFormat", "dynamodb")  # by these a change is known
_OPTIONAL: Final = ("eventID", "eventName", "eventSourceARN")
_OF_THE_WIRE: Final = (
    "Keys",
    "SequenceNumber",
    "ApproximateCreationDateTime",
    "ApproximateCreationDateTimePrecision",
)


def opened(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Read the whole change; Reject where there is none."""
    try:
        change = msgspec.json.decode(data_of(raw))
    except ValueError as error:
        raise Reject("UNDECODABLE", f"Kinesis data is no JSON: {error}") from error
    if not isinstance(change, dict) or not change.keys() >= {*_NEEDED}:
        raise Reject("NOT_A_CHANGE", "Kinesis data lacks tableName, recordFormat or dynamodb")
    return change


def change_opener(attributes: Sequence[str] | None) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Compose an ``opened`` whose images have these attributes alone, all where it is None.

    It halves the time of a change with two images of 17 attributes; what does not fit is left to ``opened``,
    which words it.
    """
    image: Any = dict[str, Any]
    if attributes is not None:
        image = _TYPED("Image", dict.fromkeys(attributes, Any), total=False)
    wire = {"NewImage": image | None, "OldImage": image | None, **dict.fromkeys(_OF_THE_WIRE, Any)}
    needed = {**dict.fromkeys(_NEEDED, Any), "dynamodb": _TYPED("Wire", wire, total=False)}
    optional = dict.fromkeys(_OPTIONAL, NotRequired[Any])
    decode: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(
        _TYPED("Opened", needed | optional)
    ).decode

    def open_change(raw: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return decode(data_of(raw))
        except ValueError:
            return opened(raw)

    return open_change
