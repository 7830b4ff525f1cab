"""Where AWS is for a person's command: AWS itself with their own profile, or an emulator's URL."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.errors import SettingsError, WorkerRuntimeError
from worker_runtime.local.reachable import refuse_no_url, refuse_stage_down

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EMULATOR: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": "us-east-1",
}
"""What an emulator is content with."""

_TRIES: Final = 3  # a person waits: botocore's own five take up to 15 s


class AwsRefused(WorkerRuntimeError):
    """AWS, or what stands in for it, is out of reach or did not do what it was asked."""


@contextmanager
def asked_of(where: str, *, cure: str = "") -> Iterator[None]:
    """Raise what AWS refuses inside the block, and what does not reach it, as AwsRefused.

    ``cure`` is what may help where AWS refuses, as a sentence without its beginning: "is its name right?".
    """
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        told = f"{where}: {error.operation_name}: {said['Code']}: {said['Message']}"
        raise AwsRefused(f"{told.rstrip('.')}; {cure}" if cure else told) from error
    except BotoCoreError as error:
        check = "check --endpoint-url or AWS_ENDPOINT_URL, credentials and network."
        raise AwsRefused(f"{where}: {str(error).rstrip('.')}; {check}") from error


class Endpoint:
    """Makes boto3 clients by service; ``endpoint_url`` None is where the environment leads, or AWS itself.

    Raises StageDown where it leads to a stage that does not run.
    """

    def __init__(self, endpoint_url: str | None) -> None:
        if endpoint_url is not None:
            refuse_no_url(endpoint_url, said_by="--endpoint-url")
        else:
            refuse_stage_down(os.environ)
        self._session = _own_session()
        self._url = endpoint_url
        self._made: dict[str, Any] = {}
        given = os.environ.get("AWS_REGION") or self._session.region_name
        if given is None and endpoint_url is None:
            raise SettingsError(
                "no region is set; set AWS_REGION, name a stage's variables with --env-file,"
                " or an emulator with --endpoint-url."
            )
        self.region: str = given or EMULATOR["AWS_REGION"]

    def __call__(self, service: str) -> Any:
        """Return the client of a service."""
        if service not in self._made:
            config = Config(retries={"mode": "standard", "total_max_attempts": _TRIES})
            given: dict[str, Any] = {"region_name": self.region, "config": config}
            if self._url is not None:
                given["endpoint_url"] = self._url
            if self._dummy:
                given["aws_access_key_id"] = EMULATOR["AWS_ACCESS_KEY_ID"]
                given["aws_secret_access_key"] = EMULATOR["AWS_SECRET_ACCESS_KEY"]
            made: Any = self._session.client(service, **given)  # type: ignore[call-overload]  # a literal is wanted
            self._made[service] = made
        return self._made[service]

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables with which a worker in this process finds the same place."""
        if self._url is None:
            return {}
        return {**(EMULATOR if self._dummy else {}), "AWS_REGION": self.region, "AWS_ENDPOINT_URL": self._url}

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Raise what goes wrong inside the block as AwsRefused, saying where."""
        with asked_of(self._url or os.environ.get("AWS_ENDPOINT_URL") or f"AWS in {self.region}"):
            yield

    @property
    def _dummy(self) -> bool:
        return self._url is not None and self._session.get_credentials() is None


def _own_session() -> boto3.session.Session:
    """Open a session with the person's own profile; SettingsError where it cannot be read."""
    try:
        return boto3.session.Session()
    except BotoCoreError as error:
        said = str(error).rstrip(".")
        cure = "set AWS_PROFILE to one that `aws configure list-profiles` lists, or to none."
        raise SettingsError(f"{said}; {cure}") from error
