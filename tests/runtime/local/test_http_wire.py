from __future__ import annotations

import io

import pytest

from worker_runtime.local.stage.parts.http_wire import read_head, read_request_body


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nfive!",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na\r\nfive!",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive!\r\n",
    ],
    ids=["a length", "a chunk", "no last chunk"],
)
def test_a_request_that_was_cut_short_is_not_taken_for_a_whole_one(sent: bytes) -> None:
    reader = io.BytesIO(sent)
    head = read_head(reader)

    with pytest.raises(ConnectionResetError):
        read_request_body(reader, head)
