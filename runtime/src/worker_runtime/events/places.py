"""Where and when the made events come from: a region and an account that no deployment has, the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"


def moment_text(stamp: float) -> str:
    """Write an epoch stamp as AWS writes times: in UTC, to the millisecond."""
    return datetime.fromtimestamp(stamp, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
