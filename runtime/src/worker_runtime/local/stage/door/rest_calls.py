"""The door at a gateway: a call of Lambda's Invoke API, as bytes on a connection, and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from worker_runtime.local.stage.door.door import API
from worker_runtime.local.stage.parts.http_server import Request
from worker_runtime.local.stage.parts.http_wire import headers_of

if TYPE_CHECKING:
    from worker_runtime.local.stage.door.door import Door
    from worker_runtime.local.stage.parts.http_server import Response
    from worker_runtime.local.stage.parts.http_wire import WireMessage


class InvokeCalls:
    """``RestCalls`` of a gateway: what invokes a worker goes to the door, all else passes."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def __call__(self, message: WireMessage) -> bytes | None:
        """Answer a call that invokes a worker; None lets it pass."""
        method, target, _ = message.start
        if not target.startswith(API):
            return None
        url = urlsplit(target)
        request = Request(
            method=method,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            headers=headers_of(message.head),
            body=message.body,
        )
        response = self._door.answer(request)
        return None if response is None else on_the_wire(response)


def on_the_wire(response: Response) -> bytes:
    """Write a response as it goes over a connection."""
    lines = [f"HTTP/1.1 {response.status} -"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines += [f"Content-Length: {len(response.body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + response.body
