"""``python -m worker_runtime.cli``: the command without its script."""

from __future__ import annotations

import sys

from worker_runtime.cli import main

sys.exit(main())
