from __future__ import annotations

import ssl

import httpx

from worker_runtime.clients.http_verdicts import verdict_of
from worker_runtime.errors import Halt, Retry


def test_a_refused_certificate_is_a_halt_with_its_cure() -> None:
    error = httpx.ConnectError("refused")
    error.__cause__ = ssl.SSLCertVerificationError("expired")

    verdict = verdict_of(error, what="links: GET /x")

    assert isinstance(verdict, Halt)
    assert str(verdict) == "links: GET /x: the certificate is refused; renew it, or mend the base URL."


def test_a_broken_handshake_is_a_retry() -> None:
    error = httpx.ConnectError("eof")
    error.__cause__ = ssl.SSLEOFError("eof")

    assert isinstance(verdict_of(error, what="links: GET /x"), Retry)
