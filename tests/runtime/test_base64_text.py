"""Base64 is read alike with pybase64 and without it."""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_runtime.base64_text import decode_base64

if TYPE_CHECKING:
    from collections.abc import Callable


def told(decode: Callable[[str], bytes], text: str) -> bytes | str:
    try:
        return decode(text)
    except ValueError as error:
        return str(error)


@given(st.binary(), st.text("Aa0+/=-_ \né", max_size=3), st.integers(0, 400))
def test_what_is_no_base64_is_refused_as_the_standard_library_refuses_it(
    data: bytes, scrap: str, at: int
) -> None:
    whole = b64encode(data).decode()
    text = whole[:at] + scrap + whole[at:]

    decoded = told(decode_base64, text)

    assert decoded == told(lambda given: a2b_base64(given, strict_mode=True), text)


@pytest.mark.parametrize("value", [None, 1, ["QQ=="]])
def test_what_is_no_text_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        decode_base64(value)
