"""The verdict of a call that was never made, for who counts the calls that were.

Clients raise it before the first byte: nothing of the call can have had an effect, nothing came of it.
"""

from __future__ import annotations

from worker_runtime.errors import Retry


class NotCalled(Retry):
    """The service was not even asked: no time, no connection or no credentials were left for it."""
