"""IP addresses and CIDR blocks of event patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

_V4 = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_V6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")
_BITS = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_MAX_BITS = {4: 31, 16: 127}  # AWS refuses a whole address as a block


@dataclass(frozen=True, slots=True)
class Block:
    """The addresses that share their first ``bits`` with ``address``, of its own version only."""

    address: bytes
    bits: int

    def holds(self, address: bytes) -> bool:
        """Tell whether the address is one of the block's."""
        shift = len(self.address) * 8 - self.bits
        same_version = len(address) == len(self.address)
        return same_version and int.from_bytes(address) >> shift == int.from_bytes(self.address) >> shift


def parse_address(text: str) -> bytes | None:
    """Read an IPv4 or IPv6 address into its 4 or 16 bytes; None where the text is none."""
    if _V4.fullmatch(text):
        numbers = [int(part) for part in text.split(".") if len(part) <= 10]  # noqa: PLR2004 (any longer is past 255)
        return bytes(numbers) if len(numbers) == 4 and max(numbers) <= 255 else None  # noqa: PLR2004 (IPv4)
    if not _V6.fullmatch(text):
        return None
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address).packed


def parse_block(text: str) -> Block:
    """Read ``10.0.0.0/8`` or ``2001:db8::/32``. Raises ValueError for what AWS refuses, ``/32`` among it."""
    head, slash, tail = text.partition("/")
    address = parse_address(head)
    if address is None or not slash or not _BITS.fullmatch(tail):
        raise ValueError(f"cidr takes an address, a slash and a number of bits, not {text!r}.")
    bits = int(tail)
    if not 0 <= bits <= _MAX_BITS[len(address)]:
        raise ValueError(
            f"cidr takes 0 to {_MAX_BITS[len(address)]} bits here, not {bits}; name one address as text."
        )
    return Block(address, bits)
