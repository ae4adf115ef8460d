"""Checks a user's own source of images by its file, without importing it.

This file imports no imaging library, so that study files can be checked while Snakemake parses.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from innerloop.runtime.errors import ExtensionError
from innerloop.runtime.extensions import check_entry, split_entry, statements


def check_declared(entry: str, *, reads_files: bool) -> None:
    """Refuse an entry that, by its file, is not a source or lacks a part of one.

    A source that is made in another way than by a class of that file is checked only when tried.

    Args:
        entry: names a source or, for a data set in a registry, the class that is given its files.
        reads_files: whether it names such a class.

    Raises:
        ExtensionError: the file does not define the name or defines something else; names missing
            parts.
    """
    path, name = check_entry(entry), split_entry(entry)[1]
    body = statements(path)
    made = _definition(body, name)
    if reads_files:
        if isinstance(made, ast.Constant):
            raise ExtensionError(f"'{entry}' is {made.value!r}, expected a class of sources")
        _require_parts(entry, made)
        return
    if isinstance(made, ast.ClassDef | ast.FunctionDef):
        kind = "class" if isinstance(made, ast.ClassDef) else "function"
        raise ExtensionError(
            f"'{entry}' is a {kind}, but a source is what it makes: write source = {name}(...) "
            f"into {path}, and {path}:source here"
        )
    if isinstance(made, ast.Constant):
        raise ExtensionError(f"'{entry}' is {made.value!r}, expected a source of images")
    if isinstance(made, ast.Call) and isinstance(made.func, ast.Name):
        _require_parts(entry, _definition(body, made.func.id))


def _require_parts(entry: str, made: ast.AST | None) -> None:
    """Refuse a class without base classes that does not define a part that every source has."""
    if not isinstance(made, ast.ClassDef) or made.bases or made.keywords or made.decorator_list:
        return
    protocol = _definition(statements(Path(__file__).with_name("base.py")), "Source")
    defined = _names(made)
    missing = [part for part in _names(protocol) if part not in defined]
    if missing and "__getattr__" not in defined:
        raise ExtensionError(
            f"'{entry}': {made.name} has no {', '.join(missing)}, as every source of images has; "
            "docs/extending.md shows one"
        )


def _names(made: ast.AST | None) -> list[str]:
    """The names that a class defines, or assigns in its body and its methods."""
    found = []
    for node in ast.walk(made) if made else ():
        if isinstance(node, ast.FunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.append(node.id if isinstance(node, ast.Name) else node.attr)
    return found


def _definition(body: Sequence[ast.stmt], name: str) -> ast.AST | None:
    """The class or function of that name, or what it is assigned; the last of several."""
    found: ast.AST | None = None
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            found = node
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            found = getattr(node, "value", None)
    return found
