"""Lambda's door: ``worker_runtime.handler.handler`` is what every function of ours is configured with.

The worker is loaded when Lambda asks for the handler, that is during INIT; importing this module
loads nothing.
"""

from __future__ import annotations

import atexit
import os
import signal
from typing import TYPE_CHECKING, Any

from worker_runtime import clock
from worker_runtime.errors import SettingsError, text_of
from worker_runtime.loading import load
from worker_runtime.middleware.logging import configure_logging
from worker_runtime.redaction import redact_text
from worker_runtime.runtime import composed
from worker_runtime.sending import AwsSender
from worker_runtime.settings import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.invocation import LambdaContext

    Handler = Callable[[Any, LambdaContext], Any]


def open_door(
    environ: Mapping[str, str], *, at_end: Callable[[Callable[[], None]], object] = atexit.register
) -> Handler:
    """Load the worker that ``APP_NAME`` names and return what Lambda calls with event and context.

    ``at_end`` is handed what closes the worker's services.
    """
    environment = Environment.read(environ)
    if not environment.app_name:
        raise SettingsError("APP_NAME is not set; it names the worker: plugin.worker (`workers list`).")
    if environment.clock:
        clock.use(clock.parse(environment.clock))
    configure_logging(level=environment.log_level, fields={})
    worker = load(environment.app_name, environment=environment)
    configure_logging(level=environment.log_level, fields=worker.log_fields(environment))
    at_end(worker.services.close)
    run = composed(worker, sender=AwsSender(environment))

    def handler(event: Any, context: LambdaContext) -> Any:
        try:
            return run(event, context)
        except Exception as error:  # noqa: BLE001 - Lambda prints and posts its text; it leaves redacted
            raise _redacted(error) from None

    return handler


def _redacted(error: Exception) -> Exception:
    """Return an error of the same class name, which callers match on, with a redacted text."""
    kind = type(type(error).__name__, (Exception,), {"__module__": "worker_runtime.errors"})
    redacted: Exception = kind(redact_text(text_of(error)))
    return redacted


def _when_terminated(close: Callable[[], None]) -> None:
    """Close on SIGTERM, which Lambda sends where an extension is present, and end as without us."""

    def end(signum: int, _frame: object) -> None:
        close()
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)

    signal.signal(signal.SIGTERM, end)


def __getattr__(name: str) -> Any:
    if name == "handler":
        return open_door(os.environ, at_end=_when_terminated)
    raise AttributeError(name)
