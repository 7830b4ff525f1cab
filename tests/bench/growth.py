"""Whether a record of a large batch costs what one of a small batch does; microseconds a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ours
import powertools as pt
from rounds import Case, row_of
from sample_events import changes_text, sqs_text
from table import Goal, Peer, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from rounds import Candidate

SIZES = (10, 100, 1_000, 10_000)


def rows(*, rounds: int) -> list[Row]:
    """Measure queue messages and table changes, 10 to 10,000 at once."""
    powertools = pt.with_data_classes("sqs", pt.read_message)
    changes = pt.with_data_classes("changes", pt.read_change)
    return [
        *_grown("SQS", sqs_text, ours.running(ours.take_message), powertools, rounds),
        *_grown("DynamoDB stream", changes_text, ours.running(ours.take_change), changes, rounds),
    ]


def _grown(
    path: str, text: Callable[[int], str], own: Candidate, powertools: Candidate, rounds: int
) -> list[Row]:
    us: dict[int, float] = {}
    listed = []
    for size in SIZES:
        few = max(3, rounds // 5) if size > SIZES[2] else rounds
        row = row_of(Case(path, text(size), own, {"Powertools, data classes": powertools}), rounds=few)
        us[size] = row.ours / size * 1000
        peers = tuple(peer._replace(figure=peer.figure / size * 1000) for peer in row.peers)
        listed.append(Row(f"{path}, {size:,} at once, a record", us[size], peers, unit="us"))
    thousand = Peer("one of 1,000", us[1_000])
    goal = Goal(1.3, at_least=False)
    return [*listed, Row(f"{path}, a record of 10,000", us[10_000], (thousand,), goal, unit="us")]
