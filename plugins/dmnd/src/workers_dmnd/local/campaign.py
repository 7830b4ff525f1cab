"""The Campaign Service on loopback: campaigns by their id, and whom each one speaks to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.local.stage.parts.http_server import Request, Response
from worker_runtime.local.stage.parts.routes import Routes
from worker_runtime.local.stage.parts.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.clock import Clock

PATH: Final = "/v1/campaigns"


class CampaignStandIn(StandIn):
    """Keeps campaigns; one that nobody put is open and speaks to all, so that a sale may name any."""

    def __init__(self, *, clock: Clock | None = None, seed: int = 0) -> None:
        super().__init__(clock=clock, seed=seed)
        self._put: dict[str, dict[str, Any]] = {}
        self._removed: set[str] = set()
        self._state = threading.Lock()
        self._routes = Routes({f"GET {PATH}/{{campaign_id}}": self._find})

    def recall(self) -> None:
        """Read what was put and removed."""
        for campaign_id, value in self.memory.read("campaign"):
            kept = msgspec.json.decode(value)
            if kept is None:
                self._removed.add(campaign_id)
            else:
                self._put[campaign_id] = kept

    def handle(self, request: Request) -> Response:
        """Answer as the Campaign Service does."""
        return self._routes(request)

    def put(
        self, campaign_id: str, *, name: str = "A campaign", locales: Sequence[str] | None = None
    ) -> None:
        """Put a campaign; ``locales`` is the audience it speaks to, None all."""
        put = campaign(campaign_id, name=name, locales=locales)
        with self._state:
            self.memory.put("campaign", campaign_id, msgspec.json.encode(put))
            self._removed.discard(campaign_id)
            self._put[campaign_id] = put

    def remove(self, campaign_id: str) -> None:
        """Let there be no such campaign."""
        with self._state:
            self.memory.put("campaign", campaign_id, msgspec.json.encode(None))
            self._put.pop(campaign_id, None)
            self._removed.add(campaign_id)

    def _find(self, request: Request) -> Response:
        campaign_id = request.params["campaign_id"]
        with self._state:
            if campaign_id in self._removed:
                return Response.json({"code": "CAMPAIGN_NOT_FOUND"}, status=404)
            return Response.json(self._put.get(campaign_id) or campaign(campaign_id))


def campaign(
    campaign_id: str, *, name: str = "A campaign", locales: Sequence[str] | None = None
) -> dict[str, Any]:
    """Word a campaign as the service does."""
    return {
        "campaignId": campaign_id,
        "name": name,
        "opensAt": "2026-01-01T00:00:00.000Z",
        "closesAt": "2027-12-31T00:00:00.000Z",
        "status": {"id": "OPEN"},
        "maxMarkets": 3,
        "allowEdit": True,
        "requirePhone": False,
        "audience": {} if locales is None else {"locales": list(locales)},
    }
