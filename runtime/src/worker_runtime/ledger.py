"""Who does the work of which key: Powertools' persistence layers, their answers turned into verdicts.

Imported only for a worker that declares ``idempotency``.
"""

from __future__ import annotations

import time
import warnings
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
    IdempotencyValidationError,
)

from worker_runtime import clock
from worker_runtime.clients import aws
from worker_runtime.clients.redis import connect
from worker_runtime.clients.time_left import left_s
from worker_runtime.errors import Reject, Retry, Verdict
from worker_runtime.ledger_keys import NO_KEY, key_of, value_of
from worker_runtime.middleware.idempotency import KEY_PREFIX, Busy, Claim, Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
    from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord

    from worker_runtime.middleware.idempotency import Idempotency
    from worker_runtime.settings import Environment

LONGEST_S: Final = 900.0  # CreateFunction, Timeout: no claim outlives an invocation
TRIES: Final = 3  # an entry may go between the two looks that are taken at it
AGAIN_S: Final = 1.0


def ledger_of(declared: Idempotency, *, worker: str, environment: Environment) -> PersistedLedger:
    """Return the ledger that a worker declares; it connects on first use."""
    if declared.table is not None:
        table = environment.named("table", declared.table)
        items = Items(table, key_names=declared.key_names)
        return PersistedLedger(items, items.calling, declared, worker=worker)
    from aws_lambda_powertools.utilities.idempotency.persistence.cache import (  # noqa: PLC0415 - only who keeps it there
        CachePersistenceLayer,
    )

    connection: Any = connect(environment.named("redis", str(declared.redis)))  # it wants a narrower one
    with warnings.catch_warnings():  # Powertools 3.37: its old name and its new one are one class, deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        layer = CachePersistenceLayer(client=connection)
    return PersistedLedger(layer, _redis_calling, declared, worker=worker)


class PersistedLedger:
    """A ledger in a persistence layer of Powertools; may be shared by threads."""

    def __init__(
        self,
        layer: BasePersistenceLayer,
        calling: Callable[[], AbstractContextManager[None]],
        declared: Idempotency,
        *,
        worker: str,
    ) -> None:
        self._layer = layer
        self._calling = calling
        self._key = key_of(declared.key)
        self._unchanged = value_of(declared.unchanged or "`null`")
        config = IdempotencyConfig(
            event_key_jmespath="key",
            payload_validation_jmespath="unchanged" if declared.unchanged else "",
            expires_after_seconds=declared.expires_s,
            raise_on_no_idempotency_key=True,
            hash_function="sha256",
        )
        layer.configure(config, key_prefix=f"{KEY_PREFIX}{worker}")

    def begin(self, record: Mapping[str, Any], *, caller: str | None = None) -> Claim | Finished | Busy:
        """Claim the work of a raw record's key for its caller, or say what has become of it."""
        data = self._data(record, caller)
        for _ in range(TRIES):
            try:
                earlier = self._claimed(data)
            except IdempotencyItemNotFoundError:
                continue
            except IdempotencyValidationError as error:
                reason = "the same key came with other data before"
                raise Reject("IDEMPOTENCY_MISMATCH", reason) from error
            if earlier is None:
                return Claim(data)
            if entry := _entry(earlier):
                return entry
        raise Retry(AGAIN_S, reason="idempotency: its entry changes too fast")

    def finish(self, claim: Claim, result: Any) -> None:
        """Keep the result of work that is done."""
        with self._calling():
            self._layer.save_success(data=dict(claim.data), result=result)

    def release(self, claim: Claim) -> None:
        """Give the work back: whoever comes next does it."""
        with self._calling():
            self._layer.delete_record(data=dict(claim.data), exception=Exception("it was not done"))

    def _claimed(self, data: dict[str, Any]) -> DataRecord | None:
        """Claim a key and return None, or the entry of whoever did so before."""
        remaining_ms = int(max(min(left_s(), LONGEST_S), 0) * 1000)
        try:
            with self._calling():
                self._layer.save_inprogress(data=data, remaining_time_in_millis=remaining_ms)
        except IdempotencyItemAlreadyExistsError as exists:
            if exists.old_data_record is not None:
                return exists.old_data_record
            with self._calling():
                return self._layer.get_record(data=data)
        return None

    def _data(self, record: Mapping[str, Any], caller: str | None) -> dict[str, Any]:
        """Read a record's key; what cannot be read, or is not there, is a Reject.

        In a list, for no key may be made to look like one that belongs to a caller.
        """
        try:
            key, unchanged = self._key(record), self._unchanged(record)
        except Verdict:
            raise
        except Exception as error:
            raise Reject(NO_KEY, f"it cannot be read: {type(error).__name__}") from error
        return {"key": [key] if caller is None else [key, caller], "unchanged": unchanged}


class Items(DynamoDBPersistenceLayer):
    """Entries as items: the hash key says worker and key, a range key says what they are."""

    def __init__(self, table: str, *, key_names: tuple[str, ...]) -> None:
        self._hash, *self._range = key_names
        super().__init__(table, key_attr=self._hash, expiry_attr="ttl", boto3_client=aws.client("dynamodb"))

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Use a client that fits into what is left of the invocation; its errors are verdicts."""
        self.client = aws.client("dynamodb")
        with aws.verdicts("dynamodb", of=self.table_name):
            yield

    def _get_key(self, idempotency_key: str) -> dict[str, Any]:
        key = {self._hash: {"S": idempotency_key}}
        return key | {name: {"S": KEY_PREFIX.rstrip("#")} for name in self._range}


@contextmanager
def _redis_calling() -> Iterator[None]:
    from redis.exceptions import RedisError  # noqa: PLC0415 - with the first use

    try:
        yield
    except RedisError as error:
        raise Retry(reason=f"redis: {type(error).__name__}") from error


def _entry(earlier: DataRecord) -> Finished | Busy | None:
    """Say what an entry means; None where it has expired meanwhile and may be claimed."""
    if earlier.status == "COMPLETED":
        return Finished(earlier.response_data or "null")
    if earlier.status != "INPROGRESS":
        return None
    until_ms = earlier.in_progress_expiry_timestamp
    if until_ms is None:
        return Busy(None)
    machine_s = float(until_ms) / 1000 - time.time()  # Powertools' entries are in the machine's time
    return Busy(machine_s * clock.current().speed) if machine_s > 0 else None
