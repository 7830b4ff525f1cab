"""What was measured on what: the line above the table."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    *(
        "worker-runtime",
        "msgspec",
        "pybase64",
        "aws-lambda-powertools",
        "pydantic",
        "boto3",
        "httpx",
        "awslambdaric",
    ),
)


def told() -> str:
    """Name the day, the machine and the versions."""
    packages = [f"{name} {_version(name)}" for name in PACKAGES]
    node = shutil.which("node")
    if node:
        ran = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - as found
        packages.append(f"node {ran.stdout.strip().removeprefix('v')}")
    day = datetime.now(tz=UTC).date().isoformat()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{day}, {python}, {where}; {', '.join(packages)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
