"""What a record's work goes by: the parts that a JMESPath expression names, all of them there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jmespath  # type: ignore[import-untyped] # it ships no types
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
from aws_lambda_powertools.utilities.jmespath_utils import PowertoolsFunctions
from jmespath.visitor import TreeInterpreter  # type: ignore[import-untyped] # as above

from worker_runtime.errors import Reject

if TYPE_CHECKING:
    from collections.abc import Callable

NO_KEY: Final = "NO_IDEMPOTENCY_KEY"

_OPTIONS: Final = jmespath.Options(custom_functions=PowertoolsFunctions())


def key_of(expression: str) -> Callable[[Any], Any]:
    """Compose what reads a record's key; Reject where it, or one of its parts, is not there.

    A part is what ``[a, b]`` or ``{a: a, b: b}`` selects by name: records that lack the same one would
    share a key. What is null inside a part is the record's own and makes keys differ.
    """
    parsed = jmespath.compile(expression).parsed

    def read(record: Any) -> Any:
        key = _WholeKeys(_OPTIONS).visit(parsed, record)
        if _is_missing(key):
            raise Reject(NO_KEY, "the record has nothing there")
        return key

    return read


def value_of(expression: str) -> Callable[[Any], Any]:
    """Compose what reads a value of a record, None where there is none."""
    compiled = jmespath.compile(expression)
    return lambda record: compiled.search(record, options=_OPTIONS)


class _WholeKeys(TreeInterpreter):  # type: ignore[misc] # it ships no types
    """Evaluates an expression; nothing is selected of which a part is missing."""

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        return _whole(super().visit_multi_select_list(node, value))

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        return _whole(super().visit_multi_select_dict(node, value))


def _whole(parts: Any) -> Any:
    selected = parts.values() if isinstance(parts, dict) else parts or ()
    if any(map(_is_missing, selected)):
        raise Reject(NO_KEY, "the record has nothing in one of its parts")
    return parts


_is_missing: Final = BasePersistenceLayer.is_missing_idempotency_key
"""As Powertools judges a whole key: nothing, or empty, or nothing but nothings."""
