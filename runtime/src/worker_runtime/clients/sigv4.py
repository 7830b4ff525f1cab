"""Signs HTTP requests as AWS wants them: ``HttpService(..., auth=SigV4(role_arn))``.

botocore, which computes the signature, is imported with the first request. A signature's date is the
machine's own time, whatever clock the workers live on: AWS refuses one that is minutes off.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.clients import aws, sts
from worker_runtime.clients.not_called import NotCalled
from worker_runtime.errors import Halt, Retry

if TYPE_CHECKING:
    from httpx import Request

SIGNED: Final = ("host", "content-type")
"""What is signed beside botocore's own headers; others may be changed on their way."""

MADE: Final = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")


class SigV4:
    """Signs each request, its body included, with the credentials of a role, else with the process's own.

    httpx calls it with the request that it is about to send, one that is sent again included.
    """

    def __init__(
        self, role_arn: str | None = None, *, service: str = "execute-api", region: str | None = None
    ) -> None:
        self._role_arn = role_arn
        self._service = service
        self._region = region

    def __call__(self, request: Request) -> Request:
        """Add the signature to the request's headers."""
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - with the first request
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - with the first request

        # httpx writes a blank as '+', and AWS, which signs what it has decoded, as '%20'
        request.url = request.url.copy_with(query=request.url.query.replace(b"+", b"%20") or None)
        headers = {name: request.headers[name] for name in SIGNED if name in request.headers}
        signed = AWSRequest(method=request.method, url=str(request.url), data=request.read(), headers=headers)
        SigV4Auth(self._credentials(), self._service, self._signed_region()).add_auth(signed)
        request.headers.update({name: signed.headers[name] for name in MADE if name in signed.headers})
        return request

    def _credentials(self) -> Any:
        if self._role_arn is not None:
            return _assumed(self._role_arn)
        with aws.verdicts(self._service):
            own = aws.session().get_credentials()
            if own is None:
                raise Halt(f"{self._service}: there are no AWS credentials to sign with; set them up.")
            return own.get_frozen_credentials()

    def _signed_region(self) -> str:
        region = self._region or os.environ.get("AWS_REGION")
        if not region:
            raise Halt(f"{self._service}: no region to sign for; set AWS_REGION, or say SigV4(region=...).")
        return region


def _assumed(role_arn: str) -> sts.Credentials:
    """Take on the role; while STS gives none, the service that is signed for is not called."""
    try:
        return sts.assumed(role_arn, session_name=_session_name())
    except Retry as failed:
        raise NotCalled(failed.after_s, reason=str(failed)) from failed


def _session_name() -> str:
    """Name the session by the function, as CloudTrail is read."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "worker")[:64]
