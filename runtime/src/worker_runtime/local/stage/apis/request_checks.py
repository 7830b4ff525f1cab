"""What a REST API refuses by itself: a request without what its route requires, a body that is no model's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.decoding import json_decoder
from worker_runtime.sources.http_request import INVALID_BODY, MISSING_PARAMETERS

if TYPE_CHECKING:
    from worker_runtime.local.stage.apis.http_call import HttpCall
    from worker_runtime.sources.api_gateway import ApiGateway


def fault_of(call: HttpCall, source: ApiGateway) -> str | None:
    """Say what is wrong with a request, in the words of API Gateway's validator; None where nothing is.

    The model itself is asked, not the schema that Terraform makes of it: they say the same.
    """
    query = call.query
    missing = [name for name in source.required_query if not "".join(query.get(name, ())).strip()]
    missing += [name for name in source.required_headers if not call.header(name).strip()]
    if missing:
        return MISSING_PARAMETERS.format(", ".join(missing))
    if source.body is None or call.media_type not in ("", "application/json"):  # it has a model for JSON only
        return None
    try:
        json_decoder(source.body)(call.body or b"{}")
    except Exception:  # noqa: BLE001 - whatever a model says of what it is not
        return INVALID_BODY
    return None
