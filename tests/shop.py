"""A third-party plugin for tests of the stage whose workers answer who waits: HTTP, GraphQL, tasks, lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from installed import Site

ORDERS = '''
"""Orders over HTTP."""

import os
import time

from msgspec import Struct

from worker_runtime import (
    ApiGateway, Authorization, HttpRequest, HttpResponse, Reject, Retry, Stack, TokenAuthorizer, worker,
)

SHOP = Stack("shop")
NOBODY = Reject("ORDER_NOT_FOUND", "the table has no such item", tell="There is no such order")


class Order(Struct):
    id: str
    note: str = ""


class Nothing(Struct):
    pass


class Bearer(Struct):
    token: str | None = None


@worker(ApiGateway("GET /orders/{id}", statuses={"ORDER_NOT_FOUND": 404}), stack=SHOP, timeout_s=3)
def order(request: HttpRequest[Nothing]) -> HttpResponse:
    """Tell of an order, or of what is wrong with it."""
    match request.path_parameters["id"]:
        case "none":
            raise NOBODY
        case "later":
            raise Retry(after_s=7)
        case "crash":
            os._exit(1)
        case "slow":
            time.sleep(30)
        case "large":
            return HttpResponse(200, "x" * 7_000_000)
        case id:
            body = {"id": id, "tags": list(request.values("tag"))}
            return HttpResponse(200, body, {"X-Kind": ["a", "b"]}, cookies=["a=1", "b=2"])


@worker(
    ApiGateway("POST /orders", body=Order, binary_types=("image/png",)),
    stack=SHOP,
    timeout_s=10,
    reserved_concurrency=1,
)
def place(order: Order) -> Order:
    """Take an order."""
    if order.note == "wait":
        time.sleep(1)
    return order


@worker(ApiGateway("PUT /pictures/{id}", binary_types=("image/png",)), stack=SHOP, timeout_s=10)
def picture(request: HttpRequest[bytes]) -> HttpResponse:
    """Send a picture back, turned round."""
    return HttpResponse(200, request.body[::-1], {"Content-Type": "image/png"})


@worker(ApiGateway("GET /me", authorizer="token"), stack=SHOP, timeout_s=10)
def me(request: HttpRequest[Nothing]) -> dict:
    """Say who asks."""
    return dict(request.claims)


@worker(ApiGateway("GET /me", endpoint="http", authorizer="flag"), stack=SHOP, timeout_s=10)
def me_too(request: HttpRequest[Nothing]) -> dict:
    """Say who asks, of an HTTP API."""
    return {**request.claims, **request.cookies}


@worker(
    ApiGateway("POST /hook/{name}", endpoint="url"),
    ApiGateway("GET /hook", endpoint="url"),
    stack=SHOP,
    timeout_s=10,
)
def hook(request: HttpRequest[bytes]) -> dict:
    """Say what came to the function's URL."""
    return {"route": request.route, "name": dict(request.path_parameters), "body": request.body.decode()}


@worker(ApiGateway("GET /ping", endpoint="url"), stack=SHOP, timeout_s=10)
def ping(request: HttpRequest[Nothing]) -> None:
    """Answer."""


def said_of(bearer):
    if bearer.token == "stolen":
        raise Reject("TOKEN_FORBIDDEN", "it was stolen")
    return Authorization(valid=bearer.token == "good", sub="u-1")


@worker(TokenAuthorizer("token"), stack=SHOP, timeout_s=10)
def let_in(bearer: Bearer) -> Authorization:
    """Say whose token it is."""
    return said_of(bearer)


@worker(TokenAuthorizer("flag", endpoint="http"), stack=SHOP, timeout_s=10)
def let_in_too(bearer: Bearer) -> Authorization:
    """Say whose token it is, to an HTTP API."""
    return said_of(bearer)
'''

CATALOGUE = '''
"""Items over GraphQL."""

from msgspec import Struct

from worker_runtime import AppSync, AppSyncAuthorizer, Authorization, FieldRequest, Reject, Stack, worker

CATALOGUE = Stack("catalogue")


class Asked(Struct):
    id: str = ""


class Nothing(Struct):
    pass


class Bearer(Struct):
    token: str | None = None


@worker(AppSync("Query.items"), stack=CATALOGUE, timeout_s=10)
def items() -> list:
    """List all items."""
    return [{"id": str(n)} for n in range(1, 4)]


@worker(AppSync("Query.item"), stack=CATALOGUE, timeout_s=10)
def item(asked: Asked) -> dict:
    """Find an item."""
    if asked.id == "none":
        raise Reject("ITEM_NOT_FOUND", tell="There is no such item")
    return {"id": asked.id}


@worker(AppSync("Item.price", batch_size=2), stack=CATALOGUE, timeout_s=10)
def price(request: FieldRequest[Nothing]) -> dict:
    """Tell an item's price."""
    if request.source["id"] == "2":
        raise Reject("PRICE_NOT_FOUND", tell="It is not for sale")
    return {"cents": int(request.source["id"]) * 100}


@worker(AppSync("Query.me", form="direct"), stack=CATALOGUE, timeout_s=10)
def me(request: FieldRequest[Nothing]) -> str | None:
    """Say who asks."""
    if request.identity is None:
        raise Reject("NOBODY_UNAUTHORIZED", tell="Say who you are")
    return request.identity.sub
'''

GUARDED = '''
"""The same, guarded."""

from msgspec import Struct

from worker_runtime import AppSync, AppSyncAuthorizer, Authorization, FieldRequest, Stack, worker

GUARDED = Stack("guarded")


class Nothing(Struct):
    pass


class Bearer(Struct):
    token: str | None = None


@worker(AppSync("Query.me"), stack=GUARDED, timeout_s=10)
def me(request: FieldRequest[Nothing]) -> dict:
    """Say who asks."""
    return {"sub": request.identity.sub, "kind": request.identity.kind}


@worker(AppSyncAuthorizer("shop"), stack=GUARDED, timeout_s=10)
def let_in(bearer: Bearer) -> Authorization:
    """Say whose token it is."""
    return Authorization(valid=bearer.token == "good", sub="u-1")
'''

TASKS = '''
"""Tasks of a state machine."""

import time

from msgspec import Struct

from worker_runtime import Firehose, Halt, Invoke, Reject, Skip, Stack, worker

TASKS = Stack("tasks")


class Task(Struct):
    do: str
    size: int = 0


class OutOfStock(Reject):
    """What a state machine catches by its name."""


class Line(Struct):
    text: str


tries = {}


@worker(Invoke(state_machine="flow"), stack=TASKS, timeout_s=3)
def work(task: Task) -> dict:
    """Do what a task asks."""
    match task.do:
        case "refuse":
            raise OutOfStock("STOCK", "as asked")
        case "twice":
            tries["twice"] = tries.get("twice", 0) + 1
            if tries["twice"] < 3:
                raise ConnectionError("not yet")
        case "large":
            return {"text": "x" * task.size}
        case "sleep":
            time.sleep(30)
    return {"did": task.do}


@worker(Invoke(), stack=TASKS, timeout_s=10)
def echo(payload: dict) -> dict:
    """Say it again."""
    return payload


@worker(Firehose("lines", retries=2), stack=TASKS, timeout_s=10)
def shout(line: Line) -> str:
    """Put a line into capitals."""
    if line.text == "drop":
        raise Skip("as asked")
    if line.text == "halt":
        raise Halt("the printer is out of ink")
    return line.text.upper() + "\\n"
'''

WORKERS = {
    "shop_things.orders": (
        "order",
        "place",
        "picture",
        "me",
        "me_too",
        "hook",
        "ping",
        "let_in",
        "let_in_too",
    ),
    "shop_things.catalogue": ("items", "item", "price", "me"),
    "shop_things.guarded": ("me", "let_in"),
    "shop_things.tasks": ("work", "echo", "shout"),
}


def worker_id(module: str, name: str) -> str:
    """Name a worker of the plugin: those of ``orders`` by their own names, others by their module's too."""
    stem = module.removeprefix("shop_things.")
    return f"shop.{name}" if stem == "orders" else f"shop.{stem}_{name}"


def install_shop(site: Site) -> None:
    """Install the plugin; its stacks are ``shop``, ``catalogue``, ``guarded`` and ``tasks``."""
    site.install(
        "workers-shop",
        files={
            "shop_things/__init__.py": "",
            "shop_things/orders.py": ORDERS,
            "shop_things/catalogue.py": CATALOGUE,
            "shop_things/guarded.py": GUARDED,
            "shop_things/tasks.py": TASKS,
            "shop_things/plugin.py": "WORKER_API = (1, 0)\n",
        },
        entry_points={
            "worker_runtime.workers": {
                worker_id(module, name): f"{module}:{name}"
                for module, names in WORKERS.items()
                for name in names
            },
            "worker_runtime.plugins": {"shop": "shop_things.plugin"},
        },
    )
