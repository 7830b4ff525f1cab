"""What may be asked of text: beginnings, ends, letters of either case, wildcards.

Each function turns an operator's text into a test of a leaf; a leaf's text stands in quotes, so that numbers,
true, false and null never fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from worker_runtime.filters.addresses import parse_address, parse_block
from worker_runtime.filters.leaves import Leaf
from worker_runtime.filters.wildcards import parse_wildcard

Takes = Callable[[Leaf], bool]


def equal_to(text: str) -> Takes:
    """Take this very text; an IP address in any of its spellings, as AWS does."""
    quoted = f'"{text}"'
    address = parse_address(text)
    if address is None:
        return lambda leaf: leaf.text == quoted
    return lambda leaf: leaf.text == quoted or _address(leaf) == address


def equal_but_for_case(text: str) -> Takes:
    """Take the text in capitals, small letters or both."""
    pattern = re.compile(f'"{_either_case(text)}"')
    return lambda leaf: pattern.fullmatch(leaf.text) is not None


def beginning_with(text: str) -> Takes:
    """Take text that begins so."""
    start = f'"{text}'
    return lambda leaf: leaf.text.startswith(start)


def beginning_with_but_for_case(text: str) -> Takes:
    """Take text that begins so, in capitals, small letters or both."""
    pattern = re.compile(f'"{_either_case(text)}')
    return lambda leaf: pattern.match(leaf.text) is not None


def ending_with(text: str) -> Takes:
    """Take text that ends so."""
    end = f'{text}"'
    return lambda leaf: leaf.text.endswith(end)


def ending_with_but_for_case(text: str) -> Takes:
    """Take text that ends so, in capitals, small letters or both."""
    pattern = re.compile(rf'{_either_case(text)}"\Z')
    return lambda leaf: pattern.search(leaf.text) is not None


def fitting(text: str) -> Takes:
    """Take text that fits the wildcard. Raises ValueError for one that AWS refuses."""
    wildcard = parse_wildcard(text)
    return lambda leaf: leaf.text[0] == '"' and wildcard.takes(leaf.text[1:-1])


def in_block(text: str) -> Takes:
    """Take the addresses of a CIDR block. Raises ValueError for one that AWS refuses."""
    block = parse_block(text)

    def takes(leaf: Leaf) -> bool:
        address = _address(leaf)
        return address is not None and block.holds(address)

    return takes


def _address(leaf: Leaf) -> bytes | None:
    return parse_address(leaf.text[1:-1]) if leaf.text[0] == '"' else None


def _either_case(text: str) -> str:
    # letter by letter, as event-ruler does: a sharp s also fits SS
    return "".join(f"(?:{re.escape(letter.lower())}|{re.escape(letter.upper())})" for letter in text)
