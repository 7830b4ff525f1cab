"""What the emulator runs in a worker's place: hands each event to the door and posts what it says.

A script of its own, started by the emulator without this package on its path: the standard library only.
Its environment is the Runtime API's, and ``WORKER_DOOR``, the URL of the function at the door.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import sys
from urllib.parse import urlsplit

RUNTIME = "/2018-06-01/runtime/invocation"
THROTTLED = "Lambda.TooManyRequestsException"  # what Step Functions calls it
OK = 200
TOO_MANY = 429


def serve() -> None:
    """Take events from the Runtime API until the emulator ends this process."""
    runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    door = urlsplit(os.environ["WORKER_DOOR"])
    while True:
        request_id, event = next_event(runtime)
        kind, body = handed_over(event, door.netloc, door.path)
        runtime.request("POST", f"{RUNTIME}/{request_id}/{kind}", body)
        runtime.getresponse().read()


def next_event(runtime: http.client.HTTPConnection) -> tuple[str, bytes]:
    """Wait for an event and return its request id and itself."""
    runtime.request("GET", f"{RUNTIME}/next")
    if runtime.sock is not None and hasattr(socket, "TCP_QUICKACK"):
        # The emulator sends head and body apart, the latter once the former is acknowledged.
        runtime.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    answer = runtime.getresponse()
    return answer.headers["Lambda-Runtime-Aws-Request-Id"], answer.read()


def handed_over(event: bytes, host: str, path: str) -> tuple[str, bytes]:
    """Call the door; ``response`` or ``error``, and what to post as such."""
    connection = http.client.HTTPConnection(host)
    try:
        connection.request("POST", path, event, {"X-Amz-Log-Type": "Tail"})
        answer = connection.getresponse()
        body = answer.read()
    except OSError as error:
        return "error", worded("Runtime.Unreachable", f"the stage cannot be reached: {error}")
    finally:
        connection.close()
    print_log(answer.headers.get("X-Amz-Log-Result", ""))
    if answer.status == OK:
        return ("error" if "X-Amz-Function-Error" in answer.headers else "response"), body
    name = answer.headers.get("x-amzn-ErrorType", "Unknown")
    said = json.loads(body).get("message", "")
    return "error", worded(THROTTLED if answer.status == TOO_MANY else f"Lambda.{name}", said)


def worded(error_type: str, message: str) -> bytes:
    """Word an error as the Runtime API takes it."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def print_log(tail: str) -> None:
    """Print what the worker printed: the emulator keeps it as the function's log."""
    sys.stdout.write(base64.b64decode(tail).decode(errors="replace"))
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
