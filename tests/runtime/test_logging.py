"""Log lines: one JSON object each, the fields that operators search for, nothing personal."""

from __future__ import annotations

import io
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct

from worker_runtime import Change, Environment, Record, Reject, Retry, Sqs, Stack, TableStream, worker
from worker_runtime.clock import SteppedClock, using
from worker_runtime.errors import SettingsError
from worker_runtime.middleware.logging import configure_logging
from worker_runtime.testing import Context, change, message, ready, run_on, sqs_event, table_event

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = Stack("shop")
ORDERS = Sqs("orders", dead_letters="orders-dlq")
PHONE = "+15551234567"
log = logging.getLogger("shop")


class Person(Struct):
    first_name: str
    id: str


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What is logged, in the configuration of Lambda; the process's own comes back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging(level="INFO", fields={"worker": "shop.shipOrder", "env": "qa1"}, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_says_when_where_who_and_what(out: io.StringIO) -> None:
    with using(SteppedClock(1_700_000_000.25)):
        log.info("shipped %d orders", 3, extra={"carrier": "bike"})

    (line,) = lines(out)
    assert line.pop("location").startswith("test_a_line_says_when_where_who_and_what:")
    assert line == {
        "level": "INFO",
        "message": "shipped 3 orders",
        "timestamp": "2023-11-14T22:13:20.250+00:00",
        "worker": "shop.shipOrder",
        "env": "qa1",
        "carrier": "bike",
    }


def test_every_field_of_the_rules_is_there_where_it_applies(out: io.StringIO) -> None:
    @worker(ORDERS, stack=SHOP)
    def ship(record: Record[dict[str, Any]]) -> None:
        """Ship, or refuse."""
        log.info("shipping", extra={"orderId": record.body["id"]})
        raise Reject("NO_ADDRESS")

    environment = Environment(environment_tag="qa1", region="us-east-1")
    fields = ready(ship, worker_id="shop.shipOrder").log_fields(environment)
    configure_logging(level="INFO", fields=fields, stream=out)

    sent = message({"id": "o-1"}, receives=2, attributes={"correlationId": "c-1"})
    run_on(ship, {"Records": [sent]})

    everywhere = {
        *("level", "message", "timestamp", "location", "service", "function_request_id", "correlation_id"),
        *("worker", "plugin_version", "runtime_version", "env", "region", "source"),
    }
    of_a_record = {"record_id", "attempt"}
    shipping, rejected, summary = lines(out)
    assert shipping.keys() == everywhere | of_a_record | {"orderId"}
    assert rejected.keys() == everywhere | of_a_record | {"outcome", "reason", "exception", "exception_name"}
    assert summary.keys() == everywhere | {"outcomes", "duration_ms"}
    assert (rejected["record_id"], rejected["attempt"], rejected["source"]) == (sent["messageId"], 2, "sqs")
    assert (rejected["outcome"], rejected["reason"]) == ("dlq", "NO_ADDRESS")
    assert (rejected["correlation_id"], summary["correlation_id"]) == ("c-1", Context().aws_request_id)
    assert {line["function_request_id"] for line in lines(out)} == {Context().aws_request_id}


def test_a_stream_s_record_has_no_attempt(out: io.StringIO) -> None:
    @worker(TableStream("orders", dead_letters="d"), stack=SHOP)
    def fail(_changed: Change[dict[str, Any]]) -> None:
        """Fail."""
        raise Retry

    run_on(fail, table_event(change(new={"PK": "1"})))

    failed, _ = lines(out)
    assert failed["source"] == "table_stream"
    assert failed["record_id"] == "100000000000000000000"
    assert "attempt" not in failed


def test_threads_never_mix_their_records_fields(out: io.StringIO) -> None:
    together = threading.Barrier(4, timeout=5)

    @worker(ORDERS, stack=SHOP, concurrency=4)
    def meet(record: Record[dict[str, int]]) -> None:
        """Log while three others do."""
        together.wait()
        log.info("met", extra={"own": record.id})

    run_on(meet, sqs_event(*({"n": n} for n in range(4))))

    met = [line for line in lines(out) if line["message"] == "met"]
    assert len({line["own"] for line in met}) == 4
    assert all(line["record_id"] == line["correlation_id"] == line["own"] for line in met)


def test_outside_an_invocation_a_line_has_no_invocation_s_fields(out: io.StringIO) -> None:
    run_on(worker(ORDERS, stack=SHOP)(nothing), sqs_event("x"))

    log.info("afterwards")

    assert lines(out)[-1].keys() == {"level", "location", "message", "timestamp", "worker", "env"}


def nothing(_body: bytes) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("message", "arguments", "extra"),
    [
        (f"call {PHONE}", (), {}),
        ("call %s", (PHONE,), {}),
        ("call", (), {"note": f"on {PHONE}"}),
        ("call", (), {"phone": 15551234567}),
        ("call", (), {"who": {"deep": [{"to": "Jane"}]}}),
        ("call", (), {"who": Person("Jane", "u-1")}),
        ("call", (), {"who": {PHONE: 1}}),
        ("call", (), {"who": {PHONE.encode()}}),
        ("call", (), {"error": ValueError(PHONE)}),
    ],
)
def test_nothing_personal_is_logged_wherever_it_stood(
    out: io.StringIO, message: str, arguments: tuple[Any, ...], extra: dict[str, Any]
) -> None:
    log.info(message, *arguments, extra=extra)

    assert lines(out)
    assert "555123" not in out.getvalue()
    assert "Jane" not in out.getvalue()


def test_an_error_is_logged_with_its_causes_and_nothing_personal(out: io.StringIO) -> None:
    error = ValueError("jane@example.com is unknown")
    error.__cause__ = KeyError(PHONE)

    log.error("not found", exc_info=error)

    (line,) = lines(out)
    assert line["exception_name"] == "ValueError"
    assert "KeyError: '+*******4567'" in line["exception"]
    assert "ValueError: j***@e*** is unknown" in line["exception"]


class Unsayable:
    def __repr__(self) -> str:
        raise RuntimeError(PHONE)


def endless() -> dict[str, Any]:
    inside: dict[str, Any] = {}
    inside["self"] = inside
    return inside


@pytest.mark.parametrize(
    ("message", "arguments", "extra"),
    [
        (f"call %d {PHONE}", (PHONE,), {}),
        ("call %s", (Unsayable(),), {}),
        ("call", (), {"who": Unsayable()}),
        ("call", (), {"who": endless()}),
        ("%s", (endless, PHONE), {}),
    ],
    ids=["arguments", "repr", "extra", "endless", "too many"],
)
def test_a_line_that_cannot_be_made_says_so_and_nothing_of_what_it_was_to_say(
    out: io.StringIO,
    capsys: pytest.CaptureFixture[str],
    message: str,
    arguments: tuple[Any, ...],
    extra: dict[str, Any],
) -> None:
    configure_logging(level="INFO", fields={}, stream=out)  # pytest's own handler would raise

    log.info(message, *arguments, extra=extra)

    (line,) = lines(out)
    assert line["message"].startswith("a log line could not be made: ")
    assert "555123" not in out.getvalue() + capsys.readouterr().err


@pytest.mark.parametrize("odd", ["\ud800", "\0", "\u2028", '"}\n{"level": "FORGED"}'], ids=ascii)
def test_no_text_breaks_a_line_in_two(out: io.StringIO, odd: str) -> None:
    configure_logging(level="INFO", fields={}, stream=out)  # pytest's own would keep what xdist cannot send

    log.info("odd %s", odd)

    (line,) = lines(out)
    assert line["message"] == f"odd {odd}"
    out.getvalue().encode()


@pytest.mark.parametrize("level", ["DEBUG", "debug", "Info", "WARNING"])
def test_the_level_is_taken_however_it_is_written(out: io.StringIO, level: str) -> None:
    configure_logging(level=level, fields={}, stream=out)

    assert logging.getLogger().level == getattr(logging, level.upper())


def test_a_level_that_there_is_not_is_named(out: io.StringIO) -> None:
    with pytest.raises(
        SettingsError, match="LOG_LEVEL is 'LOUD'; say DEBUG, INFO, WARNING, ERROR or CRITICAL"
    ):
        configure_logging(level="LOUD", fields={}, stream=out)


def test_a_line_is_written_once_whatever_lambda_had_set_up(out: io.StringIO) -> None:
    logging.getLogger().addHandler(logging.StreamHandler(out))

    configure_logging(level="INFO", fields={}, stream=out)
    log.info("once")

    assert len(lines(out)) == 1


def test_chatty_libraries_speak_up_from_warnings_on(out: io.StringIO) -> None:
    configure_logging(level="DEBUG", fields={}, stream=out)

    logging.getLogger("botocore.hooks").debug("event")
    logging.getLogger("httpx").info("GET")
    logging.getLogger("botocore").warning("slow")

    assert [line["message"] for line in lines(out)] == ["slow"]
