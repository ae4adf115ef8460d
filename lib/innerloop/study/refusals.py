"""Errors in a study file as one line per fault, even if Innerloop did not foresee them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from innerloop.runtime.errors import ConfigError, InnerloopError
from innerloop.runtime.faults import SeveralFaultsError
from innerloop.study.reading import located

#: Longest message, in characters; of longer ones, this much of the beginning and end is kept.
_LONGEST, _BEGINNING, _END = 399, 260, 120
#: The most messages shown at once.
_MOST = 20

Build = Callable[[Mapping[str, Any]], object]


@contextmanager
def refusals(
    config: Mapping[str, Any], files: Sequence[Path | str], build: Build
) -> Iterator[None]:
    """Turn whatever is raised into lines that name a key of the study file, one for each fault.

    Args:
        config: the study file's content.
        files: the files that it was read from; later ones override earlier ones.
        build: does the same as the block; after an unforeseen error it is tried without some keys.

    Raises:
        InnerloopError: what was raised, in one line; a ConfigError where it was not foreseen, or
            where it is several, sorted by file and line.
    """
    try:
        yield
    except SeveralFaultsError as error:
        lines = [_in_one_line(each) for each in located(map(str, error.faults), files)]
        more = [f"... and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
        raise ConfigError("\n".join([*lines[:_MOST], *more])) from error
    except InnerloopError as error:
        raise type(error)(_in_one_line(*located([str(error)], files))) from error
    except Exception as error:
        place = ".".join(_culprit(config, build, type(error))) or "as a whole"
        message = f"study file: {place}: {_of_others(error)}"
        raise ConfigError(_in_one_line(*located([message], files))) from error


def _of_others(error: Exception) -> str:
    """The message for an error of Python or a library."""
    if isinstance(error, OSError):
        return f"{error.strerror}: {error.filename}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        "Innerloop did not foresee this and cannot say what is wrong; compare it with "
        f"docs/study-files.md, and please report it: {type(error).__name__} in "
        f"{Path(frame.filename).name}, line {frame.lineno}: {error}"
    )


def _in_one_line(message: str) -> str:
    message = " ".join(message.split())
    if len(message) <= _LONGEST:
        return message
    return f"{message[:_BEGINNING]} ... {message[-_END:]}"


def _culprit(
    config: Mapping[str, Any], build: Build, kind: type[Exception], place: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The innermost key without which there is no error; () where several keys cause it."""
    unsaid = []
    section = _at(config, place)
    for key in section if isinstance(section, Mapping) else ():
        inside = (*place, key)
        try:
            build(_without(config, inside))
        except kind:
            continue
        except Exception:  # another error without this key: the culprit may be inside it
            unsaid.append(inside)
        else:
            return _culprit(config, build, kind, inside) or inside
    return next(filter(None, (_culprit(config, build, kind, inside) for inside in unsaid)), ())


def _at(value: Any, place: tuple[str, ...]) -> Any:
    for key in place:
        value = value[key]
    return value


def _without(value: Any, place: tuple[str, ...]) -> dict[str, Any]:
    first, *inner = place
    kept = {key: each for key, each in value.items() if key != first}
    return {**kept, first: _without(value[first], tuple(inner))} if inner else kept
