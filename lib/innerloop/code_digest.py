"""A digest of the *meaning* of the first-party code that a program reaches.

Snakemake does not see imported modules. Each rule therefore takes this digest as a parameter: it
changes when a statement of the script, of any `innerloop` module it imports (however indirectly),
of a user's file it loads, or a data file that these name changes; comments, docstrings, formatting
and where the files lie do not count. Nothing is imported to compute it.
"""

from __future__ import annotations

import ast
import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from innerloop.data_names import named_files
from innerloop.errors import ExtensionError

LIBRARY = Path(__file__).resolve().parent

#: Folders that the workflow itself writes to.
WRITTEN = frozenset({"results", "resources"})
#: Bytes of a file, or of all files of a folder, that are read whenever Snakemake parses. Of what is
#: larger, names, sizes and times count.
READ_WHOLE = 32 * 2**20
#: Files of a folder that are listed.
LISTED = 100_000


def code_digest(script: Path | str, extra: Iterable[Path | str] = ()) -> str:
    """Digest of everything `script` and the `extra` files reach, as 16 hex digits."""
    total = hashlib.sha256()
    reached = closure([script, *extra])
    # files outside the checkout may share a label: the order must not depend on the set's
    for label, digest in sorted((_label(p), _digest_of(p)) for p in reached):
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
    """A name that does not depend on where a file lies, nor the library."""
    root = LIBRARY.parent
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


@cache
def _tree(path: Path, mtime_ns: int) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise ExtensionError(f"{path}, line {error.lineno}: {error.msg}") from error


def _digest_of(path: Path) -> str:
    if path.is_dir():
        return _folder_digest(path)
    return _file_digest(path, path.stat().st_mtime_ns)


@cache
def _file_digest(path: Path, mtime_ns: int) -> str:
    if path.suffix == ".py":
        return hashlib.sha256(_meaning(_tree(path, mtime_ns)).encode()).hexdigest()
    size = path.stat().st_size
    if size > READ_WHOLE:
        return f"{size} {mtime_ns}"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_digest(folder: Path) -> str:
    files = [_entry(file, folder) for file in islice(_regular_files(folder), LISTED + 1)]
    read = sum(size for _, size, _ in files) <= READ_WHOLE
    if len(files) > LISTED:
        print(
            f"{folder} has more than {LISTED:,} files: only names and times of the folders in it "
            "tell whether it has changed",
            file=sys.stderr,
        )
        files = [_entry(path, folder) for path in folder.iterdir() if path.is_dir()]
        read = False
    total = hashlib.sha256()
    for name, size, time in sorted(files):
        content = _file_digest(folder / name, time) if read else time
        total.update(f"{name}\0{size}\0{content}\0".encode(errors="surrogateescape"))
    return total.hexdigest()


def _entry(path: Path, folder: Path) -> tuple[str, int, int]:
    found = path.stat()
    return str(path.relative_to(folder)), found.st_size, found.st_mtime_ns


def _regular_files(folder: Path) -> Iterator[Path]:
    for within, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if _is_file(path := Path(within, name)):
                yield path


def _is_file(path: Path) -> bool:
    """A regular file: to read a device or a pipe may take for ever."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


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


@cache
def _neighbours(path: Path, mtime_ns: int) -> tuple[Path, ...]:
    tree = _tree(path, mtime_ns)
    named = (Path(os.path.realpath(place)) for place in named_files(path, tree))
    return (*_imported_files(path, tree), *(place for place in named if _counts(place, path)))


def _counts(place: Path, importer: Path) -> bool:
    """Whether a place that a file names is its data."""
    if place.suffix == ".py" or importer.is_relative_to(place):
        return False
    if place.is_dir():
        # what runs change, and folders such as /tmp, are no data
        ours = importer.is_relative_to(LIBRARY) or place.name in WRITTEN
        return not ours and len(place.parts) > 2
    return _is_file(place)


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
    for name in _public_names(tree):
        yield from _module_files(name, path)


def _public_names(tree: ast.Module) -> Iterator[str]:
    """The modules behind names of `innerloop` itself, which it loads on first use."""
    homes = _homes(LIBRARY / "__init__.py", (LIBRARY / "__init__.py").stat().st_mtime_ns)
    called: set[str] = set()
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "innerloop" or (
                    alias.name.startswith("innerloop.") and alias.asname is None
                ):
                    called.add(alias.asname or "innerloop")
        elif isinstance(node, ast.ImportFrom) and node.module == "innerloop" and not node.level:
            names = {alias.name for alias in node.names}
            used |= homes.keys() if "*" in names else names
    attributes = {
        id(node.value): node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in called:
            # the package itself, handed on: any of its names may be used
            used |= {attributes[id(node)]} if id(node) in attributes else homes.keys()
    return (homes[name] for name in sorted(used & homes.keys()))


@cache
def _homes(init: Path, mtime_ns: int) -> dict[str, str]:
    """Public name -> module, as `innerloop/__init__.py` lists them."""
    found: dict[str, str] = {}
    for node in _tree(init, mtime_ns).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    found[str(key.value)] = str(value.value).partition(":")[0]
    return {name: home for name, home in found.items() if home.startswith("innerloop.")}


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
