"""Personal data to hashes, by which rows can be joined and nobody can be called."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from worker_runtime import Halt

if TYPE_CHECKING:
    from collections.abc import Callable


class Hashes:
    """The hashes of one batch: HMAC-SHA256 under a secret salt, in hexadecimal.

    Without the salt the hash of a phone number cannot be found by trying all numbers. The salt is fetched for
    the first one; a value that comes again is not computed again.
    """

    def __init__(self, salt: Callable[[], str]) -> None:
        self._salt = salt
        self._key = b""
        self._known: dict[str | None, str | None] = {None: None, "": None}

    def of(self, value: str | None) -> str | None:
        """Return a value's hash, None where there is none; spaces around and capitals make no difference."""
        try:
            return self._known[value]
        except KeyError:
            assert value is not None  # noqa: S101 - None is known
        if not self._key:
            self._key = self._salt().encode()
        if not self._key:
            raise Halt("the salt of hashes is empty; set the key of the secret that delivery.salt names.")
        made = hmac.digest(self._key, value.strip().lower().encode(), "sha256").hex()
        self._known[value] = made
        return made
