from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import worker_runtime
from worker_runtime.catalogue import Catalogue, Entry
from worker_runtime.delivery.worker_index import write_index

ASK = """
import sys
from worker_runtime.catalogue import installed
found = installed()
print(found.find("shipOrder"), found.worker("shop.shipOrder").version, "importlib_metadata" in sys.modules)
"""


def test_a_layer_s_index_is_read_instead_of_a_scan(tmp_path: Path) -> None:
    package = Path(worker_runtime.__file__).parent
    (tmp_path / "worker_runtime").symlink_to(
        package
    )  # a layer's import path: the package, the index beside it
    entry = Entry("workers_shop.shipping:ship_order", "workers-shop", "1.2.3")
    write_index(tmp_path, Catalogue(workers={"shop.shipOrder": [entry]}, plugins={}, local={"shop": [entry]}))

    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    asked = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", ASK], env=environ, capture_output=True, text=True, check=True
    )

    assert asked.stdout.split() == ["shop.shipOrder", "1.2.3", "False"]
