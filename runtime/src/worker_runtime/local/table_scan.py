"""All items of a table, read in parallel segments: for a person's count, never for a worker."""

from __future__ import annotations

from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker_runtime.clients import aws
from worker_runtime.dynamodb_json import dumps_item, loads_image
from worker_runtime.threads import concurrently

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    See = Callable[[Sequence[Mapping[str, Any]], int], None]

SEGMENTS: Final = 8
TRIES: Final = 8  # nobody waits for a deadline here, and a scan is the first to be throttled
READ_UNIT_BYTES: Final = 8192  # an eventually consistent read unit is two times 4 KB


class TableSize(Struct, frozen=True):
    """How large a table was some hours ago, as DynamoDB counts it."""

    items: int
    size_bytes: int

    @property
    def read_units(self) -> int:
        """What reading all of it costs."""
        return -(-self.size_bytes // READ_UNIT_BYTES)


def table_size(table: str) -> TableSize:
    """Ask how large a table is."""
    with aws.verdicts("dynamodb", of=table):
        described = aws.client("dynamodb").describe_table(TableName=table)["Table"]
    return TableSize(described.get("ItemCount", 0), described.get("TableSizeBytes", 0))


def scan(
    table: str,
    *,
    see: See,
    attributes: Sequence[str],
    where: tuple[str, Sequence[str]],
    segments: int = SEGMENTS,
) -> None:
    """Show every page of a table to ``see``: its items that fit, and how many were read.

    ``where`` is an attribute and the words of which it has to be one; what does not fit is read and
    paid for too. ``see`` is called by one thread at a time.
    """
    request = _request(table, attributes, where)
    ended, turn = Event(), Lock()

    def read(segment: int) -> None:
        pages: dict[str, Any] = {**request, "Segment": segment, "TotalSegments": segments}
        while not ended.is_set():
            with aws.verdicts("dynamodb", of=table):
                page = aws.client("dynamodb", attempts=TRIES).scan(**pages)
            with turn:
                see([loads_image(item) for item in page["Items"]], page["ScannedCount"])
            if "LastEvaluatedKey" not in page:
                return
            pages["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    try:
        outcomes = concurrently(_ending(read, ended), range(segments), at_once=segments)
    finally:
        ended.set()  # Ctrl-C reaches the caller alone
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def _ending(read: Callable[[int], None], ended: Event) -> Callable[[int], None]:
    """Let the failure of one segment end all of them."""

    def read_or_end(segment: int) -> None:
        try:
            read(segment)
        except BaseException:
            ended.set()
            raise

    return read_or_end


def _request(table: str, attributes: Sequence[str], where: tuple[str, Sequence[str]]) -> dict[str, Any]:
    name, words = where
    values = {f":v{at}": word for at, word in enumerate(words)}
    wanted = [f"#a{at}" for at in range(len(attributes))]
    return {
        "TableName": table,
        "ProjectionExpression": ", ".join(wanted),
        "FilterExpression": f"#where IN ({', '.join(values)})",
        "ExpressionAttributeNames": {**dict(zip(wanted, attributes, strict=True)), "#where": name},
        "ExpressionAttributeValues": dumps_item(values),
    }
