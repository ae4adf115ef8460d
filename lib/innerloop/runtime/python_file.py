"""Facts about a Python file from its text alone: its meaning, its imports, the files it names.

The same text gives the same facts, so they are cached from run to run: parsing all of Innerloop
takes as long as everything else that Snakemake does before the first job.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from innerloop.runtime import data_names
from innerloop.runtime.data_names import named_places
from innerloop.runtime.extensions import parsed
from innerloop.runtime.files import write_json

#: The cache, in the folder of a study's Snakemake.
KEPT = Path(".snakemake/innerloop/python_files.json")
#: Maximum number of cached files, earlier versions of a file included; the latest are kept.
MOST = 2000
#: Stands for every public name of `innerloop`: the package itself was passed on.
ALL = "*"


class PythonFile(NamedTuple):
    """Facts about a Python file.

    Attributes:
        meaning: digest of its statements, without comments, docstrings and formatting.
        imports: (level, module, names) of each import; level as in `ast.ImportFrom`.
        public_names: names of `innerloop` itself that it uses; `ALL` if it may use any.
        places: paths that it names, relative to its own folder or absolute.
    """

    meaning: str
    imports: list[tuple[int, str, list[str]]]
    public_names: list[str]
    places: list[str]


def read_python_file(path: Path) -> PythonFile:
    """Facts about a Python file, from the cache if it holds this text.

    Raises:
        ExtensionError: it is not Python; the message names the line.
    """
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, mtime_ns: int) -> PythonFile:
    text = path.read_bytes()
    key = hashlib.sha256(text).hexdigest()
    if (cached := _cache().get(key)) is not None:
        return cached
    tree = parsed(text, path)
    nodes = list(ast.walk(tree))
    file = PythonFile(
        hashlib.sha256(meaning(tree).encode()).hexdigest(),
        list(_imports(nodes)),
        sorted(_public_names(nodes)),
        [str(place) for place in named_places(nodes)],
    )
    _cache().add(key, file)
    return file


class _Cache:
    """Facts about Python files by the SHA-256 of their text, kept on disk between runs.

    If the cache cannot be read or written, files are parsed again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changed = False
        # other code here, or another Python's syntax tree, may give other facts
        readers = b"".join(Path(name).read_bytes() for name in (__file__, data_names.__file__))
        self._readers = f"{hashlib.sha256(readers).hexdigest()} {sys.version}"
        self._files: dict[str, Any] = {}
        with suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["readers"] == self._readers:
                self._files = dict(content["files"])

    def get(self, key: str) -> PythonFile | None:
        """The facts about the text with this digest, if they are cached."""
        return PythonFile(*self._files[key]) if key in self._files else None

    def add(self, key: str, file: PythonFile) -> None:
        """Add the facts about a text."""
        self._files[key] = file
        self._changed = True

    def save(self) -> None:
        """Write the cache, if Snakemake has its own folder here."""
        if self._changed and self._file.parents[1].is_dir():
            self._changed = False
            files = dict([*self._files.items()][-MOST:])
            with suppress(OSError):
                write_json(self._file, {"readers": self._readers, "files": files})


@cache
def _cache() -> _Cache:
    return _Cache(KEPT.absolute())


def keep() -> None:
    """Save the cache for the next run."""
    _cache().save()


def meaning(tree: ast.Module) -> str:
    """The syntax tree as text, without positions and docstrings, the same in every Python."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    skipped = {
        id(node.body[0])
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
    }
    return _dump(tree, skipped)


def _dump(node: object, skipped: set[int]) -> str:
    if isinstance(node, ast.JoinedStr):
        return f"JoinedStr(values={_dump(_parts(node), skipped)})"
    if isinstance(node, ast.AST):
        # empty fields say nothing, and later Pythons have more of them
        fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
        inner = ",".join(f"{name}={_dump(value, skipped)}" for name, value in fields)
        return f"{type(node).__name__}({inner})"
    if isinstance(node, list):
        return (
            "[" + ",".join(_dump(item, skipped) for item in node if id(item) not in skipped) + "]"
        )
    return ascii(node)  # what repr escapes differs between Pythons


def _parts(text: ast.JoinedStr) -> list[ast.expr]:
    """An f-string's parts, adjacent text joined: Python versions divide and nest it differently."""
    parts: list[ast.expr] = []
    for part in text.values:
        for inner in _parts(part) if isinstance(part, ast.JoinedStr) else [part]:
            last = parts[-1] if parts else None
            if not isinstance(inner, ast.Constant):
                parts.append(inner)
            elif isinstance(last, ast.Constant):
                parts[-1] = ast.Constant(str(last.value) + str(inner.value))
            elif inner.value != "":
                parts.append(ast.Constant(inner.value))
    return parts


def _imports(nodes: list[ast.AST]) -> Iterator[tuple[int, str, list[str]]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield 0, alias.name, []
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", [alias.name for alias in node.names]


def _public_names(nodes: list[ast.AST]) -> set[str]:
    """The names that a file uses of `innerloop` itself, which imports them on first use."""
    aliases: set[str] = set()
    used: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "innerloop" or (
                    alias.name.startswith("innerloop.") and alias.asname is None
                ):
                    aliases.add(alias.asname or "innerloop")
        elif isinstance(node, ast.ImportFrom) and node.module == "innerloop" and not node.level:
            used |= {alias.name for alias in node.names}
    if not aliases:
        return used
    attributes = {id(node.value): node.attr for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in aliases:
            # the package itself, passed on: any of its names may be used
            used.add(attributes.get(id(node), ALL))
    return used
