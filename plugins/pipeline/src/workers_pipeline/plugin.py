"""What Lambda needs of the plugin: its settings, and who serves what its worker asks for."""

from __future__ import annotations

from worker_runtime import Environment, Provided, hookimpl, provide
from workers_pipeline.avro_files import AvroFiles
from workers_pipeline.data_types import DEMAND_DATA_TYPES
from workers_pipeline.partitions import PartitionPolicy
from workers_pipeline.services import Warehouse
from workers_pipeline.settings import PipelineSettings
from workers_pipeline.tables import Tables

WORKER_API = (1, 0)


@hookimpl
def settings() -> type[PipelineSettings]:
    """Name the type that the settings files fill."""
    return PipelineSettings


@hookimpl
def services() -> list[Provided]:
    """Offer what the worker asks for."""
    return [policy, tables, files, warehouse]


@provide
def policy() -> PartitionPolicy:
    """Part changes by when they were made."""
    return PartitionPolicy()


@provide
def tables(settings: PipelineSettings, policy: PartitionPolicy) -> Tables:
    """Compose the tables of the types that are delivered."""
    return Tables(DEMAND_DATA_TYPES, policy=policy, salt=settings.delivery.salt.reveal)


@provide
def files(settings: PipelineSettings) -> AvroFiles:
    """Write files of the codec that the settings name."""
    return AvroFiles(settings.delivery.codec)


@provide
def warehouse(environment: Environment) -> Warehouse:
    """Store files in S3."""
    from workers_pipeline.adapters.s3 import S3Warehouse  # noqa: PLC0415 - only where it is made

    return S3Warehouse(environment.named("bucket", "demand-capture"))
