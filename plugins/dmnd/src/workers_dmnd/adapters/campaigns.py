"""Campaigns, from the Campaign Service."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from worker_runtime import Retry
from workers_dmnd.models import Campaign

if TYPE_CHECKING:
    from worker_runtime.clients.http import HttpService


class CampaignService:
    """Serves ``CampaignStore``: one call a campaign, no cache."""

    def __init__(self, http: HttpService) -> None:
        self._http = http

    def find(self, campaign_id: str) -> Campaign | None:
        """Return a campaign as it is now; None where the service knows none.

        Raises what ``HttpService.check`` does of any other answer, Retry where it is unreadable.
        """
        response = self._http.get(f"/v1/campaigns/{quote(campaign_id, safe='')}")
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        self._http.check(response)
        try:
            return msgspec.json.decode(response.content, type=Campaign)
        except msgspec.MsgspecError as error:
            raise Retry(reason=f"campaign: the answer is no campaign: {error}") from error
