"""Study files that a slip, a habit of YAML or malice could have made, the same ones every time."""

from __future__ import annotations

import copy
import datetime as dt
import random
from collections.abc import Callable, Iterator
from typing import Any

import yaml

#: Every section, as small as it can be.
TEXT = """\
study: mutant
title: A study
seed: 0
model_seeds: [0]
compute: {device: cpu, threads: 1, save_every: 60, resources: {train_model: {mem_mb: 4000}}}
roles: {mini_imagenet: symbols}
datasets:
  symbols: {source: symbols, label: Symbols}
  digits: {source: digits}
statistics: {interval: t, level: 0.9}
evaluation: {tasks: 4, queries: 5}
validation: {every: 2, tasks: 2}
checkpoints: [0, 0.5, 1]
methods:
  halved: {update_rule: sgd, step_size_multiplier: 0.5, label: Half}
  lslr: {learn_step_size: step_and_layer, step_size_lower_bound: -1}
protocols:
  p:
    title: A protocol
    defaults:
      image_size: 16
      filters: 4
      step_size: 0.05
      outer_step_size: 0.003
      meta_batch: 2
      train_steps: 1
      test_steps: 1
      queries: 2
      iterations: 2
    by_setting: {3w1s: {train_steps: 2}}
    variants:
      maml: {}
      unit_norm: {rule_options: {norm: filter}}
      halved: {label: Halved, test_step_size: 0.1}
      swept: {method: maml, grid: {step_size: [0.1, 0.2]}, choose: validation}
      lslr: {step_size: [0.01, 0.02]}
      ridge: {learner: ridge, learner_options: {}}
models:
  all:
    protocol: p
    dataset: symbols
    settings: [3w1s]
    variants: [maml, unit_norm, swept, lslr, ridge]
    evaluate_on: [symbols]
    splits: [test]
    probes: [cka]
    seeds: [0]
probes:
  cka: {tasks: 2, steps: [test, 2], over_training: [symbols]}
  scale_invariance: {scale: 10}
toy:
  dataset: digits
  image_size: 16
  filters: 4
  arms: [unit_norm]
  step_sizes: [0.01]
  seeds: [0]
  epochs: 1
  batch: 128
"""
STUDY: dict[str, Any] = yaml.safe_load(TEXT)

#: What may stand for a piece of code, and is none.
ENTRIES = (
    *("os:system", "sys:path", "math:sin", "__main__:x", "nothing_there.sub:x", "x:y:z", ":x"),
    *(".foo:x", ".:x", "a..b:x", "a.py:", "a.py:x", "./:x", "/dev/zero:x", "/dev/zero.py:x"),
    *("innerloop:train", "innerloop..x:y", "innerloop.learners.ridge:Nope", "y" * 300 + ".py:f"),
    *("binary.py:x", "folder.py:x", "zero.py:x", "nested.py:x", "latin.py:x", "empty.py:x"),
)


def _deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(3000):
        value = [value]
    return value


def _aliases() -> list[Any]:
    value: list[Any] = ["x"] * 10
    for _ in range(9):
        value = [value] * 10
    return value


def _round() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["a"] = value
    return value


_NUMBERS = [-1, 0, 1, 2, 300, 1.5, 4.0, -0.0, 1e-320, 1e308, -1e308, 2**53 + 1, 2**63, 10**400]
_NUMBERS += [float("nan"), float("inf"), float("-inf"), 10**6, 10**9, 10**30]
_TEXTS = [
    "",
    " ",
    "a",
    "A b",
    "x" * 5000,
    "y" * 300,
    "word " * 500,
    "{a}",
    "{study}",
    "é",
    "e\u0301",
]
_TEXTS += [r"$\alphaa$", "$a^b^c$", "\ud800", "a\n", "cpu\n", "3w1s\n", "a\x00b", "\u2028", "1e-3"]
_TEXTS += ["yes", "../../x", "/", ".", "/dev/zero", "=cmd|x", "<script>", "cuda:9" + "9" * 30]
_TEXTS += ["99999999999w1s", "1w1s", "200w1s", "3w500s", "03w1s", "symbols", "maml", "cka", "test"]
_OTHERS: list[Any] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    {"a": 1},
    {1: 2},
    {None: 1},
    [None],
    [1, "a"],
]
_OTHERS += [["test", "test"], dt.date(2026, 1, 2), b"ab", {1, 2}, _deep, _aliases, _round]
VALUES: list[Any] = [*_NUMBERS, *_TEXTS, *_OTHERS, *ENTRIES]
KEYS: list[Any] = [1, None, True, 1.5, (1, 2), "", "x", "A", "x\n", "x" * 5000, "é", "__class__"]
KEYS += ["choices", "name", "self", "label", "seed", "grid", "3w1s", "raw_pixels", "accuracy"]


def of_values(seed: int, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Study files of which one value or key is another, each with what was done."""
    chance = random.Random(seed)
    for _ in range(count):
        study = copy.deepcopy(STUDY)
        at = chance.choice([place for place in _places(STUDY) if place])
        holder, key = _at(study, at[:-1]), at[-1]
        change = chance.choice(
            [_set, _set, _set, _set, _remove, _add, _rename, _again, _scale, _move]
        )
        yield f"{'.'.join(map(str, at))}: {change(chance, study, holder, key)}", study


def of_entries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Study files that name what is no code, or no file, wherever one may be named."""
    places = [("datasets", "symbols", "source"), ("datasets", "symbols", "splits")]
    places += [("methods", "halved", "update_rule"), ("probes", "mine", "probe")]
    places += [("protocols", "p", "variants", "ridge", "learner")]
    places += [("protocols", "p", "defaults", "network"), ("registry",), ("papers",)]
    for at in places:
        for entry in ENTRIES:
            study = copy.deepcopy(STUDY)
            holder: Any = study
            for key in at[:-1]:
                holder = holder.setdefault(key, {})
            holder[at[-1]] = [entry] if at == ("papers",) else entry
            yield f"{'.'.join(at)}: {entry[:40]!r}", study


def of_text(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Texts of study files in which letters or lines are lost, doubled or others."""
    chance = random.Random(seed)
    pieces = [b"\t", b":", b"-", b"&a ", b"*a", b"!!python/name:os.system ", b"\xff", b"\x00", b'"']
    pieces += [b"#", b"{", b"}", b"[", b"\n---\n", b"\n", b"'", b"<<: ", b"0", b"\r", b"| ", b"e"]
    for _ in range(count):
        text = TEXT.encode()
        lines = text.splitlines(keepends=True)
        where, line = chance.randrange(len(text)), chance.randrange(len(lines))
        piece = chance.choice(pieces)
        kinds = {
            f"{piece!r} at {where}": text[:where] + piece + text[where:],
            f"cut at {where}": text[:where],
            f"without letter {where}": text[:where] + text[where + 1 :],
            f"line {line + 1} twice": b"".join([*lines[: line + 1], *lines[line:]]),
            f"without line {line + 1}": b"".join([*lines[:line], *lines[line + 1 :]]),
        }
        name = chance.choice([*kinds])
        yield name, kinds[name]


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inside = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else inside:
        yield from _places(inner, (*at, key))


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        value = value[key]
    return value


Change = Callable[[random.Random, dict[str, Any], Any, Any], str]


def _any_value(chance: random.Random) -> tuple[str, Any]:
    value = chance.choice(VALUES)
    return (value.__name__, value()) if callable(value) else (repr(value)[:60], copy.copy(value))


def _set(chance: random.Random, study: Any, holder: Any, key: Any) -> str:
    name, holder[key] = _any_value(chance)
    return f"is {name}"


def _remove(chance: random.Random, study: Any, holder: Any, key: Any) -> str:
    del holder[key]
    return "removed"


def _add(chance: random.Random, study: Any, holder: Any, key: Any) -> str:
    new = chance.choice(KEYS)
    name, value = _any_value(chance)
    (holder if isinstance(holder, dict) else study)[new] = value
    return f"beside it {new!r:.20}: {name}"


def _rename(chance: random.Random, study: Any, holder: Any, key: Any) -> str:
    new = chance.choice(KEYS)
    if isinstance(holder, dict):
        holder[new] = holder.pop(key)
    return f"called {new!r:.20}"


def _again(chance: random.Random, study: Any, holder: Any, key: Any) -> str:
    value = copy.deepcopy(holder[key])
    if isinstance(holder, list):
        holder.append(value)
    else:
        holder[f"{key}2"] = value
    return "twice"


def _scale(chance: random.Random, study: Any, holder: Any, key: Any) -> str:
    factor = chance.choice([-1, 1000, 1e6, 1e12, 0.5, 1e-6])
    if isinstance(holder[key], int | float):
        holder[key] *= factor
    return f"times {factor}"


def _move(chance: random.Random, study: Any, holder: Any, key: Any) -> str:
    other = chance.choice([place for place in _places(STUDY) if place])
    holder[key] = copy.deepcopy(_at(STUDY, other))
    return f"is {'.'.join(map(str, other))}"
