"""Personal data and secrets, made unreadable before anything is serialised.

By key, whatever the value, and by what a value looks like. Idempotent; the ids that operators
search for (``userId`` and the like) stay.
"""

from __future__ import annotations

import re
from typing import Any, Final

REDACTED: Final = "[redacted]"

_KEYS: Final = frozenset(
    {
        *(
            "phone",
            "phonenumber",
            "msisdn",
            "to",
            "email",
            "emailaddress",
            "firstname",
            "lastname",
            "address",
        ),
        *(
            "dob",
            "token",
            "authorization",
            "apikey",
            "secret",
            "password",
            "signature",
            "cookie",
            "messagebody",
        ),
    }
)
_PEM: Final = r"(?s:-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----)"
_JWT: Final = r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"
_BEARER: Final = r"(?i:\bbearer\s+)[\w.~+/=-]+"
_API_KEY: Final = r"(?i:\bapi_?key=)[^&\s\"']+"
_EMAIL: Final = r"(?P<email>[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+)"
_PHONE: Final = r"(?P<phone>(?:\+|%2[Bb])[1-9]\d{6,14}(?!\d))"
_PERSONAL: Final = re.compile(f"{_PEM}|{_JWT}|{_BEARER}|{_API_KEY}|{_EMAIL}|{_PHONE}")


def redact(value: Any, *, key: str = "") -> Any:
    """Copy plain data (mappings, lists, scalars) without its personal data and secrets."""
    if isinstance(value, str):
        return _by_key(value) if _personal(key) else redact_text(value)
    if isinstance(value, dict):
        return {name: redact(each, key=str(name)) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(each, key=key) for each in value]
    return REDACTED if _personal(key) and value is not None and not isinstance(value, bool) else value


def redact_text(text: str) -> str:
    """Mask what looks like a phone number, an e-mail address, a token or a key inside a text."""
    return _PERSONAL.sub(_masked, text)


def _personal(key: str) -> bool:
    return key.replace("_", "").replace("-", "").lower() in _KEYS


def _by_key(value: str) -> str:
    masked = redact_text(value)
    return masked if masked != value or not value else REDACTED


def _masked(found: re.Match[str]) -> str:
    text = found[0]
    if found["email"]:
        name, _, domain = text.replace("%40", "@").partition("@")
        return f"{name[0]}***@{domain[0]}***"
    if found["phone"]:
        return f"+*******{text[-4:]}"
    return REDACTED
