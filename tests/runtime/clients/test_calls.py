"""Calls to other services, counted for whoever makes them: how long they took, and what they blame."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import Retry, Sqs, Stack, concurrently, worker
from worker_runtime.clients import aws
from worker_runtime.clients.breaker import circuit_breaker
from worker_runtime.clients.dynamodb import Table
from worker_runtime.clients.http import HttpService
from worker_runtime.local.stage.parts.http_server import Response
from worker_runtime.local.stage.parts.stand_in import StandIn
from worker_runtime.testing import run_on, sqs_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.stage.parts.http_server import Request

ORDERS = Sqs("orders", dead_letters="orders-dlq")


class Links(StandIn):
    """Answers at once."""

    def handle(self, request: Request) -> Response:  # noqa: ARG002 - whatever it is asked
        return Response()


@pytest.fixture
def links() -> Iterator[Links]:
    with Links() as running:
        yield running


@pytest.fixture
def service(links: Links) -> Iterator[HttpService]:
    service = HttpService(links.url, name="links", retries=0)
    yield service
    service.close()


def lines_of(call: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Call from within a worker; return the lines of metrics that tell of it."""

    @worker(ORDERS, stack=Stack("test"))
    def calling(_order: bytes) -> None:
        """Call somebody."""
        call()

    capsys.readouterr()
    run_on(calling, sqs_event("order"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "service" in line]


def told(line: dict[str, Any]) -> tuple[list[str], str, str]:
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    (metric,) = directive["Metrics"]
    return directive["Dimensions"][0], metric["Name"], metric["Unit"]


def test_how_long_a_service_took_is_told_by_its_name(
    service: HttpService, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = lines_of(lambda: [service.get("/") for _ in range(3)], capsys)

    assert told(line) == (["worker", "env", "service"], "DownstreamLatencyMs", "Milliseconds")
    assert line["service"] == "links"
    assert len(line["DownstreamLatencyMs"]) == 3
    assert all(0 < took_ms < 1_000 for took_ms in line["DownstreamLatencyMs"])


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 503])
def test_an_answer_that_blames_the_service_is_an_error_by_its_status(
    links: Links, service: HttpService, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    links.fail_next(2, status=status)

    took, failed = lines_of(lambda: [service.get("/") for _ in range(3)], capsys)

    assert len(took["DownstreamLatencyMs"]) == 3
    assert told(failed) == (["worker", "env", "service", "class"], "DownstreamErrors", "Count")
    assert (failed["service"], failed["class"], failed["DownstreamErrors"]) == ("links", str(status), [2])


@pytest.mark.parametrize("status", [200, 302, 400, 404, 409])
def test_an_answer_that_blames_the_caller_or_nobody_is_no_error(
    links: Links, service: HttpService, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    links.fail_next(status=status)

    lines = lines_of(lambda: service.get("/"), capsys)

    assert [told(line)[1] for line in lines] == ["DownstreamLatencyMs"]


def test_no_answer_is_an_error_by_its_class(
    links: Links, service: HttpService, capsys: pytest.CaptureFixture[str]
) -> None:
    links.stop()

    _, failed = lines_of(lambda: service.get("/"), capsys)

    assert (failed["class"], failed["DownstreamErrors"]) == ("ConnectError", [1])


def test_what_an_open_breaker_kept_away_was_no_call(links: Links, capsys: pytest.CaptureFixture[str]) -> None:
    guarded = HttpService(
        links.url, name="links", retries=0, breaker=circuit_breaker("links", failures=1, recovery_s=60)
    )
    links.fail_next(status=500)
    lines_of(lambda: guarded.get("/"), capsys)

    lines = lines_of(lambda: guarded.get("/"), capsys)
    guarded.close()

    assert lines == []


def test_threads_of_a_worker_tell_of_their_calls_too(
    service: HttpService, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = lines_of(lambda: concurrently(service.get, ["/"] * 8, at_once=4), capsys)

    assert len(line["DownstreamLatencyMs"]) == 8


def test_aws_is_told_of_by_service_and_error_code(
    cloud: Callable[[str], Any],  # noqa: ARG001 - the cloud has to be there
    capsys: pytest.CaptureFixture[str],
) -> None:
    took, failed = lines_of(lambda: Table("nowhere").get({"PK": "1", "SK": "1"}), capsys)

    assert (took["service"], len(took["DownstreamLatencyMs"])) == ("dynamodb", 1)
    assert (failed["service"], failed["class"]) == ("dynamodb", "ResourceNotFoundException")


def test_that_somebody_wrote_first_is_no_error(
    cloud: Callable[[str], Any], table_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def put_twice() -> None:
        for _ in range(2):
            with aws.verdicts("dynamodb"):
                cloud("dynamodb").put_item(
                    TableName=table_name,
                    Item={"PK": {"S": "1"}, "SK": {"S": "1"}},
                    ConditionExpression="attribute_not_exists(PK)",
                )

    (took,) = lines_of(put_twice, capsys)

    assert len(took["DownstreamLatencyMs"]) == 2


def test_outside_an_invocation_nothing_is_told(links: Links, service: HttpService) -> None:
    links.fail_next(status=503)

    response = service.get("/")

    assert response.status_code == 503


def test_what_one_invocation_called_is_not_told_by_the_next(
    service: HttpService, capsys: pytest.CaptureFixture[str]
) -> None:
    lines_of(lambda: service.get("/"), capsys)

    assert lines_of(lambda: None, capsys) == []


def test_a_call_that_failed_is_raised_as_ever(links: Links, service: HttpService) -> None:
    links.stop()

    with pytest.raises(Retry, match="links: GET /: ConnectError"):
        service.get("/")
