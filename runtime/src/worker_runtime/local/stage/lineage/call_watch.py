"""Watches the workers' calls to AWS at the gateway, and notes those that make something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.lineage.calls.reading import is_told
from worker_runtime.local.stage.lineage.happenings import Called
from worker_runtime.local.stage.parts.http_wire import headers_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker_runtime.local.offers import OutsideTable
    from worker_runtime.local.stage.lineage.happenings import Keys
    from worker_runtime.local.stage.lineage.journal import Journal
    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.parts.http_wire import WireMessage

_ROOT: Final = re.compile(r"Root=1-[0-9a-f]{8}-([0-9a-f]{24})")
"""The SDK itself names the trace of the invocation in which it is used (botocore, recursion detection)."""


class CallWatch:
    """Is told of each call that the gateway answered, before the caller is."""

    def __init__(self, journal: Journal, *, keys: Keys) -> None:
        self._journal = journal
        self._keys = keys

    def __call__(self, request: WireMessage, answer: bytes) -> None:
        """Note a call; a call outside invocations names no trace."""
        headers = headers_of(request.head)
        if is_told(request, headers.get("x-amz-target")):
            root = _ROOT.search(headers.get("x-amzn-trace-id", ""))
            trace = root[1] if root else ""
            self._journal.note(Called(trace, request.head, request.body, answer, self._keys))


def keys_of(tables: Iterable[OutsideTable], *, names: Names) -> Keys:
    """List the key attributes of tables by their real names: a put names its key nowhere else."""
    return {
        names.named("table", table.name): tuple(filter(None, (table.hash_key, table.range_key)))
        for table in tables
    }
