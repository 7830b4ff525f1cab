"""What a worker may do to what: least privilege, by logical name.

The manifest hands grants to Terraform, which makes the IAM policy, and names the environment
variable in which the resource's real name arrives.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from worker_runtime.errors import DeclarationError

Kind = Literal["table", "index", "queue", "stream", "cluster", "bucket", "secret", "redis", "role"]

SPILLED: Final = "dead-letters/*"
"""The keys of what no message can carry; ``dead_letters`` makes them."""

_WORDS: Final = {
    "table": ("TABLE",),
    "queue": ("QUEUE", "URL"),
    "stream": ("STREAM", "ARN"),
    "cluster": ("CLUSTER", "ARN"),
    "bucket": ("BUCKET",),
    "secret": ("SECRET", "ID"),
    "redis": ("REDIS", "URL"),
    "role": ("ROLE", "ARN"),
}


class Grant(Struct, frozen=True):
    """Permission for ``actions`` (IAM names) on one resource, by its logical name.

    ``keys`` narrows it to items whose hash key fits one of these patterns (IAM's
    ``dynamodb:LeadingKeys``, compared as StringLike), a bucket's to objects whose key does; without any it
    holds for all.
    """

    kind: Kind
    name: str
    actions: tuple[str, ...]
    keys: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable that carries the resource's real name."""
        return variable(self.kind, self.name)

    @property
    def read_only_variable(self) -> str | None:
        """That of the resource's replica, which may be left out; only Redis clusters have one."""
        if self.kind != "redis":
            return None
        return f"{self.variable.removesuffix('_URL')}_READ_ONLY_URL"


def variable(kind: Kind, name: str) -> str:
    """Name the environment variable of a resource: queue ``save-entries`` is SAVE_ENTRIES_QUEUE_URL.

    A name that says its kind already does not say it twice: table ``demand-table`` is DEMAND_TABLE.
    """
    stem = name.partition("/")[0].replace("-", "_").replace(".", "_").upper()
    said, *rest = _WORDS["table" if kind == "index" else kind]
    words = rest if stem.endswith(f"_{said}") else (said, *rest)
    return "_".join((stem, *words))


def reads(table: str) -> Grant:
    """Let the worker get single items of a table."""
    return Grant("table", table, ("dynamodb:GetItem",))


def batch_reads(table: str) -> Grant:
    """Let the worker get items of a table in batches."""
    return Grant("table", table, ("dynamodb:BatchGetItem",))


def queries(table: str, *, index: str | None = None) -> Grant:
    """Let the worker query a table, or one index of it."""
    if index is None:
        return Grant("table", table, ("dynamodb:Query",))
    return Grant("index", f"{table}/{index}", ("dynamodb:Query",))


def puts(table: str, *, keys: tuple[str, ...] = ()) -> Grant:
    """Let the worker put single items into a table; only under hash keys like ``keys``, where given.

    ``puts("demand-table", keys=("MSG#*",))``
    """
    given: object = keys
    if not isinstance(given, tuple) or not all(given):
        raise DeclarationError(f'puts({table!r}): keys is {keys!r}; say a tuple of patterns, as ("MSG#*",).')
    return Grant("table", table, ("dynamodb:PutItem",), keys)


def batch_writes(table: str) -> Grant:
    """Let the worker put items into a table in batches, which overwrite what is there."""
    return Grant("table", table, ("dynamodb:BatchWriteItem",))


def updates(table: str) -> Grant:
    """Let the worker update single items of a table."""
    return Grant("table", table, ("dynamodb:UpdateItem",))


def sends(queue: str) -> Grant:
    """Let the worker send messages to a queue."""
    return Grant("queue", queue, ("sqs:SendMessage",))


def stores(bucket: str, *, keys: tuple[str, ...] = ()) -> Grant:
    """Let the worker put objects into a bucket; only under keys like ``keys``, where given.

    ``stores("reports", keys=("daily/*",))``
    """
    given: object = keys
    if not isinstance(given, tuple) or not all(given):
        raise DeclarationError(
            f'stores({bucket!r}): keys is {keys!r}; say a tuple of patterns, as ("daily/*",).'
        )
    return Grant("bucket", bucket, ("s3:PutObject",), keys)


def spills(bucket: str | None) -> tuple[Grant, ...]:
    """Let a source put what no message can carry into its spill bucket, where it has one."""
    return () if bucket is None else (stores(bucket, keys=(SPILLED,)),)


def secret(name: str) -> Grant:
    """Let the worker read a secret."""
    return Grant("secret", name, ("secretsmanager:GetSecretValue",))


def assumes(role: str) -> Grant:
    """Let the worker take on a role, as another account's service wants it to."""
    return Grant("role", role, ("sts:AssumeRole",))


def cache(name: str) -> Grant:
    """Let the worker reach a Redis cluster; that is a network path and needs no IAM action."""
    return Grant("redis", name, ())
