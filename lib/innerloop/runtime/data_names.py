"""The data files and folders that a Python file names, read from its syntax tree.

Files: every string that ends in a suffix, such as `"classes.csv"`. Folders: only arguments of calls
that are built as paths, such as `ClassFolders(here / "birds")`, since a plain word may be the name
of a folder by chance. Paths that depend on the environment at run time are not found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_SUFFIX = re.compile(r"[^/]\.[A-Za-z0-9]{1,8}$")
#: Calls that make a path from their arguments, and methods that return the same path.
_PATHS = frozenset({"Path", "PurePath", "PosixPath", "str", "fspath"})
_SAME = frozenset({"resolve", "absolute", "expanduser"})


def named_places(nodes: list[ast.AST]) -> Iterator[Path]:
    """Paths that a Python file names, whether or not they exist.

    Args:
        nodes: all nodes of its syntax tree.

    Yields:
        Paths, relative to the file's own folder or absolute.
    """
    bound = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    reader = _Paths(bound)
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _SUFFIX.search(node.value) and _may_be_a_path(node.value):
                yield Path(node.value)
        elif isinstance(node, ast.Call) and _called(node) not in _PATHS | _SAME:
            whole = _called(node) == "ClassFolders"
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if whole or not _is_a_word(argument):
                    place = reader.value(argument)
                    if place is not None:
                        yield place


def _may_be_a_path(text: str) -> bool:
    """Whether a text is printable, on one line, and no longer than a file name may be."""
    return len(text.encode(errors="replace")) <= 200 and text.isprintable()


def _is_a_word(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and "/" not in str(node.value)


def _called(node: ast.Call) -> str:
    function = node.func
    return getattr(function, "attr", getattr(function, "id", ""))


class _Paths:
    """Evaluates expressions to paths, as far as the source alone determines them."""

    def __init__(self, bound: dict[str, ast.expr]) -> None:
        self._bound = bound

    def value(self, node: ast.expr, depth: int = 0) -> Path | None:
        """The path that an expression stands for; None if the source does not determine it."""
        if depth > 20:  # names defined by each other
            return None
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return Path(node.value) if node.value and _may_be_a_path(node.value) else None
        if isinstance(node, ast.Name):
            if node.id == "__file__":
                return Path("__file__.py")
            bound = self._bound.get(node.id)
            return None if bound is None else self.value(bound, depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            left, right = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
            return None if left is None or right is None else left / right
        if isinstance(node, ast.Attribute) and node.attr == "parent":
            inner = self.value(node.value, depth + 1)
            return None if inner is None else _parent(inner)
        if isinstance(node, ast.Call):
            return self._made(node, depth + 1)
        return None

    def _made(self, node: ast.Call, depth: int) -> Path | None:
        """The path that `Path(...)` or a method of a path returns."""
        name = _called(node)
        parts = [self.value(argument, depth) for argument in node.args]
        if name in _SAME and isinstance(node.func, ast.Attribute):
            return self.value(node.func.value, depth)
        if name == "joinpath" and isinstance(node.func, ast.Attribute):
            parts.insert(0, self.value(node.func.value, depth))
        elif name not in _PATHS:
            return None
        known = [part for part in parts if part is not None]
        return Path(*known) if parts and len(known) == len(parts) else None


def _parent(path: Path) -> Path:
    """A path's parent; `..` beyond the source file's own folder, whose location is not known."""
    return path / ".." if path.name in ("", "..") else path.parent
