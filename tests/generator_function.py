"""Lambda's Invoke API on loopback, with a generator behind it that does as a test says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.parts.http_server import Request, Response
from worker_runtime.local.stage.parts.routes import Routes
from worker_runtime.local.stage.parts.stand_in import StandIn
from workers_dmnd.keys import sale_keys

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table


class LambdaStandIn(StandIn):
    """Lambda's Invoke of a function that gives the sale's generation a state and replies as it is told."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.state = "DONE"
        self.reply: dict[str, Any] = {"sales": 1, "written": 2, "skipped": 1}
        self.error = False
        self.asked: list[Any] = []
        self._table = table
        self._routes = Routes({"POST /2015-03-31/functions/{name}/invocations": self._invoke})

    def handle(self, request: Request) -> Response:
        return self._routes(request)

    def _invoke(self, request: Request) -> Response:
        asked = json.loads(request.body)
        self.asked.append((request.params["name"], asked))
        self._table.update(
            sale_keys(asked["eventId"], asked["saleId"]), set={"generation": {"id": self.state, "written": 2}}
        )
        headers = {"X-Amz-Function-Error": "Unhandled"} if self.error else {}
        return Response.json(self.reply, headers=headers)
