"""Whatever a study file says is accepted rightly or refused in one clear line; never a stack."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from innerloop.runtime.errors import InnerloopError
from innerloop.runtime.files import canonical_json
from innerloop.runtime.typed_json import as_json, from_json
from innerloop.study.description import describe
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.overlays import merged_study
from innerloop.study.sizing import Sizes
from innerloop.study.study import Study
from innerloop.study.variants import Variants
from mutants import STUDY, TEXT, of_entries, of_text, of_values


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with files of user's code that are none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.py").mkdir()
    nested = b"x = " + b"(" * 3000 + b")" * 3000
    for name, content in {
        "binary": b"\x89PNG\r\n\xff\x00", "zero": b"x = 1\x00", "nested": nested,
        "latin": b'x = "\xfc"\n', "empty": b"",
    }.items():  # fmt: skip
        (tmp_path / f"{name}.py").write_bytes(content)
    return tmp_path


def require_lines(message: str) -> None:
    """One for each thing that is wrong, each of them clear, and no more than can be read."""
    lines = message.split("\n")
    assert max(map(len, lines)) < 400
    assert len(lines) == len({*lines}) < 22
    assert all(lines)
    assert "report it" not in message, "Innerloop did not foresee it"


def require_right(study: Study) -> None:
    """What is accepted has the types that its keys are declared with, and can be made."""
    wrong = [*_mistyped(study.keys, type(study.keys), "")]
    assert not wrong
    jobs, sizes = Jobs(study), Sizes(study)
    measured = Measurements(jobs)
    json.dumps([study.config, describe(study)], allow_nan=False, ensure_ascii=False).encode()
    for table in measured.tables():
        files = measured.files(table)
        assert max(len(part) for path in files for part in path.split("/")) < 256
        assert all(path.isprintable() for path in files)
        spec = next(iter(files.values()))
        assert canonical_json(from_json(type(spec), as_json(spec))) == canonical_json(spec)
    for key, model in study.models.items():
        for rule, probe in [("train_model", None), *(("measure_probe", p) for p in model.probes)]:
            size = sizes.of(rule, key, probe)
            assert size.mem_mb(3) > 0
            assert size.runtime(3) > 0


type_hints = cache(partial(get_type_hints, include_extras=True))


def _mistyped(value: Any, kind: Any, place: str) -> Iterable[str]:
    """Where a value is none of the type that a key is declared with; read from the types alone."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if origin in (Union, UnionType):
        if all([*_mistyped(value, one, place)] for one in inner):
            yield f"{place}: {value!r} is no {kind}"
    elif origin is Literal:
        if value not in inner:
            yield f"{place}: {value!r} is none of {inner}"
    elif origin is tuple:
        if not isinstance(value, tuple):
            yield f"{place}: {value!r} is no tuple"
            return
        for number, item in enumerate(value):
            yield from _mistyped(item, inner[0], f"{place}.{number}")
    elif is_dataclass(kind):
        if not isinstance(value, kind):
            yield f"{place}: {value!r} is no {kind}"
            return
        hints = type_hints(kind)
        for field in fields(kind):
            yield from _mistyped(
                getattr(value, field.name), hints[field.name], f"{place}.{field.name}"
            )
    elif inner:  # a mapping
        for key, item in value.items():
            yield from _mistyped(key, inner[0], f"{place}.{key}")
            yield from _mistyped(item, inner[1], f"{place}.{key}")
    elif isinstance(value, bool) != (kind is bool) or not isinstance(
        value, (int, float) if kind is float else kind
    ):
        yield f"{place}: {value!r} is no {kind.__name__}"


def outcomes(study: dict[str, Any] | None, files: Iterable[Path] = ()) -> str:
    """`accepted`, or the line that it is refused by; every other end is a failure."""
    try:
        made = Study(merged_study([*files]) if study is None else study, files=[*files])
    except InnerloopError as error:
        return str(error)
    require_right(made)
    return "accepted"


@pytest.mark.parametrize("seed", range(8))
def test_a_value_or_key_is_another(seed: int, folder: Path) -> None:
    accepted = 0
    for done, study in of_values(seed, 190):
        try:
            said = outcomes(study)
            accepted += said == "accepted"
            require_lines(said)
        except Exception as error:
            raise AssertionError(done) from error
    assert 10 < accepted < 100  # both were tried


def test_an_entry_is_none(folder: Path) -> None:
    for done, study in of_entries():
        try:
            said = outcomes(study)
            assert said != "accepted"
            require_lines(said)
        except Exception as error:
            raise AssertionError(done) from error


def test_letters_or_lines_of_the_file_are_others(folder: Path) -> None:
    file = folder / "mutant.yaml"
    for done, text in of_text(seed=0, count=300):
        file.write_bytes(text)
        try:
            said = outcomes(None, [file.relative_to(folder)])
            require_lines(said)
            of_file = [re.match("mutant.yaml|study file", line) for line in said.split("\n")]
            assert said == "accepted" or all(of_file)
        except Exception as error:
            raise AssertionError(done) from error


def test_the_study_itself_is_right(folder: Path) -> None:
    require_right(Study(STUDY))


@pytest.mark.parametrize(
    ("old", "new"),
    [("threads: 1", "threads: 1.5"), ("norm: filter", "norm: fitler"), ("splits", "split")],
)
def test_a_message_says_where_it_stands(old: str, new: str, folder: Path) -> None:
    files, text = [folder / "first.yaml", folder / "over.yaml"], TEXT.replace(old, new)
    line = text[: text.index(new)].count("\n") + 1
    files[0].write_text(text, encoding="utf-8")
    files[1].write_text("seed: 1\n", encoding="utf-8")
    assert outcomes(None, files).startswith(f"first.yaml, line {line}: ")


def test_what_was_not_foreseen_names_the_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label = Variants.label

    def broken(self: Variants, protocol: str, variant: str) -> str:
        found = label(self, protocol, variant)
        return found * int(1 / (found != "Halved"))

    monkeypatch.setattr(Variants, "label", broken)
    said = outcomes(STUDY)
    assert said.startswith("study file: protocols.p.variants.halved.label: ")
    assert "report it: ZeroDivisionError in test_mutants.py, line" in said
