"""What an update rule declares: its roles and options, read from its source without importing it.

This file imports no torch, so that study files can be checked while Snakemake parses.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from typing import get_args

from innerloop.learners.gradient_based.method import Method
from innerloop.networks.options import Role
from innerloop.runtime.errors import ConfigError, ExtensionError
from innerloop.runtime.extensions import (
    all_arguments,
    check_entry,
    check_options,
    declared_options,
    split_entry,
    statements,
)
from innerloop.runtime.suggestions import instead_of

ROLES = get_args(Role)
#: What a rule receives if it has a parameter of that name; none is an option.
OFFERED = frozenset({"state", "step", "conv_weight"})


def check_source(method: Method) -> None:
    """Refuse a method whose rule, by its source, takes other options or moves nothing of it.

    What a file defines otherwise than by `def`, `partial` or `UpdateRule` is found out when it is
    imported.

    Raises:
        ConfigError: the method contradicts its rule.
        ExtensionError: the rule's file does not define it, or not for roles that there are.
    """
    path, name = check_entry(method.update_rule), split_entry(method.update_rule)[1]
    body = statements(path)
    found = _definition(body, name)
    if isinstance(found, ast.FunctionDef):
        roles = _roles(found)
        check_roles(name, roles)
        check_moves(method, name, roles)
        if found.decorator_list:
            parameters = [argument.arg for argument in all_arguments(found.args)]
            check_offered(name, roles, parameters, stateful=_has_init(found))
    for _ in body:  # at most so many times, should names go round in a circle
        if isinstance(found, ast.Call):
            inner = found.args[0] if found.args and _wraps(found) else None
            found = _definition(body, inner.id) if isinstance(inner, ast.Name) else inner
    if isinstance(found, ast.FunctionDef | ast.Lambda) and found.args.kwarg is None:
        takes = declared_options(found.args, body, OFFERED)
        check_options(f"update rule '{name}'", "rule_options", takes, method.rule_options)


def check_roles(rule: str, roles: Iterable[str]) -> None:
    """Refuse roles that no parameter has: under them the rule would move nothing.

    Raises:
        ExtensionError: with the roles that there are.
    """
    for role in roles:
        if role not in ROLES:
            raise ExtensionError(
                f"update rule '{rule}' is declared for {role!r}, which is no role of a parameter"
                f"{instead_of(str(role), ROLES)}"
            )


def check_offered(
    rule: str, roles: Collection[str], parameters: Iterable[str], *, stateful: bool
) -> None:
    """Refuse a rule that asks for a state or a conv weight that is not there.

    Args:
        rule: its name.
        roles: that it is declared for.
        parameters: names of its function's parameters.
        stateful: whether it says how its state begins.

    Raises:
        ExtensionError: says what to add.
    """
    asked = OFFERED.intersection(parameters)
    if stateful != ("state" in asked):
        raise ExtensionError(
            f"update rule '{rule}' says by init how its state begins, but has no parameter 'state'"
            if stateful
            else f"update rule '{rule}' has a parameter 'state'; say by init how the state begins, "
            "as in @update_rule(init=torch.zeros_like)"
        )
    if "conv_weight" in asked and "head" in roles:
        raise ExtensionError(
            f"update rule '{rule}' is declared for head, whose layer has no conv weight; take "
            "head or the parameter 'conv_weight' away"
        )


def check_moves(method: Method, rule: str, roles: Iterable[str]) -> None:
    """Refuse a rule all of whose parameters stay where they are under the method.

    Raises:
        ConfigError: the method moves none of the rule's roles.
    """
    declared = [*roles]
    if declared and not method.moving_roles.intersection(declared):
        raise ConfigError(
            f"method '{method.name}': update rule '{rule}' is for {', '.join(declared)}, which do "
            f"not move under adapts: {method.adapts}, adapt_batch_norm: "
            f"{str(method.adapt_batch_norm).lower()}"
        )


def _definition(body: list[ast.stmt], name: str) -> ast.AST | None:
    """The function of that name, or what is assigned to it."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
            return node.value
    return None


def _wraps(call: ast.Call) -> bool:
    """Whether a call makes a rule of the function that it is given first."""
    return ast.unparse(call.func).rpartition(".")[2] in ("partial", "UpdateRule")


def _roles(node: ast.FunctionDef) -> list[str]:
    """Roles that a decorator `@update_rule(...)` names in its own words."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and "update_rule" in ast.unparse(decorator.func):
            named = [a.value for a in decorator.args if isinstance(a, ast.Constant)]
            if len(named) == len(decorator.args):
                return [*map(str, named)] or ["conv_weight"]
            return []
    return [] if node.decorator_list else ["conv_weight"]


def _has_init(node: ast.FunctionDef) -> bool:
    """Whether a decorator says how the rule's state begins."""
    calls = (each for each in node.decorator_list if isinstance(each, ast.Call))
    return any(keyword.arg == "init" for call in calls for keyword in call.keywords)
