"""Node.js beside us, where it is: middy and Powertools for TypeScript on an SQS batch, and a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import node_delivery
import ours
from node_process import Absent, node
from rounds import Case, row_of
from sample_events import sqs_text
from table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES: Final = ("@middy/core", "@aws-lambda-powertools/batch")
PATH: Final = "SQS, 1,000 messages, beside Node.js"


def rows(*, rounds: int) -> list[Row]:
    """Time both beside ours, each in a process of its own; a row says why where it cannot be measured."""
    return [_told(PATH, _batch, rounds), _told(node_delivery.PATH, node_delivery.row, rounds)]


def _told(path: str, measured: Callable[[int], Row], rounds: int) -> Row:
    try:
        return measured(rounds)
    except Absent as why:
        return Row(path, 0, remark=f"not measured: {why}")


def _batch(rounds: int) -> Row:
    text = sqs_text(1000)
    with node("_node.mjs", packages=PACKAGES, files={"event.json": text}) as running:
        peers = {f"middy + Powertools {kind}, node": running.candidate(kind) for kind in ("async", "sync")}
        row = row_of(Case(PATH, text, ours.running(ours.take_message), peers), rounds=rounds)
        return row._replace(remark=running.versions)
