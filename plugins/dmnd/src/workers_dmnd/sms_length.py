"""How long a text is as an SMS; no I/O.

The alphabets are those of 3GPP TS 23.038, 6.2.1 and 6.2.1.1. A codec from a library would bring
every layer a package for these 137 characters.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED: Final = frozenset("\f^{}\\[~]|€")
"""Each takes two septets: an escape, and itself."""

SEPTET_BITS: Final = 7
UNIT_BITS: Final = 16


class Length(Struct, frozen=True):
    """How much room a text takes: ``septets`` of GSM-7 (None where it lacks a character), UCS-2 ``units``."""

    septets: int | None
    units: int

    def fits(self, septets: int) -> bool:
        """Say whether it fits into as much room as so many septets take."""
        if self.septets is not None:
            return self.septets <= septets
        return self.units <= septets * SEPTET_BITS // UNIT_BITS

    def __str__(self) -> str:
        return f"{self.units} UCS-2 units" if self.septets is None else f"{self.septets} GSM-7 septets"


def length(text: str) -> Length:
    """Measure a text as the SMS service will encode it."""
    used = set(text)
    septets = None
    if used <= BASIC | EXTENDED:
        septets = len(text) + sum(character in EXTENDED for character in text)
    return Length(septets, len(text.encode("utf-16-le", "surrogatepass")) // 2)
