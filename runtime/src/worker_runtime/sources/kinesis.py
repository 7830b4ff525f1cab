"""Kinesis streams: data in, the checkpoint out; dead letters hold the record whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.decoding import json_decoder
from worker_runtime.errors import BatchFailed
from worker_runtime.sources import check_names, outer_records
from worker_runtime.sources.kinesis_record import KinesisRecord, data_of
from worker_runtime.sources.streams import StreamSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.records import Record


class Kinesis(StreamSource, frozen=True, rename="camel"):
    """Take the records of a Kinesis stream, named without its environment.

    The data is JSON unless the worker takes ``bytes`` or ``str``; the records of one partition key
    keep their order. ``filters`` are event patterns whose root key is ``data``.
    """

    stream: str

    @property
    def kind(self) -> str:
        """``kinesis``."""
        return "kinesis"

    @property
    def name(self) -> str:
        """The stream's logical name."""
        return self.stream

    def check(self, *, worker: str, timeout_s: float) -> None:  # noqa: ARG002 - a stream has no visibility
        """Refuse settings that AWS refuses, or that lose records."""
        who = f"{worker}: Kinesis({self.stream!r})"
        check_names(who, stream=self.stream)
        self.check_settings(who)

    def recognises(self, event: Any) -> bool:
        """Whether the event is a batch of Kinesis records."""
        return outer_records(event, "aws:kinesis")

    def owns(self, event: Any) -> bool:
        """Whether the first record came from this stream."""
        records = event["Records"]
        return bool(records) and str(records[0].get("eventSourceARN", "")).endswith(self.stream)

    def records(self, event: Any) -> list[Record[Any]]:
        """One record a Kinesis record, its data not decoded yet."""
        try:
            return [KinesisRecord(raw["kinesis"]["sequenceNumber"], None, raw) for raw in event["Records"]]
        except (KeyError, TypeError) as error:
            raise BatchFailed("a record has no sequence number, so no reply could name it") from error

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the data, which is JSON unless the worker takes ``bytes`` or ``str``."""
        decode = json_decoder(model)
        return lambda record: decode(data_of(record.raw))
