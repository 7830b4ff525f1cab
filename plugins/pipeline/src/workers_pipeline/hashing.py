"""Personal data to hashes, by which rows can be joined and nobody can be called."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from worker_runtime import Halt

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash

    _Begun = Callable[[], _Hash]

_BLOCK: Final = 64  # bytes that SHA-256 takes at once
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


class Hashes(dict[str | None, str | None]):
    """The hashes of one batch by value: HMAC-SHA256 under a secret salt, in hexadecimal; None has none.

    Without the salt the hash of a phone number cannot be found by trying all numbers. The salt is fetched for
    the first one, and each value is hashed once. Spaces around it and capitals make no difference: of phone
    numbers and addresses, that is, not of keys.
    """

    def __init__(self, salt: Callable[[], str]) -> None:
        super().__init__({None: None, "": None})
        self._salt = salt
        self._keyed: tuple[_Begun, _Begun] | None = None

    def __missing__(self, value: str) -> str:
        made = self[value] = self.of_key(value.strip().lower())
        return made

    def of_key(self, key: str) -> str:
        """Hash a key as it is written: two keys never become one."""
        if self._keyed is None:
            self._keyed = _keyed(self._salt())
        inner, outer = self._keyed
        inside, outside = inner(), outer()
        inside.update(key.encode())
        outside.update(inside.digest())
        return outside.hexdigest()


def _keyed(salt: str) -> tuple[_Begun, _Begun]:
    """Begin HMAC-SHA256 (RFC 2104) under a salt: half done beforehand, it takes half of ``hmac``'s time."""
    if not salt:
        raise Halt("the salt of hashes is empty; set the key of the secret that delivery.salt names.")
    key = salt.encode()
    key = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return sha256(key.translate(_INNER)).copy, sha256(key.translate(_OUTER)).copy
