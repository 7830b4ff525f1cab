from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from worker_runtime.clients import sts
from worker_runtime.clients.http import HttpService
from worker_runtime.clients.sigv4 import SigV4
from worker_runtime.errors import Halt
from worker_runtime.local.stage.parts.http_server import Response
from worker_runtime.local.stage.parts.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from worker_runtime.local.stage.parts.http_server import Request

    PointedAt = Callable[..., AbstractContextManager[None]]

ROLE = "arn:aws:iam::000000000000:role/local-sms"
OWN = Credentials("test", "test")


def signature(
    request: AWSRequest,
    *,
    credentials: Any,
    date: str,
    service: str = "execute-api",
    region: str = "us-east-1",
) -> str:
    """Compute what botocore would have signed at ``date``."""
    signer = SigV4Auth(credentials, service, region)
    request.headers["X-Amz-Date"] = date
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    request.context["timestamp"] = date
    return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)


class Api(StandIn):
    """An AWS service: it takes only what is signed, over just what it got."""

    def __init__(self) -> None:
        super().__init__()
        self.credentials: Any = OWN

    def handle(self, request: Request) -> Response:
        authorization = request.headers.get("authorization", "")
        signed = re.search(r"SignedHeaders=([^,]+), Signature=(\w+)", authorization)
        if signed is None:
            return Response.json({"message": "Missing Authentication Token"}, status=403)
        path = f"http://{request.headers['host']}{quote(request.path, safe='/~:')}"
        got = AWSRequest(
            method=request.method,
            url=path,
            params=dict(request.query),
            data=request.body,
            headers={name: request.headers[name] for name in signed[1].split(";") if name[:2] != "x-"},
        )
        expected = signature(got, credentials=self.credentials, date=request.headers["x-amz-date"])
        if signed[2] != expected or request.headers.get("x-amz-security-token") != self.credentials.token:
            return Response.json({"message": got.url}, status=403)
        return Response.json({"signed": signed[1]})


@pytest.fixture
def api() -> Iterator[Api]:
    sts.forget()
    with Api() as running:
        yield running
    sts.forget()


def service_of(api: Api, auth: SigV4) -> HttpService:
    return HttpService(f"{api.url}/v1", name="sms", auth=auth, headers={"X-Who": "us"})


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "/messages", {"json": {"to": "+15555550100", "body": "Hëllo"}}),
        ("GET", "/accounts/a%20b", {"params": {"q": "a b+c/~*", "z": "ü", "empty": ""}}),
        ("GET", "/accounts/é:1", {}),
        ("PUT", "/messages", {"json": {}, "headers": {"X-More": "1"}}),
    ],
)
def test_a_service_that_checks_signatures_takes_the_request(
    api: Api, method: str, path: str, more: dict[str, Any]
) -> None:
    service = service_of(api, SigV4())

    response = service.request(method, path, **more)

    service.close()
    assert response.status_code == 200, response.json()


@pytest.mark.usefixtures("cloud")
def test_a_role_signs_with_its_own_key_and_shows_its_token(api: Api) -> None:
    api.credentials = sts.assumed(ROLE, session_name="worker")
    service = service_of(api, SigV4(ROLE))

    response = service.post("/messages", json={"to": "+1"})

    service.close()
    assert response.json() == {"signed": "content-type;host;x-amz-date;x-amz-security-token"}


@pytest.mark.usefixtures("cloud")
def test_a_request_that_is_sent_again_is_signed_anew(api: Api) -> None:
    api.fail_next(2, status=503)
    signer = Numbering()
    service = HttpService(api.url, name="sms", auth=signer)

    response = service.post("/messages", json={}, idempotency_key="k")

    service.close()
    assert response.status_code == 200
    assert signer.signed == 3


class Numbering:
    """Signs and counts."""

    def __init__(self) -> None:
        self.signed = 0
        self._sign = SigV4()

    def __call__(self, request: httpx.Request) -> httpx.Request:
        self.signed += 1
        return self._sign(request)


@pytest.mark.usefixtures("cloud")
def test_the_signature_is_botocores() -> None:
    request = httpx.Request(
        "POST", "https://sms.example/v1/messages?b=2&a=1", json={"to": "+1"}, headers={"X-More": "1"}
    )

    SigV4(service="lambda", region="eu-west-1")(request)

    same = AWSRequest(
        "POST",
        "https://sms.example/v1/messages?b=2&a=1",
        data=b'{"to":"+1"}',
        headers={"Host": "sms.example", "Content-Type": "application/json"},
    )
    date = request.headers["X-Amz-Date"]
    expected = signature(same, credentials=OWN, date=date, service="lambda", region="eu-west-1")
    assert request.headers["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential=test/{date[:8]}/eu-west-1/lambda/aws4_request, "
        f"SignedHeaders=content-type;host;x-amz-date, Signature={expected}"
    )


def test_a_request_cannot_be_signed_without_a_region(pointed_at: PointedAt) -> None:
    with pointed_at("http://127.0.0.1:1", AWS_REGION=""), pytest.raises(Halt, match="set AWS_REGION"):
        SigV4()(httpx.Request("GET", "https://sms.example"))


@pytest.mark.usefixtures("cloud")
def test_a_role_that_is_refused_halts_before_anything_is_sent(api: Api) -> None:
    service = service_of(api, SigV4(""))

    with pytest.raises(Halt, match="check the role"):
        service.get("/accounts/1")

    service.close()
    assert api.count() == 0
