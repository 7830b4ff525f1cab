"""How long pollers wait: before they look again, after what they ask is broken, before the next try.

Shared by all that poll; what waits by a rule of its own says so itself.
"""

from __future__ import annotations

from typing import Final

POLL_S: Final = (0.02, 0.25)
"""Of the machine's time: right after there was something, and when there has been nothing for a while."""

BROKEN_S: Final = 0.5
"""Of the machine's time: until AWS or Kafka is asked again after a call failed."""

GROWTH_S: Final = 1.0
"""Of the machine's time: until Kafka is asked again whether a topic has more partitions."""

BACK_OFF_S: Final = (1.0, 30.0)
"""Of the stage's time: after a stream's or topic's first error in a row, doubling up to the latter.

AWS says no more than "exponential".
"""
