"""Items that were written into tables, known by their table and key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.lineage.calls.effects import Effect
from worker_runtime.local.stage.lineage.prints import set_by
from worker_runtime.local.stage.lineage.raw_records import key_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker_runtime.local.stage.lineage.happenings import Keys


def written(
    verb: str, call: Mapping[str, Any], answer: Mapping[str, Any], *, keys: Keys, error: str | None
) -> list[Effect]:
    """Read ``PutItem``, ``UpdateItem``, ``DeleteItem``, ``BatchWriteItem`` and ``TransactWriteItems``."""
    if verb == "BatchWriteItem":
        effects = list(_batch(call, keys=keys, error=error))
        undone = {(each.target, each.thing) for each in _batch(_unprocessed(answer), keys=keys, error=None)}
        return [each for each in effects if (each.target, each.thing) not in undone]
    if verb == "TransactWriteItems":
        return [
            _write(f"{action}Item", asked, keys=keys, error=error)
            for each in call.get("TransactItems", ())
            for action, asked in each.items()
            if action != "ConditionCheck"
        ]
    return [_write(verb, call, keys=keys, error=error)]


def _batch(call: Mapping[str, Any], *, keys: Keys, error: str | None) -> Iterator[Effect]:
    for table, requests in call.get("RequestItems", {}).items():
        for request in requests:
            for action, asked in request.items():
                verb = f"{action.removesuffix('Request')}Item"
                yield _write(verb, {"TableName": table, **asked}, keys=keys, error=error)


def _unprocessed(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"RequestItems": answer.get("UnprocessedItems") or {}}


def _write(verb: str, call: Mapping[str, Any], *, keys: Keys, error: str | None) -> Effect:
    table = str(call.get("TableName", "")).rsplit("/", 1)[-1]
    item = call.get("Item")
    key = call.get("Key") or {name: item[name] for name in keys.get(table, ()) if item and name in item}
    sets = item or set_by(call)
    return Effect(verb=verb, kind="item", target=table, thing=key_text(key), sets=sets, error=error)
