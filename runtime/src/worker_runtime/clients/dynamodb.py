"""One DynamoDB table: items in and out as plain dicts, a failed condition as a return value.

Errors are raised as verdicts (``aws_verdicts``). In conditions ``#name`` stands for the attribute
``name`` (needed for DynamoDB's reserved words) and ``:name`` for ``values["name"]``.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import clock
from worker_runtime.clients import aws
from worker_runtime.clients.aws_verdicts import code_of, is_throttle
from worker_runtime.clients.dynamodb_expressions import names_in, update_expression, values_of
from worker_runtime.dynamodb_json import dumps_item, loads_image
from worker_runtime.errors import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Item = dict[str, Any]
    Requests = list[dict[str, Any]]  # encoded keys or puts of a batch call

PUTS_A_CALL: Final = 25  # BatchWriteItem's limit
GETS_A_CALL: Final = 100  # BatchGetItem's limit
TRIES: Final = 8
FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 3.2

log = logging.getLogger(__name__)


class Table:
    """A table by its physical name; connects on first use and may be shared by threads."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, keys: Mapping[str, Any], *, consistent: bool = False) -> Item | None:
        """Return the item, or None where there is none."""
        answer = self._call("get_item", Key=dumps_item(keys), ConsistentRead=consistent)
        return loads_image(answer["Item"]) if "Item" in answer else None

    def put(
        self, item: Mapping[str, Any], *, condition: str = "", values: Mapping[str, Any] | None = None
    ) -> bool:
        """Write the whole item; False where the condition failed and nothing was written."""
        return self._write("put_item", Item=dumps_item(item), **_conditional(condition, values or {}))

    def update(  # noqa: PLR0913 - the parts of one UpdateItem
        self,
        keys: Mapping[str, Any],
        *,
        set: Mapping[str, Any] | None = None,  # noqa: A002 - DynamoDB's own word
        add: Mapping[str, Any] | None = None,
        remove: Sequence[str] = (),
        condition: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        """Change attributes of the item; False where the condition failed and nothing was changed.

        A dot leads into a map (``"status.id"``). Without a condition an absent item is created.
        False may also mean one's own first try, where its answer was lost: read again.
        """
        change, placed = update_expression(to_set=set or {}, to_add=add or {}, to_remove=remove)
        request = _conditional(condition, values or {}, change=change, placed=placed)
        return self._write("update_item", Key=dumps_item(keys), UpdateExpression=change, **request)

    def query(  # noqa: PLR0913 - the parts of one Query
        self,
        key: str,
        *,
        values: Mapping[str, Any],
        index: str | None = None,
        keep: str | None = None,
        backwards: bool = False,
        consistent: bool = False,
        page_size: int | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> Iterator[Item]:
        """Yield the items of a key condition, page after page as they are asked for.

        ``key`` is like ``"PK = :pk AND begins_with(SK, :sk)"``, ``keep`` filters what was read and
        paid for, ``after`` holds the keys (and the index's) of the last item of an earlier run.
        """
        request: dict[str, Any] = {
            "KeyConditionExpression": key,
            "ExpressionAttributeValues": dumps_item(values_of(values)),
            "ScanIndexForward": not backwards,
            "ConsistentRead": consistent,
        }
        optional = {
            "ExpressionAttributeNames": names_in(key, keep or ""),
            "FilterExpression": keep,
            "IndexName": index,
            "Limit": page_size,
            "ExclusiveStartKey": dumps_item(after) if after else None,
        }
        request |= {name: value for name, value in optional.items() if value}
        while True:
            page = self._call("query", **request)
            yield from map(loads_image, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def batch_get(self, keys: Sequence[Mapping[str, Any]], *, consistent: bool = False) -> list[Item | None]:
        """Return one item or None for each of ``keys``, in their order; keys may repeat.

        Keys that DynamoDB still leaves unprocessed after eight tries are a Retry.
        """
        wanted = {_identity(key): key for key in keys}
        unread = list(wanted.values())
        found: dict[frozenset[tuple[str, Any]], Item] = {}

        def read(pending: Requests) -> Requests:
            asked = {self.name: {"Keys": pending, "ConsistentRead": consistent}}
            answer = self._call_unnamed("batch_get_item", RequestItems=asked)
            for item in map(loads_image, answer["Responses"].get(self.name, ())):
                found[_identity({name: item[name] for name in unread[0]})] = item
            return list(answer["UnprocessedKeys"].get(self.name, {}).get("Keys", ()))

        for start in range(0, len(unread), GETS_A_CALL):
            pending = [dumps_item(key) for key in unread[start : start + GETS_A_CALL]]
            left = self._drain(pending, call=read)
            if left:
                raise Retry(reason=f"dynamodb BatchGetItem: {len(left)} keys stayed unprocessed")
        return [found.get(_identity(key)) for key in keys]

    def batch_put(self, items: Sequence[Mapping[str, Any]]) -> list[Item]:
        """Write whole items without a condition and return those that are not known to be written.

        Keys must differ. What was throttled is tried eight times; after a time-out nothing is
        repeated (the SDK's retries are off), since a late repeat would overwrite newer changes.
        """

        def write(pending: Requests) -> Requests:
            answer = self._call_unnamed("batch_write_item", attempts=1, RequestItems={self.name: pending})
            return list(answer["UnprocessedItems"].get(self.name, ()))

        requests = [{"PutRequest": {"Item": dumps_item(item)}} for item in items]
        left: Requests = []
        for start in range(0, len(requests), PUTS_A_CALL):
            left += self._drain(requests[start : start + PUTS_A_CALL], call=write)
        return [loads_image(request["PutRequest"]["Item"]) for request in left]

    def _write(self, operation: str, **request: Any) -> bool:
        try:
            self._call(operation, **request)
        except Retry as verdict:
            if verdict.__cause__ and code_of(verdict.__cause__) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _call(self, operation: str, **request: Any) -> Any:
        return self._call_unnamed(operation, TableName=self.name, **request)

    def _call_unnamed(self, operation: str, *, attempts: int = 3, **request: Any) -> Any:
        with aws.verdicts("dynamodb"):
            return getattr(aws.client("dynamodb", attempts=attempts), operation)(**request)

    def _drain(self, pending: Requests, *, call: Callable[[Requests], Requests]) -> Requests:
        """Call until nothing is pending, with growing waits; return what is left at the end."""
        waits_s = _waits_s()
        while pending:
            try:
                pending = call(pending)
            except Retry as verdict:
                if not is_throttle(verdict.__cause__):
                    log.warning("%s: %d requests are left undone: %s", self.name, len(pending), verdict)
                    break
            wait_s = next(waits_s, None)
            if not pending or wait_s is None or wait_s > clock.remaining_s():
                break
            clock.sleep(wait_s)
        return pending


def _waits_s() -> Iterator[float]:
    """Yield the waits between eight tries: full jitter under 50 ms, doubling to 3.2 s."""
    for doubled in range(TRIES - 1):
        yield random.uniform(0, min(FIRST_WAIT_S * 2**doubled, LONGEST_WAIT_S))


def _conditional(
    condition: str, values: Mapping[str, Any], *, change: str = "", placed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    request = {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names_in(change, condition),
        "ExpressionAttributeValues": dumps_item({**(placed or {}), **values_of(values)}),
    }
    return {name: value for name, value in request.items() if value}


def _identity(keys: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(keys.items())
