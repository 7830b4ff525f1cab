"""Everything that is raised: what a worker says of a record, and what is wrong with a set-up.

WorkerRuntimeError
├── Verdict                  a worker's word on the record at hand; see ``outcomes.VERDICTS``
│   ├── Skip                 nothing to do
│   ├── Retry                not now; a receive or an attempt is spent
│   │   └── NotCalled        a service was not even asked; in ``clients/not_called.py``
│   │       └── CircuitOpen  it failed too often to be called now; in ``clients/breaker.py``
│   ├── Defer                not now; nothing is spent where the source can carry it
│   ├── Reject               never; the record goes to the dead letters
│   │   └── ServiceRefused   a service refused what we asked of it; callers who wait learn no more
│   └── Halt                 nobody's turn; somebody has to mend something first
├── DeclarationError         a worker, source or grant is declared wrongly (raised at import)
│   └── InvalidPattern       an event pattern that AWS would refuse
├── SettingsError            the environment or a settings file is wrong
├── LoadError                a worker cannot be made ready to run
│   ├── UnknownWorker        no installed plugin has it
│   ├── AmbiguousWorker      a bare name that several plugins have
│   ├── DuplicateWorker      two distributions claim one id
│   ├── BrokenPlugin         its module, hooks or services raise or are misspelt
│   ├── IncompatiblePlugin   it was written for another ``WORKER_API``
│   ├── ServiceMissing       nobody provides what a worker or a factory asks for
│   └── ServiceCycle         services that need each other
├── UnrecognisedEvent        no declared source takes the event
├── BatchFailed              raised to Lambda so that the whole batch is delivered again
├── ReplyRefused             a reply that AWS would read as something else
└── PartBroken               a part of the local stage cannot run here; in ``local/stage/parts/part.py``
"""

from __future__ import annotations

from typing import Final

UNDECODABLE: Final = "UNDECODABLE"
"""The code under which a body that is none of the worker's type is rejected."""


class WorkerRuntimeError(Exception):
    """The root of all that the runtime raises."""


class Verdict(WorkerRuntimeError):
    """A worker's word on the record at hand."""


class Skip(Verdict):
    """Say that there is nothing to do: already done, superseded, no longer applicable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Retry(Verdict):
    """Have the record delivered again; after ``after_s`` seconds where the source can wait."""

    def __init__(self, after_s: float | None = None, *, reason: str = "") -> None:
        super().__init__(reason or "retry")
        self.after_s = None if after_s is None else float(after_s)


class Defer(Verdict):
    """Have the record delivered again in ``after_s`` seconds without spending a receive."""

    def __init__(self, after_s: float, *, reason: str = "") -> None:
        super().__init__(reason or "deferred")
        self.after_s = float(after_s)


class Reject(Verdict):
    """Send the record to the dead letters under ``code``, a name in upper case.

    ``detail`` is for whoever mends it. A caller who waits for an answer reads ``code`` and ``tell`` alone.
    """

    def __init__(self, code: str, detail: str = "", *, tell: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.tell = tell


class ServiceRefused(Reject):
    """Reject what a service will never take: raised by our clients, and no mistake of who asked us."""


class Halt(Verdict):
    """Start nothing more: somebody has to mend something first (credentials, configuration)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DeclarationError(WorkerRuntimeError):
    """A worker, source or grant is declared wrongly."""


class InvalidPattern(DeclarationError):
    """An event pattern that AWS would refuse."""


class SettingsError(WorkerRuntimeError):
    """The environment or a settings file is wrong."""


class LoadError(WorkerRuntimeError):
    """A worker cannot be made ready to run."""


class UnknownWorker(LoadError):
    """No installed plugin has the worker."""


class AmbiguousWorker(LoadError):
    """Several plugins have a worker of this bare name."""


class DuplicateWorker(LoadError):
    """Two distributions claim one worker id."""


class BrokenPlugin(LoadError):
    """A plugin's module, hooks or services raise or are misspelt."""


class IncompatiblePlugin(LoadError):
    """A plugin was written for another ``WORKER_API``."""


class ServiceMissing(LoadError):
    """Nobody provides what a worker or a factory asks for."""


class ServiceCycle(LoadError):
    """Services that need each other."""


class UnrecognisedEvent(WorkerRuntimeError):
    """No source that the worker declares takes the event."""


class BatchFailed(WorkerRuntimeError):
    """The whole batch has to be delivered again."""


class ReplyRefused(WorkerRuntimeError):
    """A reply that AWS would read as something else."""


def text_of(error: BaseException) -> str:
    """Return an error's text; one that fails to say it is named instead, so that nobody fails with it."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a worker's own __str__ may raise anything
        return f"{type(error).__name__}, which cannot say more"
