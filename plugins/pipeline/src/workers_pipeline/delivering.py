"""Table changes in, Avro files out: a file a table and partition, and all of them or none."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec import Raw

from worker_runtime import Batch, Change, Metrics, Reject, Skip, TableStream, secret, stores, worker
from workers_pipeline.avro_files import AvroFiles
from workers_pipeline.data_types import DEMAND_DATA_TYPES, changes_of
from workers_pipeline.layout import AVRO, Span, object_key
from workers_pipeline.services import Warehouse
from workers_pipeline.stacks import PIPELINE
from workers_pipeline.tables import Tables

if TYPE_CHECKING:
    from workers_pipeline.tables import Place


@worker(
    TableStream(
        "demand-table",
        kinesis="dmnd-table-stream",
        batch_size=1000,
        parallelization=2,
        on_failure="repeat",  # the same batch makes the same files, so that what was stored is stored over
        bisect=False,
        retries=-1,
        max_age_s=43_200,
        dead_letters="delivery-worker-dlq",
        spill_bucket="delivery-dead-letters",
        enhanced_fan_out=True,
        filters=changes_of(DEMAND_DATA_TYPES),
    ),
    stack=PIPELINE,
    grants=(stores("demand-capture", keys=(f"{AVRO}*",)), secret("pipeline-hashes")),
    timeout_s=120,
)
def deliver_changes(
    batch: Batch[Change[Raw]], *, tables: Tables, files: AvroFiles, warehouse: Warehouse, metrics: Metrics
) -> None:
    """Store a batch's changes as Avro files, one for each table and partition."""
    rows = _placed(batch, tables)
    span = Span.of(batch.received)
    written = {}
    for (table, date), encoded in rows.items():
        key = object_key(table, partition_date=date, span=span)
        written[key] = files.written(encoded, schema=tables.avro(table), name=key)
    warehouse.store(written)
    _count(metrics, rows, written)


def _placed(batch: Batch[Change[Raw]], tables: Tables) -> dict[Place, list[str]]:
    """Encode rows by table and partition; what has none is marked, and costs the others nothing."""
    place = tables.placing()
    rows: defaultdict[Place, list[str]] = defaultdict(list)
    for record in batch:
        try:
            where, row = place(record.body)
        except (Reject, Skip) as verdict:
            batch.fail(record, verdict)
            continue
        rows[where].append(row)
    return rows


def _count(metrics: Metrics, rows: dict[Place, list[str]], written: dict[str, bytes]) -> None:
    by_table: Counter[str] = Counter()
    for (table, _), encoded in rows.items():
        by_table[table] += len(encoded)
    for table, count in by_table.items():
        metrics.count("RowsWritten", count, of={"type": table})
    metrics.count("ObjectsWritten", len(written))
    metrics.count("BytesWritten", sum(map(len, written.values())))
