from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from worker_runtime import clock
from worker_runtime.clients import aws
from worker_runtime.clients.dynamodb import Table
from worker_runtime.errors import Halt, Retry
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from worker_runtime.local.stage.parts.stand_in import StandIn

    Answering = Callable[..., AbstractContextManager[StandIn]]


@pytest.fixture
def service(answering: Answering) -> Iterator[StandIn]:
    with answering(GetItem=lambda _: Response.json({})) as running:
        yield running


@pytest.mark.usefixtures("service")
def test_a_service_has_one_client_and_the_process_one_session() -> None:
    assert aws.client("dynamodb") is aws.client("dynamodb")
    assert aws.client("dynamodb") is not aws.client("sqs")
    assert aws.session() is aws.session()


@pytest.mark.usefixtures("service")
def test_many_threads_share_one_client() -> None:
    with ThreadPoolExecutor(16) as threads:
        clients = set(threads.map(lambda _: aws.client("dynamodb"), range(64)))

    assert len(clients) == 1


def test_the_sdk_tries_a_passing_failure_again(service: StandIn) -> None:
    service.fail_next(1, status=500)

    found = Table("any").get({"PK": "1"})

    assert found is None
    assert service.count() == 2


def test_one_attempt_turns_the_sdks_retries_off(service: StandIn) -> None:
    service.fail_next(1, status=500)

    with pytest.raises(Retry), aws.verdicts("dynamodb"):
        aws.client("dynamodb", attempts=1).get_item(TableName="any", Key={"PK": {"S": "1"}})

    assert service.count() == 1


def test_a_service_that_hangs_costs_no_more_than_the_invocation_has_left(service: StandIn) -> None:
    aws.client("dynamodb")  # on a busy machine it takes its time to be made
    service.fail_next(9, hang=True)
    started = time.monotonic()

    with clock.deadline(clock.now() + 1.5), pytest.raises(Retry, match="ReadTimeoutError"):
        Table("any").get({"PK": "1"})

    assert time.monotonic() - started < 3
    assert service.count() == 1


def test_a_service_is_not_called_when_nothing_is_left(service: StandIn) -> None:
    with clock.deadline(clock.now() + 0.3), pytest.raises(Retry, match="was not called"):
        Table("any").get({"PK": "1"})

    assert service.count() == 0


def test_the_sdk_does_not_try_again_what_would_outlive_the_invocation(service: StandIn) -> None:
    service.fail_next(9, status=500, latency_s=3.7)  # less is left then than one more try may take

    with clock.deadline(clock.now() + 9.6), pytest.raises(Retry, match="was not tried again"):
        Table("any").get({"PK": "1"})

    assert service.count() == 1


def test_a_refused_connection_is_a_retry(service: StandIn) -> None:
    url = urlsplit(service.url)
    service.stop()

    with socket.socket() as held:
        held.bind((url.hostname, url.port))  # nobody listens there, and no other test may begin to
        with pytest.raises(Retry, match="EndpointConnectionError"):
            Table("any").get({"PK": "1"})


def test_a_missing_grant_is_a_halt_with_its_cure(service: StandIn) -> None:
    service.fail_next(1, status=400, body={"__type": "com.amazonaws.dynamodb#AccessDeniedException"})

    with pytest.raises(Halt, match="GetItem of any: AccessDeniedException; check credentials, region"):
        Table("any").get({"PK": "1"})
