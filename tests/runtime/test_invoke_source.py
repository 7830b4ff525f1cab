"""Direct invocation: any payload in, the worker's word out, errors by their names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel

from conformance import FOLDER
from doors import door_of
from verdicts import act
from wording import says
from worker_runtime import (
    AppSync,
    Invoke,
    Middleware,
    Record,
    Reject,
    Retry,
    Schedule,
    Sqs,
    Stack,
    Worker,
    worker,
)
from worker_runtime.errors import DeclarationError, ReplyRefused
from worker_runtime.runtime import run
from worker_runtime.sources.invoke import STATE_BYTES
from worker_runtime.testing import Context, RecordingSender, field_event, ready, run_on, sqs_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from installed import Site

SHOP = Stack("shop")
DIRECT = Invoke()
TASK = Invoke(state_machine="selection")


class Asked(Struct, rename="camel"):
    market_id: str = "none"
    verdict: str = ""


class Selected(Struct, rename="camel"):
    market_id: str
    done_at: datetime | None = None


class SoldOut(Reject):
    """A name that a state machine catches."""


class Unheard(Exception):
    """A worker's own error."""


def selecting(source: Invoke = DIRECT) -> Worker[..., Any]:
    @worker(source, stack=SHOP)
    def select(asked: Asked) -> Selected:
        """Select from a market."""
        act(asked.verdict)
        return Selected(asked.market_id, datetime(2026, 1, 1, tzinfo=UTC))

    return select


def returning(value: Any, source: Invoke = DIRECT) -> Worker[..., Any]:
    @worker(source, stack=SHOP)
    def answer() -> Any:
        """Say something."""
        return value

    return answer


def raising(error: Exception) -> Worker[..., Any]:
    @worker(TASK, stack=SHOP)
    def fail() -> None:
        """Fail."""
        raise error

    return fail


@pytest.mark.parametrize("source", [DIRECT, TASK])
def test_the_result_is_what_the_worker_returned_as_plain_data(source: Invoke) -> None:
    assert run_on(selecting(source), {"marketId": "m-1"}) == {
        "marketId": "m-1",
        "doneAt": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    "event", [{}, None, [], [1], "text", 0, 1.5, False, sqs_event({}), field_event()], ids=range(10)
)
def test_any_payload_invokes_a_worker_that_takes_nothing(event: Any) -> None:
    assert run_on(returning("ran"), event) == "ran"


class Typed(TypedDict):
    marketId: str


@dataclass
class Classy:
    marketId: str  # noqa: N815 - the payload's name


class Model(BaseModel):
    marketId: str  # noqa: N815 - as above


@pytest.mark.parametrize(
    ("model", "event", "taken"),
    [
        (Asked, {"marketId": "m-1"}, Asked("m-1")),
        (Model, {"marketId": "m-1"}, Model(marketId="m-1")),
        (Classy, {"marketId": "m-1"}, Classy("m-1")),
        (Typed, {"marketId": "m-1"}, {"marketId": "m-1"}),
        (dict[str, Any], {"marketId": "m-1"}, {"marketId": "m-1"}),
        (list[int], [1, 2], [1, 2]),
        (str, "m-1", "m-1"),
        (Asked | None, None, None),
        (bytes, {"marketId": "m-1"}, b'{"marketId":"m-1"}'),
    ],
    ids=["struct", "pydantic", "dataclass", "typed dict", "dict", "list", "str", "optional", "bytes"],
)
def test_the_payload_becomes_the_worker_s_type(model: Any, event: Any, taken: Any) -> None:
    seen: list[Any] = []

    def take(asked: Any) -> None:
        """Take it."""
        seen.append(asked)

    for annotation in (model, Record[model]):
        take.__annotations__["asked"] = annotation
        run_on(worker(DIRECT, stack=SHOP)(take), event)

    alone, record = seen
    assert (alone, record.body) == (taken, taken)


def test_a_payload_is_known_by_its_invocation_and_tied_to_what_caused_it() -> None:
    seen: list[Record[Any]] = []

    @worker(DIRECT, stack=SHOP)
    def see(asked: Record[Any]) -> None:
        """See it."""
        seen.append(asked)

    for event in ({"correlationId": "c-1"}, {"correlationId": 7}, ["c-1"]):
        run_on(see, event)

    first, second, third = seen
    assert first.id == second.id == "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    assert (first.correlation_id, second.correlation_id, third.correlation_id) == ("c-1", first.id, first.id)
    assert (first.raw, third.raw, third.body) == ({"correlationId": "c-1"}, {}, ["c-1"])


@pytest.mark.parametrize(
    ("verdict", "name"),
    [
        ("retry", "Retry"),
        ("retry_in", "Retry"),
        ("defer", "Defer"),
        ("reject", "Reject"),
        ("halt", "Halt"),
        ("bug", "KeyError"),
    ],
)
def test_what_is_no_result_is_raised_under_its_class_name(verdict: str, name: str) -> None:
    sender = RecordingSender()

    with pytest.raises(Exception, match=r"told to|TOLD_TO|retry|deferred") as raised:
        run_on(selecting(TASK), {"verdict": verdict}, sender=sender)

    assert type(raised.value).__name__ == name
    assert not sender.sent


@pytest.mark.parametrize("error", [SoldOut("NO_SEATS"), Unheard("no")], ids=["reject", "own"])
def test_a_class_of_the_worker_s_own_keeps_its_name(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        run_on(raising(error), {})

    assert raised.value is error


def test_a_skip_is_a_result_of_null() -> None:
    assert run_on(selecting(), {"verdict": "skip"}) is None


@pytest.mark.parametrize("event", [{"marketId": 7}, {"marketId": "\ud800"}, [], None, "text"], ids=repr)
def test_a_payload_that_is_none_of_the_worker_s_is_a_reject(event: Any) -> None:
    with pytest.raises(Reject, match=r"^UNDECODABLE: ") as raised:
        run_on(selecting(), event)

    assert type(raised.value) is Reject


def test_what_the_deadline_keeps_from_starting_is_a_retry() -> None:
    with pytest.raises(Retry, match="it was not started: the deadline is near"):
        run_on(selecting(), {}, remaining_s=1)


def test_a_failure_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyError):
        run_on(selecting(), {"verdict": "bug"})

    assert [record.message for record in caplog.records if record.exc_info] == ["failed"]


LARGE = "x" * 300_000


def test_a_result_that_step_functions_does_not_take_is_a_named_error() -> None:
    fitting = "x" * (STATE_BYTES - 2)

    assert run_on(returning(fitting, TASK), {}) == fitting
    assert run_on(returning(LARGE), {}) == LARGE
    with pytest.raises(
        ReplyRefused, match=says("the reply has 300002 bytes, Step Functions takes 262144; return less.")
    ):
        run_on(returning(LARGE, TASK), {})


def test_a_result_may_be_held_to_less() -> None:
    with pytest.raises(ReplyRefused, match=says("the reply has 12 bytes, Lambda takes 10; return less.")):
        run_on(returning("x" * 10, Invoke(max_reply_bytes=10)), {})


@pytest.mark.parametrize("value", [object(), "x" * 6_300_000, "\ud800"], ids=["object", "large", "surrogate"])
def test_a_result_that_lambda_could_not_carry_is_a_named_error(value: Any) -> None:
    with pytest.raises(ReplyRefused):
        run_on(returning(value), {})


def replied(source: Invoke, reply: Any, *, instead: bool = False) -> Any:
    """Run a worker whose middleware changes the result, or gives one in its place."""

    def around(call_next: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def invoke(event: Any) -> Any:
            return reply if instead else (call_next(event), reply)[1]

        return invoke

    prepared = ready(returning("own", source), middleware=(Middleware("own", around_invocation=around),))
    return run(prepared, {}, context=Context(), sender=RecordingSender())


def test_middleware_may_give_a_result_in_the_worker_s_place_but_not_another_one() -> None:
    assert replied(DIRECT, "kept", instead=True) == "kept"
    assert replied(DIRECT, "own") == "own"
    with pytest.raises(ReplyRefused, match=says("the reply is a str of another shape than the worker's; ~")):
        replied(DIRECT, "another")
    with pytest.raises(ReplyRefused, match=says("the reply has ~ bytes, Step Functions takes 262144; ~")):
        replied(TASK, LARGE, instead=True)


def test_other_sources_are_asked_first() -> None:
    seen: list[str] = []

    @worker(
        Invoke(), Sqs("orders"), AppSync("Query.order"), Schedule("rate(1 minute)"), stack=SHOP, timeout_s=30
    )
    def take(asked: Record[dict[str, Any]]) -> None:
        """Take it."""
        seen.append(type(asked).__name__)

    for event in (sqs_event({}), field_event(field="Query.order"), {"a": 1}):
        run_on(take, event)
    with pytest.raises(Reject):
        run_on(take, [1])

    assert seen == ["SqsRecord", "FieldRecord", "ScheduledRecord"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Invoke(state_machine="my machine"), "Invoke('my machine') state_machine is 'my machine'; ~"),
        (Invoke(max_reply_bytes=0), "Invoke('direct') max_reply_bytes is 0; AWS takes 1 to 6291556."),
        (
            Invoke(state_machine="m", max_reply_bytes=300_000),
            "Invoke('m') max_reply_bytes is 300000; AWS takes 1 to 262144.",
        ),
    ],
    ids=["name", "zero", "more than a state takes"],
)
def test_what_aws_refuses_is_refused_when_it_is_declared(source: Invoke, expected: str) -> None:
    with pytest.raises(DeclarationError, match=says(f"select: {expected}")):
        selecting(source)


def test_the_manifest_says_who_invokes_and_how_much_may_be_said() -> None:
    assert DIRECT.describe(timeout_s=60) == {
        "kind": "invoke",
        "name": "direct",
        "stateMachine": None,
        "maxReplyBytes": None,
    }
    assert TASK.describe(timeout_s=60)["name"] == "selection"
    assert TASK.grants() == ()


def test_every_recorded_event_is_a_payload() -> None:
    files = sorted((FOLDER / "events").glob("*.json"))
    if not files:
        pytest.skip(f"no events in {FOLDER}; WORKERS_CONFORMANCE names the folder")

    @worker(DIRECT, stack=SHOP)
    def echo(asked: Any) -> Any:
        """Give it back."""
        return asked

    for file in files:
        event = json.loads(file.read_text(encoding="utf-8"))
        assert run_on(echo, event) == event


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_a_payload_of_any_shape_is_run_or_rejected(event: Any) -> None:
    told: Any = None
    try:
        told = run_on(selecting(), event)
    except Reject as error:
        told = error.code

    assert told == "UNDECODABLE" or told.keys() == {"marketId", "doneAt"}


DOOR = """
    from worker_runtime import Invoke, Reject, Stack, worker

    class NoSuchMarket(Reject):
        pass

    class MarketFailed(Exception):
        pass

    @worker(Invoke(state_machine="selection"), stack=Stack("sel"))
    def work(asked: dict[str, str]) -> dict[str, str]:
        \"\"\"Select from a market.\"\"\"
        match asked["marketId"]:
            case "none":
                raise NoSuchMarket("NO_MARKET", "jane@example.com asked")
            case "broken":
                raise MarketFailed("jane@example.com")
        return asked
"""


def test_the_names_that_a_state_machine_matches_leave_lambda_s_door(installed_plugin: Site) -> None:
    installed_plugin.install_plugin("market", worker=DOOR)
    told = {}

    with door_of(installed_plugin, "market.work") as door:
        result = door({"marketId": "m-1"})
        for market in ("none", "broken", 7):
            try:
                door({"marketId": market})
            except Exception as error:
                told[type(error).__name__] = str(error)

    assert result == {"marketId": "m-1"}
    assert told == {
        "NoSuchMarket": "NO_MARKET: j***@e*** asked",
        "MarketFailed": "j***@e***",
        "Reject": "UNDECODABLE: Expected `str`, got `int` - at `$[...]`",
    }
