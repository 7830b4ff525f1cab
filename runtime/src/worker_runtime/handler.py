"""Lambda's door: ``worker_runtime.handler.handler`` is what every function of ours is configured with.

The worker is loaded when Lambda asks for the handler, that is during INIT; importing this module
loads nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from worker_runtime import clock
from worker_runtime.errors import text_of
from worker_runtime.loading import load
from worker_runtime.middleware.logging import configure_logging
from worker_runtime.redaction import redact_text
from worker_runtime.runtime import run
from worker_runtime.sending import AwsSender
from worker_runtime.settings import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.invocation import LambdaContext

    Handler = Callable[[Any, LambdaContext], Any]


def open_door(environ: Mapping[str, str]) -> Handler:
    """Load the worker that ``APP_NAME`` names and return what Lambda calls with event and context."""
    environment = Environment.read(environ)
    if environment.clock:
        clock.use(clock.parse(environment.clock))
    configure_logging(level=environment.log_level, fields={})
    worker = load(environment.app_name, environment=environment)
    configure_logging(level=environment.log_level, fields=worker.log_fields(environment))
    sender = AwsSender(environment)

    def handler(event: Any, context: LambdaContext) -> Any:
        try:
            return run(worker, event, context=context, sender=sender)
        except Exception as error:  # noqa: BLE001 - Lambda prints and posts its text; it leaves redacted
            raise _redacted(error) from None

    return handler


def _redacted(error: Exception) -> Exception:
    """Return an error of the same class name, which callers match on, with a redacted text."""
    kind = type(type(error).__name__, (Exception,), {"__module__": "worker_runtime.errors"})
    redacted: Exception = kind(redact_text(text_of(error)))
    return redacted


def __getattr__(name: str) -> Any:
    if name == "handler":
        return open_door(os.environ)
    raise AttributeError(name)
