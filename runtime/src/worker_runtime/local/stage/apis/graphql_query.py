"""A GraphQL document as what is to be resolved: the fields asked for of an object, with their arguments.

There is no schema here, as declarations have none: what GraphQL would refuse by a field's type passes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from graphql import GraphQLSyntaxError, parse, print_ast
from graphql.language import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.utilities import value_from_ast_untyped

from worker_runtime.errors import WorkerRuntimeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from graphql import DocumentNode
    from graphql.language import DirectiveNode, SelectionNode

_ROOTS: Final = {"query": "Query", "mutation": "Mutation"}


class QueryRefused(WorkerRuntimeError):
    """A document that AppSync answers with 400."""


@dataclass(frozen=True, slots=True)
class AskedField:
    """A field of one object: ``key`` is its name in the answer."""

    key: str
    name: str
    arguments: Mapping[str, Any]
    within: tuple[SelectionSetNode, ...]  # what is asked of its value; none for a leaf
    line: int
    column: int

    @property
    def as_text(self) -> str:
        """What is asked of its value, as GraphQL."""
        return "\n".join(map(print_ast, self.within))


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request wants: the fields of ``root_type`` (Query or Mutation)."""

    root_type: str
    selections: tuple[SelectionSetNode, ...]
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: Mapping[str, FragmentDefinitionNode] = field(default_factory=dict)

    def fields(self, selections: Sequence[SelectionSetNode], *, of_type: str | None) -> list[AskedField]:
        """List the fields asked of an object, each key once; ``of_type`` None takes every fragment."""
        found: dict[str, AskedField] = {}
        for node in self._nodes(selections, of_type):
            key = (node.alias or node.name).value
            within = (node.selection_set,) if node.selection_set else ()
            if key in found:
                within = (*found[key].within, *within)
            start = node.loc.start_token if node.loc else None
            found[key] = AskedField(
                key,
                node.name.value,
                {
                    each.name.value: value_from_ast_untyped(each.value, self.variables)
                    for each in node.arguments
                },
                within,
                start.line if start else 0,
                start.column if start else 0,
            )
        return list(found.values())

    def paths(self, selections: Sequence[SelectionSetNode]) -> list[str]:
        """List all that is asked below, as AppSync's ``selectionSetList``: ``lines``, ``lines/sku``."""
        listed = []
        for each in self.fields(selections, of_type=None):
            listed.append(each.key)
            listed += [f"{each.key}/{path}" for path in self.paths(each.within)]
        return listed

    def _nodes(self, selections: Sequence[SelectionSetNode], of_type: str | None) -> Iterator[FieldNode]:
        for node in (node for selection in selections for node in selection.selections):
            if not self._wanted(node):
                continue
            if isinstance(node, FieldNode):
                yield node
                continue
            fragment = self._fragment(node)
            condition = fragment.type_condition
            if condition is None or of_type in (None, condition.name.value):  # type: ignore[redundant-expr]  # an inline one may have none
                yield from self._nodes([fragment.selection_set], of_type)

    def _fragment(self, node: SelectionNode) -> FragmentDefinitionNode | InlineFragmentNode:
        if isinstance(node, InlineFragmentNode):
            return node
        assert isinstance(node, FragmentSpreadNode)  # noqa: S101 - there is no fourth kind
        name = node.name.value
        if name not in self.fragments:
            raise QueryRefused(f"Validation error of type UndefinedFragment: Undefined fragment {name}")
        return self.fragments[name]

    def _wanted(self, node: SelectionNode) -> bool:
        said = {each.name.value: self._condition(each) for each in node.directives or ()}
        return said.get("include", True) and not said.get("skip", False)

    def _condition(self, directive: DirectiveNode) -> bool:
        given = {each.name.value: each.value for each in directive.arguments}
        return bool(value_from_ast_untyped(given["if"], self.variables)) if "if" in given else True


def operation_of(text: str, *, name: str | None, variables: Mapping[str, Any]) -> Operation:
    """Read the operation that a request names, or its only one; raises QueryRefused."""
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        raise QueryRefused("Unable to parse GraphQL query.") from error
    node = _chosen(document, name)
    root_type = _ROOTS.get(node.operation.value)
    if root_type is None:
        raise QueryRefused("Subscriptions are served over WebSockets, which the stage has none of.")
    defaults = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in node.variable_definitions
        if each.default_value is not None
    }
    fragments = {
        each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    return Operation(root_type, (node.selection_set,), {**defaults, **variables}, fragments)


def _chosen(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    named = [each for each in operations if name is None or (each.name and each.name.value == name)]
    if len(named) != 1:
        raise QueryRefused(
            "Unknown operation named 'null'." if name is None else f"Unknown operation named '{name}'."
        )
    return named[0]
