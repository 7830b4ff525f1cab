"""The door to AWS: one botocore session a process, one client a service, errors turned into verdicts.

The endpoint comes from ``AWS_ENDPOINT_URL`` (botocore reads it), the region from ``AWS_REGION``.
botocore is imported when the first client is asked for, never by importing this module.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.clients.aws_verdicts import blamed, verdict_of
from worker_runtime.clients.calls import noted
from worker_runtime.clients.time_left import budget_s, left_s
from worker_runtime.errors import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.session import Session

RESERVE_S: Final = 0.25  # of the invocation, kept for its reply
LONGEST_BACKOFF_S: Final = 2.0  # between the three tries of botocore's standard mode
CONNECTIONS: Final = 50  # a batch runs up to 32 records at once; botocore's own 10 would be thrown away
SHORT_TIMEOUTS_S: Final = ((1.0, 4.0), (1.0, 2.0), (0.5, 1.0), (0.25, 0.5), (0.1, 0.2))

_lock = threading.RLock()
_session: Session | None = None
_clients: dict[tuple[object, ...], Any] = {}


def session() -> Session:
    """Return the process's one botocore session."""
    global _session  # noqa: PLW0603 - one session a process is the point
    with _lock:
        if _session is None:
            import botocore.session  # noqa: PLC0415 - costs a cold start that needs no AWS client nothing

            from worker_runtime.clients.aws_models import models  # noqa: PLC0415 - as above

            _session = botocore.session.get_session()
            _session.register_component("data_loader", models(_session.get_config_variable("data_path")))
        return _session


def client(
    service: str, *, attempts: int = 3, connect_timeout_s: float = 1.0, read_timeout_s: float = 5.0
) -> Any:
    """Return the service's client whose time-outs fit into what is left of the invocation.

    ``attempts`` counts the first try; 1 turns the SDK's retries off. Near the deadline the client
    tries once, with shorter time-outs; where nothing is left, Retry is raised.
    """
    while True:
        fitting = _fitting(service, attempts, connect_timeout_s, read_timeout_s)
        if fitting in _clients:
            return _clients[fitting]
        _make(*fitting)  # the first one of a process takes long enough that less may fit now


def _fitting(
    service: str, attempts: int, connect_timeout_s: float, read_timeout_s: float
) -> tuple[str, int, float, float]:
    """Return what is asked for, or as much of it as fits into what is left."""
    whole_s = connect_timeout_s + read_timeout_s + (LONGEST_BACKOFF_S if attempts > 1 else 0)
    left_s = budget_s(whole_s, reserve_s=RESERVE_S, service=service)
    if left_s < whole_s:
        return service, 1, *_short(left_s, longest=(connect_timeout_s, read_timeout_s))
    return service, attempts, connect_timeout_s, read_timeout_s


def forget() -> None:
    """Close all clients; the next ones read endpoint, region and credentials from the environment anew."""
    global _session  # noqa: PLW0603 - as above
    with _lock:
        for made in _clients.values():
            made.close()
        _clients.clear()
        _session = None


@contextmanager
def verdicts(service: str, *, of: str = "") -> Iterator[None]:
    """Raise botocore's errors as verdicts, and note the call; ``of`` names the resource that is asked for."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - with the first client

    try:
        with noted(service, class_of=blamed):
            yield
    except (BotoCoreError, ClientError) as error:
        raise verdict_of(error, service=service, of=of) from error


def _short(left_s: float, *, longest: tuple[float, float]) -> tuple[float, float]:
    """Return the longest of the few time-outs that fit: few, because each needs a client of its own."""
    fitting = (pair for pair in (longest, *SHORT_TIMEOUTS_S) if sum(pair) <= left_s)
    return next(fitting, SHORT_TIMEOUTS_S[-1])


def _make(service: str, attempts: int, connect_timeout_s: float, read_timeout_s: float) -> None:
    from botocore.config import Config  # noqa: PLC0415 - with the first client

    asked = (service, attempts, connect_timeout_s, read_timeout_s)
    with _lock:  # making clients is not thread-safe, using them is
        if asked not in _clients:
            made = session().create_client(
                service,
                region_name=os.environ.get("AWS_REGION"),  # botocore itself reads AWS_DEFAULT_REGION
                config=Config(
                    connect_timeout=connect_timeout_s,
                    read_timeout=read_timeout_s,
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    max_pool_connections=CONNECTIONS,
                ),
            )
            if attempts > 1:  # a first try was found to fit when the client was asked for
                needed_s = connect_timeout_s + read_timeout_s
                made.meta.events.register("before-send", _deadline_guard(service, needed_s))
            _clients[asked] = made


def _deadline_guard(service: str, needed_s: float) -> Any:
    def refuse_what_cannot_end_in_time(**_: object) -> None:
        """Stop the SDK's next try where it might outlive the invocation."""
        if left_s() < needed_s:
            raise Retry(reason=f"{service} was not tried again: the invocation would end first.")

    return refuse_what_cannot_end_in_time
