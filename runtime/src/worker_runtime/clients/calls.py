"""Notes how calls to other services went, for the metrics of whatever invocation they are made in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from worker_runtime import clock
from worker_runtime.clients.not_called import NotCalled
from worker_runtime.invocation import note_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Call:
    """A call that is being made; ``error`` is the class of its error, where it has one."""

    error: str | None = None


@contextmanager
def noted(service: str, *, class_of: Callable[[Exception], str | None]) -> Iterator[Call]:
    """Note a call to ``service``; ``class_of`` names an error's class, None where it is none of the service.

    What was not even called is not noted.
    """
    note, call, began = note_call(), Call(), clock.now()
    try:
        yield call
    except NotCalled:
        note = None
        raise
    except Exception as error:
        call.error = class_of(error)
        raise
    finally:
        if note is not None:
            note(service, clock.now() - began, call.error)
