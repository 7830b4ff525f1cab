"""Personal data and secrets, made unreadable before anything is serialised.

By key, whatever the value, and by what a value looks like. Idempotent; the ids that operators
search for (``userId`` and the like) stay. Every pattern is linear in the text, however it is made up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

REDACTED: Final = "[redacted]"

_KEYS: Final = (
    *("phone", "phonenumber", "msisdn", "email", "emailaddress", "firstname", "lastname", "address", "dob"),
    *("token", "authorization", "apikey", "secret", "password", "signature", "cookie", "messagebody"),
    "identitysource",
)
_MANY: Final = tuple(
    f"{key}es" if key.endswith("s") else f"{key}s"
    for key in _KEYS
    if key != "token"  # tokens are counted
)
_ENDS: Final = _KEYS + _MANY
"""How a personal key ends, ``_`` and ``-`` aside: ``homePhone`` and ``set-cookie`` are personal too, and
so is what holds many of a kind (``phones``)."""

_PEM: Final = r"(?s:-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z))"
_JWT: Final = r"(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*"
_BEARER: Final = r"(?i:\bbearer\s+)[\w.~+/=-]+"
_API_KEY: Final = r"(?i:\bapi[_-]?key=)[^&\s\"']+"
_PYDANTIC: Final = r"\binput_value=(?s:.*?)(?:(?=, input_type=)|\Z)"  # its errors quote what they refuse
_EMAIL: Final = r"(?P<email>(?<![\w.+-])[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+)"
_PHONE: Final = r"(?P<phone>(?:\+|%2[Bb])[1-9]\d{6,14}(?!\d))"
_BARE_PHONE: Final = re.compile(r"\+?\d{7,15}", re.ASCII)
_PERSONAL: Final = re.compile(f"{_PEM}|{_JWT}|{_BEARER}|{_API_KEY}|{_PYDANTIC}|{_EMAIL}|{_PHONE}")

_MASKED: Final = re.compile(r"\[redacted\]|\+\*{7}\d{4}|.\*{3}@.\*{3}")


def redact(value: Any, *, key: str = "") -> Any:
    """Copy a value as plain data without its personal data and secrets; models by their fields."""
    if personal(key):
        return _hidden(value)
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return redact_text(value)
        case Mapping():
            return {redact_text(str(name)): redact(each, key=str(name)) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact(each) for each in value]
        case _:
            return redact(_plain(value))


def redact_text(text: str) -> str:
    """Mask what looks like a phone number, an e-mail address, a token or a key inside a text."""
    return _PERSONAL.sub(_masked, text) if may_be_personal(text) else text


def redact_id(text: str) -> str:
    """Mask an id that a sender chose, such as a partition key: digits alone may be a phone number."""
    return f"+*******{text[-4:]}" if _BARE_PHONE.fullmatch(text) else redact_text(text)


def may_be_personal(text: str) -> bool:
    """Whether a text has a sign of personal data, told in a tenth of the time that looking for it takes.

    ``redact_text`` leaves a text without one as it is. Asked of many texts, joined by what is no sign, it is
    asked of each.
    """
    if "@" in text or "+" in text or ("J" in text and "eyJ" in text) or "-----BEGIN " in text:
        return True
    small = text.lower()
    return (
        "bearer" in small
        or ("=" in text and ("key=" in small or "input_value=" in small))
        or ("%" in text and ("%40" in small or "%2b" in small))
    )


def personal(key: str) -> bool:
    """Whether whatever stands under a key is personal or a secret."""
    name = key.replace("_", "").replace("-", "").lower()
    return name == "to" or name.endswith(_ENDS)


def _hidden(value: Any) -> Any:
    """Hide a personal value, and all that is inside it; a phone number keeps its end."""
    match value:
        case None | bool() | "":
            return value
        case str() if _MASKED.fullmatch(value):
            return value
        case str() if found := _PERSONAL.fullmatch(value):
            return _masked(found)
        case Mapping():
            return {redact_text(str(name)): _hidden(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_hidden(each) for each in value]
        case _:
            return REDACTED


def _plain(value: Any) -> Any:
    """Take a model apart, so that its fields are judged by their names; all else becomes text."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if hasattr(value, "model_dump"):  # pydantic's, which only its users import
        return value.model_dump()
    return msgspec.to_builtins(value, builtin_types=(bytes,), str_keys=True, enc_hook=_plain_inside)


def _plain_inside(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else str(value)


def _masked(found: re.Match[str]) -> str:
    text = found[0]
    if found["email"]:
        name, _, domain = text.replace("%40", "@").partition("@")
        return f"{name[0]}***@{domain[0]}***"
    if found["phone"]:
        return f"+*******{text[-4:]}"
    return REDACTED
