"""Entries: how config names a piece of code, Innerloop's own or a user's.

An entry is `package.module:name` or `path/to/file.py:name`. The first half of this file reads
entries without importing anything, so that Snakemake can check and digest them while it parses.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from innerloop.runtime.errors import ConfigError, ExtensionError, InputError, require_choice
from innerloop.runtime.suggestions import close_to, instead_of

#: The default of an option without one, or of which only running the file would tell.
UNKNOWN = object()


@dataclass(frozen=True)
class Option:
    """An option as code declares it.

    Attributes:
        default: its default, or `UNKNOWN`.
        choices: the values of its `Literal`; if empty, any value of the default's type.
    """

    default: Any = UNKNOWN
    choices: tuple[Any, ...] = ()


#: Number of arguments that an update rule takes before its options: weight, gradient, step_size.
GIVEN = 3
_KINDS: dict[type, str] = {bool: "true or false", float: "a number", str: "a string"}


#: Begins the names of modules that users' files are imported as.
_OWN = "innerloop_user_"


def entry_of(argument: str, code: object) -> str:
    """The entry of a function or class that can be imported again; a string is returned as it is.

    Raises:
        InputError: it belongs to the running program, or is another object; names the argument.
    """
    if isinstance(code, str):
        return code
    named = getattr(code, "function", code)  # of a decorated update rule
    name, home = getattr(named, "__qualname__", ""), getattr(named, "__module__", "")
    module = sys.modules.get(home)
    if not name or module is None or home == "__main__" or getattr(module, name, None) is not code:
        shown = f"{name} of {home}" if name else f"an object of type {type(code).__name__}"
        raise InputError(
            f"{argument} is {shown}; expected a name, such as "
            f"'path/to/file.py:{name if name.isidentifier() else 'name'}', or a function or "
            "class imported from a module, so that jobs and model files find it"
        )
    return f"{module.__file__ if home.startswith(_OWN) else home}:{name}"


def split_entry(entry: str) -> tuple[str, str]:
    """`file.py:name` -> (`file.py`, `name`).

    Raises:
        ExtensionError: it does not have that form.
    """
    place, colon, name = entry.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise ExtensionError(
            f"'{entry}' is neither a known name nor an entry; "
            "write path/to/file.py:name or package.module:name"
        )
    return place, name


def entry_in(folder: Path, entry: str) -> str:
    """An entry whose path is relative to `folder`, made relative to the current folder."""
    place, name = split_entry(entry)
    return f"{folder / place}:{name}" if place.endswith(".py") else entry


def is_users(entry: str) -> bool:
    """Whether an entry names a user's own code."""
    return not entry.startswith("innerloop.")


def source_file(entry: str) -> Path:
    """The Python file that an entry lives in, found without importing it.

    Raises:
        ExtensionError: there is no such file or module.
    """
    place, _ = split_entry(entry)
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise ExtensionError(f"'{entry}': there is no file {place} (seen from {Path.cwd()})")
        return Path(place)
    # a first-party path is computed, not imported: find_spec would import the parent packages
    if place.partition(".")[0] == "innerloop":
        path = Path(__file__).parents[1].joinpath(*place.split(".")[1:]).with_suffix(".py")
        if path.is_file():
            return path
        raise ExtensionError(f"'{entry}': Innerloop has no module {place}")
    try:
        found = importlib.util.find_spec(place)
    except Exception as error:  # its parent packages are imported, and may raise anything
        raise ExtensionError(f"'{entry}': there is no module {place} here ({error})") from error
    if found is None or found.origin is None:
        raise ExtensionError(f"'{entry}': there is no module {place} in this environment")
    if not found.origin.endswith(".py"):
        raise ExtensionError(f"'{entry}': {place} is not a Python file ({found.origin})")
    return Path(found.origin)


def parsed(text: bytes, path: Path) -> ast.Module:
    """The syntax of a Python file.

    Raises:
        ExtensionError: it is not Python; names the line.
    """
    try:
        return ast.parse(text, filename=str(path))
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise ExtensionError(f"{path}{line}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nested too deeply
        raise ExtensionError(f"{path} cannot be read as Python ({error})") from error


def statements(path: Path) -> list[ast.stmt]:
    """The statements of a Python file, parsed again only if the file has changed.

    Raises:
        ExtensionError: it cannot be read, or is not Python; names the line.
    """
    try:
        return _statements(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise ExtensionError(f"{path} cannot be read ({error.strerror})") from error


@cache
def _statements(path: Path, mtime_ns: int) -> list[ast.stmt]:
    return parsed(path.read_bytes(), path).body


def check_entry(entry: str) -> Path:
    """Check that the entry's file parses and defines its name; return the file.

    Raises:
        ExtensionError: the file is missing, is not Python, or does not define the name.
    """
    path, name = source_file(entry), split_entry(entry)[1]
    try:
        body = statements(path)
    except ExtensionError as error:
        raise ExtensionError(f"'{entry}': {error}") from error
    if name not in (names := _defined_names(body)):
        meant = f"; did you mean '{close}'?" if (close := close_to(name, sorted(names))) else ""
        raise ExtensionError(f"'{entry}': {path} does not define '{name}' at its top level{meant}")
    return path


def _defined_names(body: list[ast.stmt]) -> set[str]:
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


#: Entries of users' own code that this process has used, in order.
_USERS: dict[str, None] = {}


def users_entries() -> list[str]:
    """The entries of users' own code that this process has used."""
    return list(_USERS)


def load_entry(entry: str) -> Any:
    """Import the entry's file or module and return what it names.

    Raises:
        ExtensionError: it cannot be found, fails to import, or does not define the name.
    """
    place, name = split_entry(entry)
    if is_users(entry):
        _USERS[entry] = None
    try:
        if place.endswith(".py"):
            module = _import_file(source_file(entry))
        else:
            module = importlib.import_module(place)
    except ImportError as error:
        raise ExtensionError(f"'{entry}': importing {place} failed: {error}") from error
    if not hasattr(module, name):
        raise ExtensionError(f"'{entry}': {place} does not define '{name}'")
    return getattr(module, name)


def _import_file(path: Path) -> ModuleType:
    name = f"{_OWN}{path.stem}"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(path.resolve()):
        return known
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))  # the file may import its neighbours
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # or the next load would find a half-made module
        raise
    finally:
        sys.path.pop(0)
    return module


def all_arguments(arguments: ast.arguments) -> list[ast.arg]:
    """A function's parameters in order, without `*args` and `**kwargs`."""
    return arguments.posonlyargs + arguments.args + arguments.kwonlyargs


def declared_options(
    arguments: ast.arguments,
    body: Sequence[ast.stmt],
    offered: Collection[str] = (),
    *,
    given: int = GIVEN,
) -> dict[str, Option]:
    """Options that a function's source declares.

    Args:
        arguments: the function's, without `self`.
        body: the statements of its file, in which names of types may be defined.
        offered: further parameters that are not options.
        given: number of leading parameters that are not options.
    """
    positional = len(arguments.posonlyargs + arguments.args)
    missing = [None] * (positional - len(arguments.defaults))
    defaults = [*missing, *arguments.defaults, *arguments.kw_defaults]
    pairs = [*zip(all_arguments(arguments), defaults, strict=True)][given:]
    return {
        argument.arg: Option(
            default.value if isinstance(default, ast.Constant) else UNKNOWN,
            _literal_values(argument.annotation, body),
        )
        for argument, default in pairs
        if argument.arg not in offered
    }


def _literal_values(annotation: ast.expr | None, body: Sequence[ast.stmt]) -> tuple[Any, ...]:
    """The values of a `Literal`, given directly or by a name defined in the file; else none."""
    if isinstance(annotation, ast.Name):
        named = (
            node.value
            for node in body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and annotation.id in _defined_names([node])
        )
        annotation = next(named, None)
    if not isinstance(annotation, ast.Subscript):
        return ()
    if ast.unparse(annotation.value).rpartition(".")[2] != "Literal":
        return ()
    inner = annotation.slice
    values = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    return tuple(value.value for value in values if isinstance(value, ast.Constant))


def check_options(of: str, key: str, takes: Mapping[str, Option], given: Mapping[str, Any]) -> None:
    """Refuse unknown options, and values that an option does not allow.

    Args:
        of: whose options, for example `update rule 'mine'`.
        key: the study file's key that gives them, for example `rule_options`.
        takes: option -> its declaration.
        given: option -> its value.

    Raises:
        ConfigError: names the known options, an option's choices, or the type of its default.
    """
    for name in sorted(given.keys() - takes.keys()):
        raise ConfigError(f"{key}: {of} takes no option '{name}'{instead_of(name, sorted(takes))}")
    for name, value in given.items():
        option = takes[name]
        if option.choices:
            require_choice(f"{key}.{name}", value, option.choices)
            continue
        wanted = _kind(option.default)
        if wanted in _KINDS and _kind(value) is not wanted:
            raise ConfigError(
                f"{key}.{name} is {value!r}; {of} takes {_KINDS[wanted]} there (by default "
                f"{option.default!r})"
            )


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)
