"""A plugin-based worker runtime for AWS Lambda: all that a plugin may import.

Beside ``worker_runtime.clients`` and ``worker_runtime.testing``. Names are resolved when they are
first used, so that a cold start imports only what its worker needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker_runtime.errors import Defer, Halt, Reject, Retry, ServiceRefused, Skip, Verdict
    from worker_runtime.grants import (
        Grant,
        assumes,
        batch_reads,
        batch_writes,
        cache,
        puts,
        queries,
        reads,
        secret,
        sends,
        stores,
        updates,
    )
    from worker_runtime.hookspecs import hookimpl
    from worker_runtime.invocation import Invocation
    from worker_runtime.middleware import Middleware
    from worker_runtime.middleware.correlation import correlation_id
    from worker_runtime.middleware.idempotency import Idempotency
    from worker_runtime.middleware.metrics import Metrics
    from worker_runtime.records import Batch, Change, Record
    from worker_runtime.redaction import may_be_personal, personal, redact, redact_text
    from worker_runtime.services import Provided, provide
    from worker_runtime.settings import Environment, Secret, Settings
    from worker_runtime.sources.api_gateway import ApiGateway
    from worker_runtime.sources.appsync import AppSync
    from worker_runtime.sources.appsync_authorizer import AppSyncAuthorizer
    from worker_runtime.sources.appsync_record import FieldRequest, Identity
    from worker_runtime.sources.authorization import Authorization
    from worker_runtime.sources.event_bridge import EventBridge
    from worker_runtime.sources.firehose import Firehose, Transformed
    from worker_runtime.sources.http_request import HttpRequest
    from worker_runtime.sources.http_response import HttpResponse
    from worker_runtime.sources.invoke import Invoke
    from worker_runtime.sources.kafka import Kafka
    from worker_runtime.sources.kinesis import Kinesis
    from worker_runtime.sources.s3 import S3
    from worker_runtime.sources.s3_record import S3Object
    from worker_runtime.sources.schedule import Schedule
    from worker_runtime.sources.sns import Sns
    from worker_runtime.sources.sqs import Sqs
    from worker_runtime.sources.table_stream import TableStream
    from worker_runtime.sources.token_authorizer import TokenAuthorizer
    from worker_runtime.threads import concurrently
    from worker_runtime.workers import Stack, Worker, worker
else:
    _HOMES = {
        "errors": "Defer Halt Reject Retry ServiceRefused Skip Verdict",
        "grants": "Grant assumes batch_reads batch_writes cache puts queries reads secret sends stores "
        "updates",
        "hookspecs": "hookimpl",
        "invocation": "Invocation",
        "middleware": "Middleware",
        "middleware.correlation": "correlation_id",
        "middleware.idempotency": "Idempotency",
        "middleware.metrics": "Metrics",
        "records": "Batch Change Record",
        "redaction": "may_be_personal personal redact redact_text",
        "services": "Provided provide",
        "settings": "Environment Secret Settings",
        "sources.api_gateway": "ApiGateway",
        "sources.appsync": "AppSync",
        "sources.appsync_authorizer": "AppSyncAuthorizer",
        "sources.appsync_record": "FieldRequest Identity",
        "sources.authorization": "Authorization",
        "sources.event_bridge": "EventBridge",
        "sources.firehose": "Firehose Transformed",
        "sources.http_request": "HttpRequest",
        "sources.http_response": "HttpResponse",
        "sources.invoke": "Invoke",
        "sources.kafka": "Kafka",
        "sources.kinesis": "Kinesis",
        "sources.s3": "S3",
        "sources.s3_record": "S3Object",
        "sources.schedule": "Schedule",
        "sources.sns": "Sns",
        "sources.sqs": "Sqs",
        "sources.table_stream": "TableStream",
        "sources.token_authorizer": "TokenAuthorizer",
        "threads": "concurrently",
        "workers": "Stack Worker worker",
    }
    _HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415 - only where a name is asked for

        if name not in _HOME:
            raise AttributeError(f"worker_runtime has no {name!r}")
        value = getattr(import_module(f"worker_runtime.{_HOME[name]}"), name)
        globals()[name] = value
        return value


__all__ = [
    "S3",
    "ApiGateway",
    "AppSync",
    "AppSyncAuthorizer",
    "Authorization",
    "Batch",
    "Change",
    "Defer",
    "Environment",
    "EventBridge",
    "FieldRequest",
    "Firehose",
    "Grant",
    "Halt",
    "HttpRequest",
    "HttpResponse",
    "Idempotency",
    "Identity",
    "Invocation",
    "Invoke",
    "Kafka",
    "Kinesis",
    "Metrics",
    "Middleware",
    "Provided",
    "Record",
    "Reject",
    "Retry",
    "S3Object",
    "Schedule",
    "Secret",
    "ServiceRefused",
    "Settings",
    "Skip",
    "Sns",
    "Sqs",
    "Stack",
    "TableStream",
    "TokenAuthorizer",
    "Transformed",
    "Verdict",
    "Worker",
    "assumes",
    "batch_reads",
    "batch_writes",
    "cache",
    "concurrently",
    "correlation_id",
    "hookimpl",
    "may_be_personal",
    "personal",
    "provide",
    "puts",
    "queries",
    "reads",
    "redact",
    "redact_text",
    "secret",
    "sends",
    "stores",
    "updates",
    "worker",
]
