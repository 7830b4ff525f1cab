"""Where the made events come from: a region and an account that no deployment has."""

from __future__ import annotations

from typing import Final

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
