from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from worker_runtime.hookspecs import ForLambda, ForPeople, hookspec

if TYPE_CHECKING:
    from collections.abc import Callable

HOOKS = {
    name: function
    for group in (ForLambda, ForPeople)
    for name, function in inspect.getmembers(group, inspect.isfunction)
    if not name.startswith("_")
}
every_hook = pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)


def test_there_are_three_hooks_for_lambda_and_three_for_people() -> None:
    assert set(HOOKS) == {"services", "middleware", "settings", "commands", "stand_ins", "scenarios"}


@every_hook
def test_every_hook_is_a_hook_and_says_in_one_sentence_what_it_is_for(hook: Callable[..., object]) -> None:
    sentence = inspect.getdoc(hook) or ""

    assert hasattr(hook, f"{hookspec.project_name}_spec")
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0
    assert len(sentence.split()) > 5


@every_hook
def test_every_hook_says_what_it_returns_and_takes_nothing(hook: Callable[..., object]) -> None:
    signature = inspect.signature(hook)

    assert list(signature.parameters) == ["self"]
    assert signature.return_annotation is not signature.empty
