"""Why a job failed: what its program writes at the end of the log, and how that is read back.

FAILED my_rule.py, line 12, in relative_step:
    if weight.norm() > 100:
It branches on the value of a tensor. ...

Traceback (most recent call last): ...
"""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from innerloop.runtime.disk_error import disk_error, is_of_disk
from innerloop.runtime.errors import InnerloopError
from innerloop.runtime.extensions import users_entries

MARK = "FAILED "
#: The place of an error that is not in a user's code.
OURS = "in Innerloop:"
#: Bytes at the end of a log that hold the reason and its traceback.
_TAIL_BYTES = 65536
_LAST_LINES = 6
_LIBRARIES = ("stdlib", "platstdlib", "purelib", "platlib")
#: Names of package folders anywhere, such as a user's own or Debian's.
_PACKAGES = {"site-packages", "dist-packages"}
#: What PyTorch raises about code that it vmaps or records; other errors need no advice.
_OF_PYTORCH = (RuntimeError, TypeError)
BEGINS = "begins on"
ENDED = "has ended after"
#: The first line of an attempt: a log may hold several.
ATTEMPT = re.compile(
    rf"^(?P<time>\d\d:\d\d:\d\d)  \w+ {BEGINS} (?P<host>.*), (?P<date>\d{{4}}-\d\d-\d\d)$",
    re.MULTILINE,
)
_MAPPED = "An update rule is mapped over all tasks at once (torch.vmap) and recorded on a GPU"

#: Pattern of a PyTorch error -> what to change in code that is mapped over tasks.
_ADVICE = (
    (
        "data-dependent control flow",
        f"It branches on the value of a tensor. {_MAPPED}: write torch.where(condition, a, b) for "
        "`if`, `and` and the like, torch.clamp for `min` and `max`; leave out `assert`.",
    ),
    (
        r"calling \.item\(\)|Cannot access data pointer|can be converted to an index",
        "It converts a tensor to a Python number, as .item(), float(), int(), .tolist(), .numpy() "
        f"and `math` do. {_MAPPED}, so there is no single number: compute with tensors, "
        "such as x.sqrt() for math.sqrt(x).",
    ),
    (
        "randomness error mode",
        "It draws random numbers. An update rule may not: the same training must give the same "
        "model wherever it is continued.",
    ),
    (
        r"in-place operation|inplace|output with shape .* doesn't match the broadcast shape",
        "It changes a tensor in place, as `+=`, `x[i] = ...` and functions such as .sub_() do. "
        "Make a new one: `weight = weight - ...`; if you need a tensor to fill, make it by "
        "torch.zeros_like(weight).",
    ),
    (
        "dynamic shape",
        "The shape of a result depends on values, as that of x[mask], nonzero() and unique() does. "
        f"{_MAPPED}: write torch.where(mask, x, 0).",
    ),
    (
        r"captur\w+ stream|stream is captur|during (?:graph )?capture|StreamCapture",
        "It waits for the GPU, or makes tensors from Python numbers, in a step that is recorded. "
        "Change that, or set compute.cuda_graph: false in the study file (slower).",
    ),
)


@dataclass(frozen=True)
class Explanation:
    """An error, explained to the user.

    Attributes:
        message: what is wrong, and what to change.
        place: file and line of the user's own code, or `OURS`; empty if the message needs neither.
        stack: the traceback; empty if the message says everything.
    """

    message: str
    place: str = ""
    stack: str = ""

    @property
    def reason(self) -> str:
        """Place and message."""
        return f"{self.place}\n{self.message}" if self.place else self.message

    def __str__(self) -> str:
        """The text that a program writes at the end of its log."""
        first = f"{MARK}{self.reason}" if self.place else self.reason
        return f"{first}\n\n{self.stack}" if self.stack else first


def explained(error: BaseException, program: str) -> Explanation:
    """Explain an error: the user's own file and line first, then what to change.

    An `InnerloopError`, or an error of the disk, has no traceback.

    Args:
        error: what was raised.
        program: the program's own file.
    """
    place = next(filter(None, (_place(each, program) for each in _chain(error))), None)
    message = f"{type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, InnerloopError):
        return Explanation(message, place or "")
    refused = next(filter(is_of_disk, _chain(error)), None)
    if place is None and isinstance(refused, OSError):
        return Explanation(f"DiskError: {disk_error('a file', refused)}")
    if place is None and users_entries():
        place = f"in Innerloop, using {', '.join(users_entries())}:"
    if isinstance(error, SystemExit):
        message = "It ended the program by sys.exit(): raise an exception instead, or return."
    elif place and isinstance(error, _OF_PYTORCH):
        message = _advice(str(error)) or message
    stack = "".join(traceback.format_exception(error)).rstrip()
    return Explanation(message, place or OURS, stack)


def reason(log: Path | str) -> str:
    """Why a job's last attempt failed, from the end of its log.

    Its program's own explanation, or else the last lines. If the log ends with success, the text
    says that the failure was elsewhere.
    """
    try:
        with Path(log).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace").rstrip()
    except OSError:
        return "its log was not written"
    attempts = list(ATTEMPT.finditer(text))
    if attempts:
        text = text[attempts[-1].start() :]
    if f" {ENDED} " in text.rpartition("\n")[2]:
        return (
            "Its log shows no failure: it did not begin this time, or its files were not found "
            "afterwards. Snakemake's own message says which."
        )
    _, mark, explanation = f"\n{text}".rpartition(f"\n{MARK}")
    if mark:
        return explanation.partition("\n\n")[0]
    last_error = list(re.finditer(r"^\w+Error: ", text, re.MULTILINE))
    if last_error:
        return text[last_error[-1].start() :]
    return "\n".join(text.splitlines()[-_LAST_LINES:]) or "its log is empty"


def in_users_code(error: BaseException, program: str) -> bool:
    """Whether an error was raised in code that is neither Innerloop's nor a library's."""
    return _place(error, program) is not None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, followed by its causes."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _place(error: BaseException, program: str) -> str | None:
    """Where an error was raised in code that is neither Innerloop's nor a library's."""
    if isinstance(error, SyntaxError) and error.filename and _is_users(error.filename, program):
        return f"{_shown(error.filename)}, line {error.lineno}:\n    {(error.text or '').strip()}"
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if _is_users(frame.filename, program):
            where = f"{_shown(frame.filename)}, line {frame.lineno}, in {frame.name}:"
            return f"{where}\n    {frame.line}"
    return None


def _is_users(file: str, program: str) -> bool:
    path = Path(file).resolve()
    others = [Path(__file__).parents[1], *(Path(sysconfig.get_path(name)) for name in _LIBRARIES)]
    return (
        path.is_file()
        and path != Path(program).resolve()
        and not _PACKAGES & set(path.parts)
        and not any(path.is_relative_to(folder.resolve()) for folder in others)
    )


def _shown(file: str) -> str:
    path = Path(file).resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _advice(message: str) -> str | None:
    return next((text for pattern, text in _ADVICE if re.search(pattern, message)), None)
