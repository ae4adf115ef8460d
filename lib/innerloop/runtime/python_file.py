"""What a Python file says, read from its text alone: its meaning, its imports, the files it names.

It is the same for the same text, so that it is kept from run to run: reading the syntax of
all of Innerloop takes as long as everything else that Snakemake does before the first job.
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

#: Where a study's Snakemake keeps what the files said.
KEPT = Path(".snakemake/innerloop/python_files.json")
#: Files kept, the last that were read; earlier versions of them are among those.
MOST = 2000
#: Every public name of `innerloop`: the package itself was handed on.
ALL = "*"


class PythonFile(NamedTuple):
    """A Python file's content.

    Attributes:
        meaning: digest of its statements, without comments, docstrings and formatting.
        imports: (level, module, names) of each import; level as in `ast.ImportFrom`.
        public_names: names of `innerloop` itself that it uses; `ALL` where it may use any.
        places: paths that it names, relative to its own folder or absolute.
    """

    meaning: str
    imports: list[tuple[int, str, list[str]]]
    public_names: list[str]
    places: list[str]


def read_python_file(path: Path) -> PythonFile:
    """What a Python file says.

    Raises:
        ExtensionError: it is no Python; the message names the line.
    """
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, mtime_ns: int) -> PythonFile:
    text = path.read_bytes()
    key = hashlib.sha256(text).hexdigest()
    if (kept := _kept().get(key)) is not None:
        return kept
    tree = parsed(text, path)
    nodes = list(ast.walk(tree))
    file = PythonFile(
        hashlib.sha256(meaning(tree).encode()).hexdigest(),
        list(_imports(nodes)),
        sorted(_public_names(nodes)),
        [str(place) for place in named_places(nodes)],
    )
    _kept().add(key, file)
    return file


class _Kept:
    """What files said, by the digest of their text, kept in a file between runs.

    Where that cannot be read or written, the files are read anew.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changed = False
        # another reader, or another Python's syntax tree, may say something else
        readers = b"".join(Path(name).read_bytes() for name in (__file__, data_names.__file__))
        self._readers = f"{hashlib.sha256(readers).hexdigest()} {sys.version}"
        self._files: dict[str, Any] = {}
        with suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["readers"] == self._readers:
                self._files = dict(content["files"])

    def get(self, key: str) -> PythonFile | None:
        """What a file of this text said, if one was read before."""
        return PythonFile(*self._files[key]) if key in self._files else None

    def add(self, key: str, file: PythonFile) -> None:
        """Remember one more file."""
        self._files[key] = file
        self._changed = True

    def save(self) -> None:
        """Write it down, where Snakemake keeps its own notes."""
        if self._changed and self._file.parents[1].is_dir():
            self._changed = False
            files = dict([*self._files.items()][-MOST:])
            with suppress(OSError):
                write_json(self._file, {"readers": self._readers, "files": files})


@cache
def _kept() -> _Kept:
    return _Kept(KEPT.absolute())


def keep() -> None:
    """Keep what was read for the next run."""
    _kept().save()


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
    """An f-string's parts; some Pythons divide the plain text between the braces, or nest it."""
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
    """Names of `innerloop` itself, which it loads on first use."""
    called: set[str] = set()
    used: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "innerloop" or (
                    alias.name.startswith("innerloop.") and alias.asname is None
                ):
                    called.add(alias.asname or "innerloop")
        elif isinstance(node, ast.ImportFrom) and node.module == "innerloop" and not node.level:
            used |= {alias.name for alias in node.names}
    if not called:
        return used
    attributes = {id(node.value): node.attr for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in called:
            # the package itself, handed on: any of its names may be used
            used.add(attributes.get(id(node), ALL))
    return used
