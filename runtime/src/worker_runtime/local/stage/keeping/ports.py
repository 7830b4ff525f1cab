"""The ports of a stage's parts: the same ones after a restart, so that whoever was told them finds them."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from worker_runtime.local.stage.keeping.memory import Memory

_log = logging.getLogger(__name__)


def kept_port(memory: Memory, part: str) -> int:
    """Choose the port of a part: the one it had, unless somebody else listens there by now."""
    had = {name: int(port) for name, port in memory.read("port")}.get(part)
    if had is not None and _is_free(had):
        return had
    port = free_port()
    if had is not None:
        _log.warning("port %d, where the %s was, is taken by now; it is at %d", had, part, port)
    memory.put("port", part, str(port).encode())
    return port


def _is_free(port: int) -> bool:
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True
