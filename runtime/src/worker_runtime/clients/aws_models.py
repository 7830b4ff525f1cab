"""botocore's descriptions of services, found and read in a fraction of its own time.

Imported with the first client. botocore looks into the folders of all its four hundred services
before it opens one, and reads JSON slowly: a client of DynamoDB is made in 28 ms instead of 58.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import msgspec
from botocore.exceptions import DataNotFoundError
from botocore.loaders import JSONFileLoader, Loader

if TYPE_CHECKING:
    from collections.abc import Iterator


def models(data_path: str | None) -> Loader:
    """Make the loader of a session; ``data_path`` is AWS_DATA_PATH, where more descriptions are."""
    paths = [] if data_path is None else data_path.split(os.pathsep)
    places = [os.path.expanduser(os.path.expandvars(path)) for path in paths]  # noqa: PTH111 - no pathlib
    return _Models(extra_search_paths=places, file_loader=_Files())


class _Files(JSONFileLoader):
    """Reads descriptions by msgspec, compressed as botocore brings them or not."""

    def exists(self, file_path: str) -> bool:
        """Whether there is such a file; its path is given without the end of its name."""
        return os.path.isfile(f"{file_path}.json.gz") or os.path.isfile(f"{file_path}.json")  # noqa: PTH113 - as above

    def load_file(self, file_path: str) -> Any:
        """Read a file; None where there is none."""
        for end in (".json", ".json.gz"):
            try:
                with open(file_path + end, "rb") as file:  # noqa: PTH123 - as above
                    found = file.read()
            except (FileNotFoundError, NotADirectoryError):
                continue
            return msgspec.json.decode(gzip.decompress(found) if end.endswith(".gz") else found)
        return None


class _Models(Loader):
    """Finds a service in its own folder."""

    def list_available_services(self, type_name: str) -> Any:
        """List all services that have a description of this kind, once somebody goes through the list."""
        return _Services(self, type_name)

    def look_through(self, type_name: str) -> list[str]:
        """Look into all folders, as botocore does."""
        listed: list[str] = super().list_available_services(type_name)
        return listed


class _Services(Sequence[str]):
    """The services there are; one of them is found without looking at the others."""

    def __init__(self, loader: _Models, type_name: str) -> None:
        self._loader = loader
        self._type_name = type_name

    def __contains__(self, service: object) -> bool:
        try:
            self._loader.list_api_versions(str(service), self._type_name)
        except DataNotFoundError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._loader.look_through(self._type_name))

    def __len__(self) -> int:
        return len(self._loader.look_through(self._type_name))

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        return self._loader.look_through(self._type_name)[at]
