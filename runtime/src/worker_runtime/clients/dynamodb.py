"""One DynamoDB table: items in and out as plain dicts, a failed condition as a return value.

Errors are raised as verdicts (``aws_verdicts``). In conditions ``#name`` stands for the attribute
``name`` (needed for DynamoDB's reserved words) and ``:name`` for ``values["name"]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.clients import aws
from worker_runtime.clients.aws_verdicts import code_of
from worker_runtime.clients.dynamodb_batches import GETS_A_CALL, PUTS_A_CALL, drained
from worker_runtime.clients.dynamodb_expressions import names_in, values_of
from worker_runtime.clients.dynamodb_writes import Put, Update, cancelled, transaction
from worker_runtime.dynamodb_json import dumps_item, loads_image
from worker_runtime.errors import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from worker_runtime.clients.dynamodb_batches import Requests

    Item = dict[str, Any]

__all__ = ["Put", "Table", "Update"]


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
        return self._write("put_item", Put(item, condition, values or {}))

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
        return self._write("update_item", Update(keys, set or {}, add or {}, remove, condition, values or {}))

    def transact(self, writes: Sequence[Update | Put]) -> bool:
        """Make up to 100 writes, all or none; False where a condition failed and nothing was written.

        They are of different items. The SDK's retries repeat its token, so that no answer that was
        lost makes a second write, nor a False.
        """
        try:
            self._call_unnamed("transact_write_items", TransactItems=transaction(writes, table=self.name))
        except Retry as verdict:
            error = verdict.__cause__
            if error is None or code_of(error) != "TransactionCanceledException":
                raise
            why = cancelled(getattr(error, "response", {}).get("CancellationReasons", ()))
            if why is not None:
                raise why from error
            return False
        return True

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
        request = _asked(key, values=values, index=index, keep=keep) | {
            "ScanIndexForward": not backwards,
            "ConsistentRead": consistent,
            "Limit": page_size,
            "ExclusiveStartKey": dumps_item(after) if after else None,
        }
        for page in self._pages({name: value for name, value in request.items() if value is not None}):
            yield from map(loads_image, page["Items"])

    def count(self, key: str, *, values: Mapping[str, Any], index: str | None = None) -> int:
        """Count the items of a key condition; they are read, and paid for, all the same."""
        request = _asked(key, values=values, index=index) | {"Select": "COUNT"}
        return sum(page["Count"] for page in self._pages(request))

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
            left = drained(pending, table=self.name, call=read)
            if left:
                raise Retry(reason=f"dynamodb BatchGetItem: {len(left)} keys stayed unprocessed")
        return [found.get(_identity(key)) for key in keys]

    def batch_put(
        self, items: Sequence[Mapping[str, Any]], *, unprocessed: Callable[[int], None] | None = None
    ) -> list[Item]:
        """Write whole items without a condition and return those that are not known to be written.

        Keys must differ. What was throttled is tried eight times; after a time-out nothing is
        repeated (the SDK's retries are off), since a late repeat would overwrite newer changes.
        ``unprocessed`` is told how many items each further try repeats.
        """

        def write(pending: Requests) -> Requests:
            answer = self._call_unnamed("batch_write_item", attempts=1, RequestItems={self.name: pending})
            return list(answer["UnprocessedItems"].get(self.name, ()))

        requests = [{"PutRequest": {"Item": dumps_item(item)}} for item in items]
        left: Requests = []
        for start in range(0, len(requests), PUTS_A_CALL):
            part = requests[start : start + PUTS_A_CALL]
            left += drained(part, table=self.name, call=write, again=unprocessed)
        return [loads_image(request["PutRequest"]["Item"]) for request in left]

    def _pages(self, request: dict[str, Any]) -> Iterator[Any]:
        """Yield the pages of a Query as they are asked for."""
        while True:
            page = self._call("query", **request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _write(self, operation: str, write: Update | Put) -> bool:
        try:
            self._call(operation, **write.request())
        except Retry as verdict:
            if verdict.__cause__ and code_of(verdict.__cause__) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _call(self, operation: str, **request: Any) -> Any:
        return self._call_unnamed(operation, TableName=self.name, **request)

    def _call_unnamed(self, operation: str, *, attempts: int = 3, **request: Any) -> Any:
        with aws.verdicts("dynamodb", of=self.name):
            return getattr(aws.client("dynamodb", attempts=attempts), operation)(**request)


def _asked(
    key: str, *, values: Mapping[str, Any], index: str | None, keep: str | None = None
) -> dict[str, Any]:
    """Return what every page of a Query asks."""
    request = {
        "KeyConditionExpression": key,
        "FilterExpression": keep,
        "IndexName": index,
        "ExpressionAttributeNames": names_in(key, keep or ""),
        "ExpressionAttributeValues": dumps_item(values_of(values)),
    }
    return {name: value for name, value in request.items() if value}


def _identity(keys: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(keys.items())
