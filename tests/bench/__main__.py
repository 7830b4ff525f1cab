"""Run every measurement beside the alternatives, one after the other."""

from __future__ import annotations

import runpy
from pathlib import Path

for file in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    runpy.run_path(str(file), run_name="__main__")
