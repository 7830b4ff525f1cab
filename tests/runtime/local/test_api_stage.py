"""Whole stages whose workers answer HTTP and GraphQL: what a person with ``curl`` gets."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest

from behind_apis import call
from installed import Site
from shop import install_shop
from staged import eventually
from tiny import on_the_path
from worker_runtime.local.stage.stage import Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from behind_apis import Told

JWT = "h." + urlsafe_b64encode(json.dumps({"sub": "u-7"}).encode()).decode() + ".s"


@pytest.fixture(scope="module", autouse=True)
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the plugin for all tests here."""
    site = Site(tmp_path_factory.mktemp("site"))
    install_shop(site)
    with on_the_path(site):
        yield


@pytest.fixture(scope="module", params=[False, True], ids=["processes", "in-process"])
def stage(request: pytest.FixtureRequest, shop: None) -> Iterator[Stage]:  # noqa: ARG001 - it is installed first
    """Stage the plugin's HTTP workers and those of the catalogue."""
    with Stage(StageOptions(stacks=("shop", "catalogue"), in_process=request.param)) as running:
        yield running


def ask(stage: Stage, worker_id: str, path: str | None = None, *, at: int = 0, **given: Any) -> Told:
    """Ask a worker at its URL, or at another path of the same API."""
    method, url = stage.urls()[worker_id][at].split(" ")
    base, _, own = url.removeprefix("http://").partition("/")
    return call(f"http://{base}", path or f"/{own.partition('#')[0]}", method=method, **given)


def query(stage: Stage, text: str, *, worker_id: str = "shop.catalogue_items", **given: Any) -> Any:
    """Ask the stage's GraphQL API."""
    body = json.dumps({"query": text}).encode()
    return ask(stage, worker_id, body=body, **given).json()


# --- HTTP


def test_a_worker_answers_at_its_url(stage: Stage) -> None:
    answer = ask(stage, "shop.order", "/orders/7?tag=a&tag=b")

    assert answer.json() == {"id": "7", "tags": ["a", "b"]}
    assert answer.headers["content-type"] == "application/json"
    assert [value for name, value in answer.lines if name == "X-Kind"] == ["a", "b"]
    assert [value for name, value in answer.lines if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_a_rejection_is_a_problem_in_json(stage: Stage) -> None:
    answer = ask(stage, "shop.order", "/orders/none", headers=[("X-Correlation-Id", "c-1")])

    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "ORDER_NOT_FOUND",
        "detail": "There is no such order",
        "correlationId": "c-1",
    }


def test_a_retry_says_when_to_come_back(stage: Stage) -> None:
    answer = ask(stage, "shop.order", "/orders/later")

    assert (answer.status, answer.headers["retry-after"]) == (503, "7")


def test_the_api_refuses_what_its_model_does_not_take(stage: Stage) -> None:
    good = ask(stage, "shop.place", body=b'{"id": "7"}')
    bad = ask(stage, "shop.place", body=b'{"id": 7}')

    assert (good.status, good.json()) == (200, {"id": "7", "note": ""})
    assert (bad.status, bad.json()) == (400, {"message": "Invalid request body"})


def test_bytes_go_both_ways(stage: Stage) -> None:
    media = [("Content-Type", "image/png"), ("Accept", "image/png")]

    answer = ask(stage, "shop.picture", "/pictures/7", body=b"\x00\xff\x01", headers=media)

    assert (answer.body, answer.headers["content-type"]) == (b"\x01\xff\x00", "image/png")


@pytest.mark.parametrize("worker_id", ["shop.me", "shop.me_too"])
@pytest.mark.parametrize(("token", "status"), [("", 401), ("bad", 401), ("stolen", 403), ("good", 200)])
def test_an_authorizer_decides_who_comes_in(stage: Stage, worker_id: str, token: str, status: int) -> None:
    headers = [("Authorization", token), ("Cookie", "c=d")] if token else []

    answer = ask(stage, worker_id, headers=headers)

    if worker_id == "shop.me_too" and token == "bad":  # HTTP APIs know only whether
        status = 403
    assert answer.status == status
    if status == 200:
        assert answer.json()["sub"] == "u-1"


def test_a_function_url_takes_all_that_is_asked_for(stage: Stage) -> None:
    posted = ask(
        stage, "shop.hook", "/hook/a%2Fb", body=b"{}", headers=[("Content-Type", "application/json")]
    )
    got = ask(stage, "shop.hook", "/hook", at=1)
    others = [ask(stage, worker_id, "/other") for worker_id in ("shop.ping", "shop.hook")]

    assert posted.json() == {"route": "/hook/{name}", "name": {"name": "a/b"}, "body": "{}"}
    assert got.json() == {"route": "/hook", "name": {}, "body": ""}
    assert [(other.status, other.json()["code"]) for other in others] == 2 * [(404, "NO_SUCH_ROUTE")]
    assert {other.headers["content-type"] for other in others} == {"application/problem+json"}


def test_urls_are_told_by_worker(stage: Stage) -> None:
    urls = stage.urls()

    (order,), hook = urls["shop.order"], urls["shop.hook"]
    assert order.startswith("GET http://127.0.0.1:")
    assert order.endswith("/orders/{id}")
    assert [each.rpartition("/")[2] for each in hook] == ["{name}", "hook"]
    assert urls["shop.place"][0].split(" ")[1] in order
    assert urls["shop.catalogue_item"][0].endswith("/graphql#Query.item")
    assert "shop.let_in" not in urls


def test_a_stage_with_a_caller_who_waits_is_not_idle(stage: Stage) -> None:
    thread = threading.Thread(target=lambda: ask(stage, "shop.place", body=b'{"id": "7", "note": "wait"}'))
    thread.start()

    seen = eventually(lambda: not stage.idle())
    thread.join()

    assert seen
    assert stage.idle()


def test_counts_say_who_was_asked(stage: Stage) -> None:
    before = stage.workers()["shop.order"]

    ask(stage, "shop.order", "/orders/7")
    ask(stage, "shop.order", "/orders/none")

    after = stage.workers()["shop.order"]
    assert (after.invocations - before.invocations, after.records - before.records) == (2, 2)


# --- GraphQL


def test_a_query_reaches_resolvers_in_batches(stage: Stage) -> None:
    before = stage.workers()["shop.catalogue_price"].invocations

    answer = query(stage, "{ items { id price { cents } } }")

    assert answer["data"]["items"] == [
        {"id": "1", "price": {"cents": 100}},
        {"id": "2", "price": None},
        {"id": "3", "price": {"cents": 300}},
    ]
    assert [(each["path"], each["errorType"]) for each in answer["errors"]] == [
        (["items", 1, "price"], "NotFound")
    ]
    assert stage.workers()["shop.catalogue_price"].invocations - before == 2


def test_an_error_of_a_field_is_told_by_its_kind(stage: Stage) -> None:
    answer = query(stage, '{ item(id: "none") { id } other: item(id: "7") { id } }')

    assert answer["data"] == {"item": None, "other": {"id": "7"}}
    (error,) = answer["errors"]
    assert (error["errorType"], error["message"]) == ("NotFound", "ITEM_NOT_FOUND: There is no such item")


def test_a_direct_resolver_answers_without_an_envelope(stage: Stage) -> None:
    known = query(stage, "{ me }", headers=[("Authorization", JWT)])
    unknown = query(stage, "{ me }")

    assert known == {"data": {"me": "u-7"}}
    assert unknown["errors"][0]["message"] == "Unauthorized: NOBODY_UNAUTHORIZED: Say who you are"


# --- what only processes show


@pytest.fixture(scope="module")
def real(shop: None) -> Iterator[Stage]:  # noqa: ARG001 - it is installed first
    """Stage the plugin's HTTP workers and the guarded GraphQL, ten times as fast."""
    with Stage(StageOptions(stacks=("shop", "guarded"))) as running:
        yield running


@pytest.mark.parametrize(
    ("wanted", "status"),
    [("crash", 502), ("slow", 502), ("large", 500)],
    ids=["crashed", "timed out", "over 6 MB"],
)
def test_a_worker_that_cannot_answer_is_told_as_aws_tells_it(real: Stage, wanted: str, status: int) -> None:
    answer = ask(real, "shop.order", f"/orders/{wanted}")

    assert answer.status == status


def test_who_comes_while_the_worker_is_as_busy_as_it_may_be_is_refused(real: Stage) -> None:
    slow = threading.Thread(target=lambda: ask(real, "shop.place", body=b'{"id": "7", "note": "wait"}'))
    slow.start()
    eventually(lambda: real.workers()["shop.place"].invocations)

    answer = ask(real, "shop.place", body=b'{"id": "8"}')

    slow.join()
    assert (answer.status, answer.json()) == (500, {"message": "Internal server error"})


def test_an_authorizer_guards_the_graphql_api(real: Stage) -> None:
    good = query(
        real, "{ me { sub kind } }", worker_id="shop.guarded_me", headers=[("Authorization", "good")]
    )
    bad = ask(
        real,
        "shop.guarded_me",
        body=b'{"query": "{ me }"}',
        headers=[("Authorization", "bad")],
    )

    assert good == {"data": {"me": {"sub": "u-1", "kind": "lambda"}}}
    assert (bad.status, bad.json()["errors"][0]["errorType"]) == (401, "UnauthorizedException")


def test_a_stage_that_is_taken_down_leaves_no_port(shop: None) -> None:  # noqa: ARG001 - it is installed first
    with Stage(StageOptions(stacks=("shop",), in_process=True)) as stage:
        method, url = stage.urls()["shop.order"][0].split(" ")

    with pytest.raises(ConnectionRefusedError):
        call(url.rpartition("/orders")[0], "/orders/7", method=method)


def test_a_stage_that_goes_on_is_found_where_it_was(shop: None, tmp_path: Path) -> None:  # noqa: ARG001 - it is installed first
    options = StageOptions(
        stacks=("shop", "tasks"), in_process=True, state_dir=tmp_path / "state", goes_on=True
    )

    with Stage(options) as stage:
        before = stage.urls()
    with Stage(options) as stage:
        after, answer = stage.urls(), ask(stage, "shop.order", "/orders/7")

    assert before == after
    assert answer.status == 200
