"""Third-party plugins, installed beside the project's own: packages and their metadata in one folder."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WORKERS = "worker_runtime.workers"
PLUGINS = "worker_runtime.plugins"
LOCAL = "worker_runtime.local"


class Site:
    """A folder to put on PYTHONPATH; what is installed in it is found as if pip had done it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        distribution: str,
        *,
        files: Mapping[str, str],
        entry_points: Mapping[str, Mapping[str, str]],
        version: str = "1.0.0",
    ) -> None:
        """Write a distribution's modules (path to source) and its entry points (group to name to value)."""
        for path, source in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(source), encoding="utf-8")
        about = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        about.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}", ""]
        (about / "METADATA").write_text("\n".join(lines), encoding="utf-8")
        listed = [
            line
            for group, points in entry_points.items()
            for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
        ]
        (about / "entry_points.txt").write_text("\n".join(listed), encoding="utf-8")

    def install_plugin(  # noqa: PLR0913 - each is a file of it, most are usual
        self,
        plugin: str,
        *,
        worker: str = "",
        hooks: str = "WORKER_API = (1, 0)",
        local: str | None = None,
        files: Mapping[str, str] | None = None,
        version: str = "1.0.0",
    ) -> None:
        """Write the usual distribution: one worker ``PLUGIN.work``, its plugin, its local hooks."""
        package = f"{plugin}_things"
        modules = {"__init__.py": "", "plugin.py": hooks, **(files or {})}
        entry_points = {PLUGINS: {plugin: f"{package}.plugin"}}
        if worker:
            modules["work.py"] = worker
            entry_points[WORKERS] = {f"{plugin}.work": f"{package}.work:work"}
        if local is not None:
            modules["local.py"] = local
            entry_points[LOCAL] = {plugin: f"{package}.local"}
        self.install(
            f"workers-{plugin}",
            files={f"{package}/{path}": source for path, source in modules.items()},
            entry_points=entry_points,
            version=version,
        )
