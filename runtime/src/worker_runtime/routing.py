"""Which of a worker's sources an event came from: asked by what runs it, and by what traces it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime.errors import UnrecognisedEvent
from worker_runtime.outcomes import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.sources import Source

_NAMED: Final = frozenset((Family.APPSYNC, Family.HTTP))
"""Their events name the very field or route: of several sources one has it, or none."""


def route(sources: Sequence[Source], event: Any, *, worker: str) -> Source:
    """Find the declared source that takes the event; what it names only breaks ties.

    Raises UnrecognisedEvent, in the name of ``worker``, where none does.
    """
    fitting = [source for source in sources if source.recognises(event)]
    if len(fitting) > 1:  # a direct invocation may be anything, so it is asked last
        fitting = [source for source in fitting if source.family is not Family.INVOKE]
    if len(fitting) > 1:
        owning = [source for source in fitting if source.owns(event)]
        named = any(source.family in _NAMED for source in fitting)
        unnamed = [source for source in fitting if not named or _refuses(source, event)]
        fitting = sorted(owning, key=lambda source: len(source.name), reverse=True) or unnamed
    if not fitting:
        from worker_runtime.outlines import outline  # noqa: PLC0415 - hardly ever needed

        declared = ", ".join(f"{source.kind} {source.name}" for source in sources)
        raise UnrecognisedEvent(f"{worker} takes {declared}; this event is {outline(event)}.")
    return fitting[0]


def _refuses(source: Source, event: Any) -> bool:
    """Whether a source tells who asks for none of its worker's routes so, as function URLs have to."""
    refuses = getattr(source, "refuses", None)
    return refuses is not None and refuses(event)
