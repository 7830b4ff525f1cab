"""A worker's reply as the runtime client posts it, by the client's own rules: for workers in this process."""

from __future__ import annotations

from functools import cache
from typing import Any

from awslambdaric.lambda_runtime_exception import FaultException
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

from worker_runtime.local.stage.execution import answers


def marshalled(reply: Any, *, request_id: str) -> answers.Answer:
    """Tell what a caller gets for what a handler returned: the reply, or why it was refused."""
    try:
        text, _content_type = _marshaller().marshal_response(reply)
    except FaultException as error:
        return answers.FunctionError(error_type=error.exception_type, message=error.msg)
    try:
        payload = text if isinstance(text, bytes) else text.encode()
    except UnicodeEncodeError:  # the client does not catch it, and ends
        return answers.crashed(request_id, exit_code=1, started=True)
    return answers.Reply(payload) if len(payload) <= answers.MAX_REPLY_BYTES else answers.too_large()


@cache
def _marshaller() -> LambdaMarshaller:
    marshaller = LambdaMarshaller()
    marshaller.jsonEncoder.ensure_ascii = False  # as on the Python that we deploy to, from 3.12 on
    return marshaller
