"""A digest of the *meaning* of the first-party code that a program reaches.

Snakemake does not see imported modules. Each rule therefore takes this digest as a parameter: it
changes when a statement of the script, of any `innerloop` module it imports (however indirectly),
of a user's file it loads, or of a data file these refer to changes; comments, docstrings and
formatting do not count. Nothing is imported to compute it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from innerloop.errors import ExtensionError

LIBRARY = Path(__file__).resolve().parent

#: Folders that the workflow itself writes to.
WRITTEN = frozenset({"results", "resources"})


def code_digest(script: Path | str, extra: Iterable[Path | str] = ()) -> str:
    """Digest of everything `script` and the `extra` files reach, as 16 hex digits."""
    total = hashlib.sha256()
    reached = closure([script, *extra])
    # files outside the checkout may share a label: the order must not depend on the set's
    for label, digest in sorted((_label(p), _digest_of(p, p.stat().st_mtime_ns)) for p in reached):
        total.update(f"{label}\0{digest}\0".encode())
    return total.hexdigest()[:16]


def closure(files: Iterable[Path | str]) -> set[Path]:
    """The files themselves, the first-party modules they import, and the data files these name."""
    waiting = [Path(file).resolve() for file in files]
    reached: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        if path.suffix == ".py":
            waiting.extend(_neighbours(path, path.stat().st_mtime_ns))
    return reached


def modules_reached(script: Path | str, extra: Iterable[Path | str] = ()) -> set[str]:
    """Dotted names of the `innerloop` modules in the closure."""
    inside = (path for path in closure([script, *extra]) if path.is_relative_to(LIBRARY))
    return {
        ".".join(["innerloop", *path.relative_to(LIBRARY).with_suffix("").parts])
        for path in inside
        if path.suffix == ".py"
    }


def _label(path: Path) -> str:
    """A name that does not depend on where the checkout lies."""
    for root in (LIBRARY.parent, LIBRARY.parent.parent):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name


@cache
def _tree(path: Path, mtime_ns: int) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except SyntaxError as error:
        raise ExtensionError(f"{path}, line {error.lineno}: {error.msg}") from error


@cache
def _digest_of(path: Path, mtime_ns: int) -> str:
    if path.is_dir():
        return _listing_digest(path)
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return hashlib.sha256(_meaning(_tree(path, mtime_ns)).encode()).hexdigest()


def _listing_digest(folder: Path) -> str:
    """Names and sizes: a folder of images is too large to read while Snakemake parses."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    listing = "".join(f"{file.relative_to(folder)}\0{file.stat().st_size}\0" for file in files)
    return hashlib.sha256(listing.encode()).hexdigest()


def _meaning(tree: ast.Module) -> str:
    """The syntax tree without positions and docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    skipped = {
        id(node.body[0])
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
    }
    return _dump(tree, skipped)


def _dump(node: object, skipped: set[int]) -> str:
    if isinstance(node, ast.AST):
        # empty fields say nothing, and later Pythons have more of them
        fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
        inner = ",".join(f"{name}={_dump(value, skipped)}" for name, value in fields)
        return f"{type(node).__name__}({inner})"
    if isinstance(node, list):
        return (
            "[" + ",".join(_dump(item, skipped) for item in node if id(item) not in skipped) + "]"
        )
    return repr(node)


@cache
def _neighbours(path: Path, mtime_ns: int) -> tuple[Path, ...]:
    tree = _tree(path, mtime_ns)
    return (*_imported_files(path, tree), *_named_files(path, tree))


def _imported_files(path: Path, tree: ast.Module) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(alias.name, path)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute_name(node, path)
            yield from _module_files(module, path)
            for alias in node.names:
                yield from _module_files(f"{module}.{alias.name}", path)


def _module_files(name: str, importer: Path) -> Iterator[Path]:
    """The file of a dotted name and of its parent packages; nothing for other people's code."""
    parts = name.split(".")
    root = LIBRARY.parent if parts[0] == "innerloop" else _root_of(importer)
    for length in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:length])
        if (place / "__init__.py").is_file():
            yield (place / "__init__.py").resolve()
        elif place.with_suffix(".py").is_file():
            yield place.with_suffix(".py").resolve()


def _root_of(path: Path) -> Path:
    """The folder that a file's absolute imports start from: the first that is no package."""
    return next(folder for folder in path.parents if not (folder / "__init__.py").is_file())


def _absolute_name(node: ast.ImportFrom, path: Path) -> str:
    """`from ..x import y` as the dotted name that it means."""
    if node.level == 0:
        return node.module or ""
    package = path.parents[node.level - 1].relative_to(_root_of(path)).parts
    return ".".join([*package, *([node.module] if node.module else [])])


def _named_files(path: Path, tree: ast.Module) -> Iterator[Path]:
    """Data files and folders that a string constant names, relative to the module's folder."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        text = node.value
        if not text.strip("./") or "\n" in text:
            continue
        if len(text.encode(errors="replace")) > 200:
            continue  # longer than a file name may be
        place = path.parent / text
        if path.is_relative_to(LIBRARY) and "." not in text:
            continue  # in the library only files are named; words that equal a folder are words
        if place.suffix == ".py" or not place.exists():
            continue
        if place.name in WRITTEN or len(place.parts) < 3 or path.is_relative_to(place.resolve()):
            continue  # what runs change, and folders such as /tmp, are not data
        yield place.resolve()
