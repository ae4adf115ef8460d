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
#: What a rule receives if it has parameters of these names, none of which is an option.
OFFERED = frozenset({"state", "step", "conv_weight"})


def check_source(method: Method) -> None:
    """Refuse a method whose rule, by its source, takes other options or moves no parameter.

    A rule that is defined otherwise than by `def`, `partial` or `UpdateRule` is checked only when
    it is imported.

    Raises:
        ConfigError: the method contradicts its rule.
        ExtensionError: the rule's file does not define it, or declares it for unknown roles.
    """
    path, name = check_entry(method.update_rule), split_entry(method.update_rule)[1]
    body = statements(path)
    rule = _definition(body, name)
    if isinstance(rule, ast.FunctionDef):
        roles = _roles(rule)
        check_roles(name, roles)
        check_moves(method, name, roles)
        if rule.decorator_list:
            parameters = [argument.arg for argument in all_arguments(rule.args)]
            check_offered(name, roles, parameters, stateful=_has_init(rule))
    for _ in body:  # bounded, in case names refer to each other in a circle
        if isinstance(rule, ast.Call):
            inner = rule.args[0] if rule.args and _wraps(rule) else None
            rule = _definition(body, inner.id) if isinstance(inner, ast.Name) else inner
    if isinstance(rule, ast.FunctionDef | ast.Lambda) and rule.args.kwarg is None:
        takes = declared_options(rule.args, body, OFFERED)
        check_options(f"update rule '{name}'", "rule_options", takes, method.rule_options)


def check_roles(rule: str, roles: Iterable[str]) -> None:
    """Refuse unknown roles, for which the rule would move nothing.

    Raises:
        ExtensionError: a role is unknown; the message lists the known ones.
    """
    for role in roles:
        if role not in ROLES:
            raise ExtensionError(
                f"update rule '{rule}' is declared for {role!r}, which is not a role"
                f"{instead_of(str(role), ROLES)}"
            )


def check_offered(
    rule: str, roles: Collection[str], parameters: Iterable[str], *, stateful: bool
) -> None:
    """Refuse a rule that asks for a state or a conv weight that does not exist.

    Args:
        rule: its name.
        roles: those that it is declared for.
        parameters: names of its function's parameters.
        stateful: whether it has an `init`, which makes the first state.

    Raises:
        ExtensionError: says what to add or remove.
    """
    asked = OFFERED.intersection(parameters)
    if stateful != ("state" in asked):
        raise ExtensionError(
            f"update rule '{rule}' has an init for its state, but no parameter 'state'"
            if stateful
            else f"update rule '{rule}' has a parameter 'state', but no init for it; add one, as "
            "in @update_rule(init=torch.zeros_like)"
        )
    if "conv_weight" in asked and "head" in roles:
        raise ExtensionError(
            f"update rule '{rule}' is declared for head, whose layer has no conv weight; remove "
            "that role or the parameter 'conv_weight'"
        )


def check_moves(method: Method, rule: str, roles: Iterable[str]) -> None:
    """Refuse a rule that would move nothing under the method.

    Raises:
        ConfigError: the method moves none of the rule's roles.
    """
    declared = [*roles]
    if declared and not method.moving_roles.intersection(declared):
        raise ConfigError(
            f"method '{method.name}': update rule '{rule}' is for {', '.join(declared)}, none of "
            f"which moves under adapts: {method.adapts}, adapt_batch_norm: "
            f"{str(method.adapt_batch_norm).lower()}"
        )


def _definition(body: list[ast.stmt], name: str) -> ast.AST | None:
    """The function of that name, or the value assigned to it."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
            return node.value
    return None


def _wraps(call: ast.Call) -> bool:
    """Whether a call wraps its first argument, a function, to make a rule."""
    return ast.unparse(call.func).rpartition(".")[2] in ("partial", "UpdateRule")


def _roles(node: ast.FunctionDef) -> list[str]:
    """Roles that a decorator `@update_rule(...)` names literally; none if they are computed."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and "update_rule" in ast.unparse(decorator.func):
            named = [a.value for a in decorator.args if isinstance(a, ast.Constant)]
            if len(named) == len(decorator.args):
                return [*map(str, named)] or ["conv_weight"]
            return []
    return [] if node.decorator_list else ["conv_weight"]


def _has_init(node: ast.FunctionDef) -> bool:
    """Whether a decorator has an `init`."""
    calls = (each for each in node.decorator_list if isinstance(each, ast.Call))
    return any(keyword.arg == "init" for call in calls for keyword in call.keywords)
