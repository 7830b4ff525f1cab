"""What is written to a table: whole items and changes of items, each alone or several in a transaction.

Values are plain; in conditions ``#name`` stands for the attribute ``name`` and ``:name`` for
``values["name"]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from worker_runtime.clients.aws_verdicts import shout
from worker_runtime.clients.dynamodb_expressions import names_in, update_expression, values_of
from worker_runtime.dynamodb_json import dumps_item
from worker_runtime.errors import Retry, ServiceRefused, Verdict

WRITES_A_TRANSACTION: Final = 100  # TransactWriteItems
PASSING: Final = frozenset({"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"})
CONDITION_FAILED: Final = "ConditionalCheckFailed"


class Put(Struct, frozen=True):
    """A whole item, written where its condition holds."""

    item: Mapping[str, Any]
    condition: str = ""
    values: Mapping[str, Any] = {}

    def request(self) -> dict[str, Any]:
        """Return it as PutItem and TransactWriteItems take it, but for the table."""
        return {"Item": dumps_item(self.item), **_conditional(self.condition, self.values)}


class Update(Struct, frozen=True):
    """Attributes of one item to set, add to and remove, where its condition holds.

    A dot leads into a map (``"status.id"``). Without a condition an absent item is created.
    """

    keys: Mapping[str, Any]
    set: Mapping[str, Any] = {}
    add: Mapping[str, Any] = {}
    remove: Sequence[str] = ()
    condition: str = ""
    values: Mapping[str, Any] = {}

    def request(self) -> dict[str, Any]:
        """Return it as UpdateItem and TransactWriteItems take it, but for the table."""
        change, placed = update_expression(to_set=self.set, to_add=self.add, to_remove=self.remove)
        conditional = _conditional(self.condition, self.values, change=change, placed=placed)
        return {"Key": dumps_item(self.keys), "UpdateExpression": change, **conditional}


def transaction(writes: Sequence[Update | Put], *, table: str) -> list[dict[str, Any]]:
    """Return the TransactItems of writes to one table; ValueError where DynamoDB takes not so many."""
    if not 1 <= len(writes) <= WRITES_A_TRANSACTION:
        raise ValueError(
            f"transact() has {len(writes)} writes; DynamoDB takes 1 to {WRITES_A_TRANSACTION} at once."
        )
    return [{type(write).__name__: {"TableName": table, **write.request()}} for write in writes]


def cancelled(reasons: Sequence[Mapping[str, Any]]) -> Verdict | None:
    """Return why a transaction was cancelled; None where a condition failed, which is no error.

    Load and conflicts with others pass; what DynamoDB finds wrong with a write does not. Texts hold
    codes only: DynamoDB's messages may quote what was written.
    """
    codes = [reason["Code"] for reason in reasons if reason.get("Code", "None") != "None"]
    if CONDITION_FAILED in codes:
        return None
    what = f"dynamodb TransactWriteItems: {', '.join(codes) or 'cancelled'}"
    lasting = [code for code in codes if code not in PASSING]
    return ServiceRefused(shout(lasting[0]), what) if lasting else Retry(reason=what)


def _conditional(
    condition: str, values: Mapping[str, Any], *, change: str = "", placed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    request = {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names_in(change, condition),
        "ExpressionAttributeValues": dumps_item({**(placed or {}), **values_of(values)}),
    }
    return {name: value for name, value in request.items() if value}
