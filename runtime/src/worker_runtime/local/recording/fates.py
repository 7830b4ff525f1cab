"""What became of an event's records, by the worker's own lines; told alike when recorded and replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from worker_runtime.local.stage.lineage.log_lines import read_line
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from worker_runtime.local.recording.lines import Outcome
    from worker_runtime.local.stage.lineage.log_lines import Line


class Told(NamedTuple):
    """A record's outcome and why; None where nobody knows."""

    outcome: Outcome | None
    reason: str | None = None


def fates_of(ids: Sequence[str], *, printed: str, failed: Collection[str] | None) -> list[Told]:
    """Tell each record's fate from what an invocation printed; ``failed`` are the ids that its reply lists.

    Of whom the lines say nothing the worker is done, once it has summed up; ``failed`` is None where there
    is no reply.
    """
    lines = [line for text in printed.splitlines() if (line := read_line(text)) is not None]
    told = _told(ids, lines)
    summed_up = any(line.sums_up for line in lines)
    return [told.get(redact_text(each)) or _untold(each, failed, summed_up=summed_up) for each in ids]


def failed_in(reply: Any) -> set[str]:
    """List the ids that a reply says have failed, Kafka's as ``partition:offset``."""
    listed = reply.get("batchItemFailures") if isinstance(reply, dict) else None
    items = (each.get("itemIdentifier") for each in listed or () if isinstance(each, dict))
    return {
        f"{each.get('partition')}:{each.get('offset')}" if isinstance(each, dict) else str(each)
        for each in items
    }


def _told(ids: Sequence[str], lines: Iterable[Line]) -> Mapping[str, Told]:
    told = {}
    for line in lines:
        if line.outcome is not None and line.record is not None:
            known_as = (
                redact_text(ids[0]) if len(ids) == 1 else line.record
            )  # a lone event has an id of its own
            told[known_as] = Told(cast("Outcome", line.outcome), line.reason)
    return told


def _untold(record_id: str, failed: Collection[str] | None, *, summed_up: bool) -> Told:
    if failed is not None and record_id in failed:
        return Told("retry")
    return Told("done" if summed_up else None)
