"""A digest of the *meaning* of the first-party code that a program reaches.

Snakemake does not see imported modules. Each rule therefore takes this digest as a parameter: it
changes when a statement of the script, of any `innerloop` module it imports (however indirectly),
of a user's file it loads, or a data file that these name changes. Comments, docstrings, formatting
and the files' locations do not count. Nothing is imported to compute it.
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

from innerloop.runtime.python_file import ALL, keep, read_python_file

LIBRARY = Path(__file__).resolve().parents[1]

#: Folders that the workflow itself writes to.
WRITTEN = frozenset({"results", "resources"})
#: Up to this many bytes, a file or a folder is read in full whenever Snakemake parses. Of larger
#: ones, only names, sizes and modification times are digested.
READ_WHOLE = 32 * 2**20
#: Maximum number of files in a folder that is digested file by file.
LISTED = 100_000


def code_digest(script: Path | str, extra: Iterable[Path | str] = ()) -> str:
    """Digest of everything `script` and the `extra` files reach, as 16 hex digits."""
    total = hashlib.sha256()
    reached = closure([script, *extra])
    # files outside the checkout may share a label: the order must not depend on the set's
    for label, digest in sorted((_label(p), _digest_of(p)) for p in reached):
        total.update(f"{label}\0{digest}\0".encode())
    keep()
    return total.hexdigest()[:16]


def closure(files: Iterable[Path | str]) -> set[Path]:
    """The files themselves, the first-party modules they import, and the data files these name."""
    _module_files.cache_clear()  # there may be new ones
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
    """A file's name in the digest, independent of where the file and the library are."""
    root = LIBRARY.parent
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _digest_of(path: Path) -> str:
    if path.is_dir():
        return _folder_digest(path)
    return _file_digest(path, path.stat().st_mtime_ns)


@cache
def _file_digest(path: Path, mtime_ns: int) -> str:
    if path.suffix == ".py":
        return read_python_file(path).meaning
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
            f"{folder} has more than {LISTED:,} files: only the names and times of its subfolders "
            "show whether it has changed",
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
    """Whether a path is a regular file: reading from a device or a pipe may never end."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


@cache
def _neighbours(path: Path, mtime_ns: int) -> tuple[Path, ...]:
    file = read_python_file(path)
    root = _root_of(path)
    files: dict[Path, None] = {}
    for level, module, names in file.imports:
        module = _absolute_name(level, module, path)
        for name in (module, *(f"{module}.{name}" for name in names)):
            files |= dict.fromkeys(_module_files(name, root))
    if file.public_names:
        homes = _homes(LIBRARY / "__init__.py", (LIBRARY / "__init__.py").stat().st_mtime_ns)
        for name in homes if ALL in file.public_names else file.public_names:
            if name in homes:
                files |= dict.fromkeys(_module_files(homes[name], root))
    places = (Path(os.path.realpath(path.parent / place)) for place in file.places)
    return (*files, *(place for place in places if _counts(place, path)))


def _counts(place: Path, importer: Path) -> bool:
    """Whether a path that a Python file names is data of that file."""
    if place.suffix == ".py" or importer.is_relative_to(place):
        return False
    if place.is_dir():
        # folders that runs write to, and folders such as /tmp, are not data
        ours = importer.is_relative_to(LIBRARY) or place.name in WRITTEN
        return not ours and len(place.parts) > 2
    return _is_file(place)


@cache
def _homes(init: Path, mtime_ns: int) -> dict[str, str]:
    """Public name -> module, as `innerloop/__init__.py` lists them."""
    found: dict[str, str] = {}
    for node in ast.parse(init.read_bytes()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    found[str(key.value)] = str(value.value).partition(":")[0]
    return {name: home for name, home in found.items() if home.startswith("innerloop.")}


@cache
def _module_files(name: str, root: Path) -> tuple[Path, ...]:
    """The file of a dotted name and those of its parent packages; empty for third-party code."""
    parent, _, last = name.rpartition(".")
    folder = (LIBRARY.parent if name.partition(".")[0] == "innerloop" else root).joinpath(
        *parent.split(".") if parent else ()
    )
    parents = _module_files(parent, root) if parent else ()
    for file in (folder / last / "__init__.py", folder / f"{last}.py"):
        if file.is_file():
            return (*parents, file.resolve())
    return parents


def _root_of(path: Path) -> Path:
    """The folder that a file's absolute imports start from: the nearest that is not a package."""
    return next(folder for folder in path.parents if not (folder / "__init__.py").is_file())


def _absolute_name(level: int, module: str, path: Path) -> str:
    """The absolute name of an imported module, also for `from ..x import y`."""
    if level == 0:
        return module
    package = path.parents[level - 1].relative_to(_root_of(path)).parts
    return ".".join([*package, *([module] if module else [])])
