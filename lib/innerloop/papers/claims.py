"""The papers' qualitative claims as data: each paper's `claims.yaml`, read and checked.

A claim holds if all of its comparisons do. `where` is shared by the comparisons of a claim. `of`
and `against` name a variant, or override single choices of `where`; without `against` a value is
compared with the number `than` (0 if it is not given). A list means one comparison for each value.
With `layers` a comparison must hold in every one of them. A quantity takes the keys that it depends
on, and no others. Protocol and data set are the paper's own (its paper.yaml) unless a claim says
otherwise. A variant with a grid stands for the point of it that validation classes choose.
`expected` is

    greater | less     the difference has that sign
    equal              the difference is within ± margin (an equivalence test)
    not_greater        the difference is below + margin, and not shown to be above 0

Quantities and their units are in quantities.py. Data sets have the papers' names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import yaml

from innerloop.measurements.described_study import DescribedStudy, Sweep
from innerloop.papers.paper import CLAIMS, Paper, place_of, read_paper
from innerloop.papers.quantities import QUANTITIES
from innerloop.runtime.errors import ConfigError, require_choice
from innerloop.runtime.faults import single_faults, told_together
from innerloop.runtime.files import canonical_json, short_digest
from innerloop.runtime.suggestions import instead_of
from innerloop.specs.interventions import OF_A_LAYER

#: The estimator of CKA that decides; the papers' own is shown beside it.
DECIDES, BESIDE = "debiased", "biased"

Expected = Literal["greater", "less", "equal", "not_greater"]


@dataclass(frozen=True)
class Selection:
    """The measurements of one side of a comparison.

    Attributes:
        quantity: name of a quantity of `quantities.py`.
        variant: the variant that is measured; for the toy, the arm.
        protocol: the protocol that it was trained under.
        trained_on: the paper's data set that it was trained on.
        tested_on: the paper's data set that it was measured on.
        setting: task size.
        probe: for the quantity `probe`: one of the study's own.
        layer: one layer; `body`: mean of the conv layers; `all`: all weights together.
        estimator: for CKA: biased or debiased.
        condition: for prototypes: when they were tested, or which change; or an intervention.
        at: fraction of training that has passed; None: the quantity's own checkpoint.
        start: fraction of training from which growth is measured.
        steps: number of inner steps; None: the variant's own.
        step_size: for the toy; None: the mean over all step sizes that it was run with.
    """

    quantity: str
    variant: str
    protocol: str
    trained_on: str
    tested_on: str
    setting: str = "5w1s"
    probe: str = ""
    layer: str = ""
    estimator: str = ""
    condition: str = ""
    at: float | None = None
    start: float = 0.0
    steps: int | None = None
    step_size: float | None = None

    @property
    def table(self) -> str:
        """The table that its values are read from."""
        return QUANTITIES[self.quantity].reads or self.probe


@dataclass(frozen=True)
class Comparison:
    """One comparison of a claim.

    Attributes:
        of: the first side.
        against: the second side; None: the number `than`.
        expected: what the paper says about the difference.
        than: the number that `of` is compared with, in the quantity's unit.
        margin: the largest difference that counts as equal, in the quantity's unit.
        layers: the layers in all of which it must hold; empty: the selections' layer.
        may_differ: protocol columns in which the sides may differ, besides the quantity's own.
        decides: whether the claim depends on it; if not, it is only shown.
    """

    of: Selection
    against: Selection | None
    expected: Expected
    than: float = 0.0
    margin: float = 0.0
    layers: tuple[str, ...] = ()
    may_differ: tuple[str, ...] = ()
    decides: bool = True

    @property
    def sides(self) -> tuple[Selection, ...]:
        """The selections that are compared: one or two."""
        return (self.of,) if self.against is None else (self.of, self.against)


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper, its place, and the comparisons that decide it.

    Attributes:
        name: the claim's name.
        paper: the paper's label in reports.
        source: where in the paper the sentence is.
        claim: the sentence.
        comparisons: those that decide it, and those that are only shown.
        digest: digest of its whole entry, which tells an edited claim from the original.
        optional: whether studies that train the models of none of its comparisons leave it out.
            Claims of folders without a protocol are, since they compare models of several studies.
    """

    name: str
    paper: str
    source: str
    claim: str
    comparisons: tuple[Comparison, ...]
    digest: str = ""
    optional: bool = False

    @property
    def reads(self) -> frozenset[str]:
        """The tables of measurements that it is judged by."""
        sides = (side for comparison in self.comparisons for side in comparison.sides)
        return frozenset(side.table for side in sides)


_SELECTED = frozenset(field.name for field in fields(Selection))
#: Keys that only some quantities take; CKA's estimator is set here, not by a claim.
_NARROWED = frozenset(
    {"probe", "layer", "estimator", "condition", "at", "start", "steps", "step_size"}
)
_COMPARED = frozenset(field.name for field in fields(Comparison)) - {"decides"}
#: Keys of a comparison that are lists themselves.
_LISTS = ("layers", "may_differ")
#: Keys whose values are numbers, and those of them that are fractions of training.
_NUMBERS = frozenset({"at", "start", "steps", "step_size", "than", "margin"})
FRACTIONS = frozenset({"at", "start"})
#: Keys of a claim.
_KEYS = ("name", "claim", "source", "where", "comparisons")


def claims_of(study: DescribedStudy) -> list[Claim]:
    """Every claim of the papers that a study has chosen and has models of, in their order."""
    measured = [read_paper(paper.place) for paper in study.papers if paper.measured]
    return [claim for paper in measured for claim in read_claims(paper)]


def read_claims(paper: Paper) -> list[Claim]:
    """Every claim of a paper, in the order of its file; none if it has no such file.

    Raises:
        ConfigError: the file says something unknown or contradictory.
    """
    file, facts = paper.file(CLAIMS), paper.facts
    if file is None:
        return []
    by_default = {
        "protocol": facts.protocol,
        "trained_on": facts.trained_on,
        "tested_on": facts.trained_on,
    }
    shared = {key: value for key, value in by_default.items() if value}
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8")) or []
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: {error}") from error
    if not isinstance(entries, list):
        raise ConfigError(f"{file}: expected a list of claims, each of which begins with - name:")
    claims = []
    with told_together() as faults:
        for number, entry in enumerate(entries):
            with faults.noted():
                claims.append(_claim(entry, facts.label, shared, file, number))
    return claims


def place_of_claim(file: Path, number: int, word: str = "", part: int | None = None) -> str:
    """`mine/claims.yaml, line 4`: where a claim has a word, or else begins.

    Args:
        file: the file of claims.
        number: the claim's, counted from 0.
        word: what is looked for.
        part: the comparison, counted from 0, that has the word or begins there, unless only the
            rest of the claim has it.
    """
    text = file.read_text(encoding="utf-8")
    claims: Any = yaml.compose(text, yaml.SafeLoader)
    claim = claims.value[number]
    begins = claim.start_mark.line
    if part is not None:
        # none are found where a YAML alias brings them
        parts = next((value for key, value in claim.value if key.value == "comparisons"), None)
        own = parts.value[part] if parts else claim
        whole, here = (text[one.start_mark.index : one.end_mark.index] for one in (claim, own))
        if word in here or word not in whole:
            begins = own.start_mark.line
    return place_of(file, word, begins)


def lacking(claim: Claim, tables: Collection[str]) -> set[str]:
    """Tables of optional probes that a claim needs and that are not among the given tables."""
    sides = (side for comparison in claim.comparisons for side in comparison.sides)
    return {side.table for side in sides if QUANTITIES[side.quantity].of_choice} - {*tables}


class _Model(Protocol):
    @property
    def protocol(self) -> str: ...
    @property
    def variant(self) -> str: ...
    @property
    def dataset(self) -> str: ...


class _Study(Protocol):
    @property
    def models(self) -> Iterable[_Model]: ...
    @property
    def sweeps(self) -> Iterable[Sweep]: ...
    def in_role(self, paper_dataset: str) -> str: ...


def is_asked(claim: Claim, study: _Study) -> bool:
    """Whether a claim is not optional, or the study trains what one of its comparisons needs."""
    trained = {
        (one.protocol, one.variant, name) for one in study.models for name in (one.dataset, "")
    }
    datasets = {dataset for _, _, dataset in trained}
    trained |= {
        (one.protocol, one.name, name) for one in study.sweeps if one.choose for name in datasets
    }
    return not claim.optional or any(
        all(
            side.table == "toy"
            or (side.protocol, side.variant, study.in_role(side.trained_on)) in trained
            for side in comparison.sides
        )
        for comparison in claim.comparisons
    )


def _claim(
    entry: Mapping[str, Any], paper: str, by_default: Mapping[str, Any], file: Path, number: int
) -> Claim:
    found: list[Comparison] = []
    with told_together() as faults, _placed(entry, file, number):
        if not isinstance(entry, Mapping):
            raise ConfigError(f"a claim is {entry!r}; expected the keys name, claim, comparisons")
        with faults.noted(), _placed(entry, file, number):
            _check_keys(entry, _KEYS)
        shared, parts = {**by_default, **entry.get("where", {})}, entry["comparisons"]
        if not isinstance(parts, list) or not parts:
            said = "is empty" if parts in (None, []) else f"is {parts!r}"
            raise ConfigError(f"comparisons {said}; expected at least one that decides the claim")
        for at, part in enumerate(parts):
            with faults.noted(), _placed(entry, file, number, at):
                if not isinstance(part, Mapping):
                    raise ConfigError(f"a comparison is {part!r}; expected keys such as of")
                found += _comparisons({**shared, **part})
        return Claim(
            entry["name"],
            paper,
            entry.get("source", ""),
            entry["claim"],
            comparisons=tuple(found),
            digest=short_digest(canonical_json([by_default, entry])),
            optional="protocol" not in by_default,
        )


@contextmanager
def _placed(entry: Any, file: Path, number: int, part: int | None = None) -> Iterator[None]:
    """Raise the block's errors with the file and line that they are about, and the claim's name."""
    try:
        yield
    except KeyError as error:
        found: list[object] = [f"{error.args[0]} is missing"]
    except (TypeError, ConfigError) as error:
        found = [*single_faults(error)] if isinstance(error, ConfigError) else [error]
    else:
        return
    called = f"claim '{entry.get('name', '?')}': " if isinstance(entry, Mapping) else ""
    with told_together() as faults:
        for said in found:
            quoted = re.search("'([^']*)'", str(said))
            where = place_of_claim(file, number, quoted[1] if quoted else "", part)
            faults.note(ConfigError(f"{where}: {called}{said}"))


def _check_keys(values: Mapping[str, Any], known: Iterable[str]) -> None:
    with told_together() as faults:
        for key in sorted(map(str, values.keys() - {*known})):
            faults.note(ConfigError(f"unknown key '{key}'{instead_of(key, sorted(known))}"))


def _comparisons(values: Mapping[str, Any]) -> Iterator[Comparison]:
    _check_keys(values, _SELECTED | _COMPARED)
    for single in _one_each(values):
        require_choice("expected", single["expected"], get_args(Expected))
        _check_numbers(single)
        if single["expected"] in ("equal", "not_greater") and not single.get("margin", 0) > 0:
            raise ConfigError(f"expected: {single['expected']} needs a margin above 0")
        shared = {key: value for key, value in single.items() if key in _SELECTED}
        of = {**shared, **_side(single["of"])}
        against = single.get("against")
        options: dict[str, Any] = {
            key: tuple([value] if isinstance(value, str) else value) if key in _LISTS else value
            for key, value in single.items()
            if key in _COMPARED - {"of", "against"}
        }
        _check_side(of, single.keys() | of.keys(), layers=options.get("layers"))
        for estimator in (DECIDES, BESIDE) if QUANTITIES[of["quantity"]].is_cka else ("",):
            # the second side equals the first, except for the keys that it overrides
            other = None if against is None else {**of, **_side(against), "estimator": estimator}
            if other is not None:
                _check_side(other, _side(against).keys(), layers=options.get("layers"))
                if other == {**of, "estimator": estimator}:
                    raise ConfigError(f"of and against are the same: {against}")
            yield Comparison(
                Selection(**{**of, "estimator": estimator}),
                None if other is None else Selection(**other),
                **options,
                decides=estimator != BESIDE,
            )


def _check_side(side: Mapping[str, Any], said: Set[str], *, layers: Any) -> None:
    """Refuse an unknown quantity, and keys that the quantity does not take or lacks."""
    _check_numbers(side)
    for field in fields(Selection):
        if field.default is MISSING and not side.get(field.name):
            raise ConfigError(f"{field.name} is missing; say it under where, or in the comparison")
    name = side["quantity"]
    if name not in QUANTITIES:
        raise ConfigError(f"quantity '{name}' is unknown{instead_of(name, QUANTITIES)}")
    if name == "probe" and not side.get("probe"):
        raise ConfigError("probe is missing; say which of the study's own, as in probe: my_probe")
    takes, conditions = QUANTITIES[name].takes, QUANTITIES[name].conditions
    said = {key.replace("layers", "layer") for key in said}
    for key in sorted(said & _NARROWED - takes):
        raise ConfigError(f"{name} takes no {key}; it takes {', '.join(sorted(takes)) or 'none'}")
    if conditions and side.get("condition") not in conditions:
        known = ", ".join(conditions)
        raise ConfigError(f"condition: {side.get('condition')} of {name} is none of {known}")
    if QUANTITIES[name].reads == "interventions":
        _check_intervention(side["condition"], said, bool(side.get("layer") or layers))


def _check_intervention(name: str, said: Set[str], of_a_layer: bool) -> None:
    """Refuse an intervention on a layer that none is named for, and a layer for any other."""
    if name in OF_A_LAYER and not of_a_layer:
        raise ConfigError(f"condition: {name} concerns a layer; say which, as in layer: head")
    if name not in OF_A_LAYER and "layer" in said:
        raise ConfigError(
            f"condition: {name} takes no layer; those that do are {', '.join(OF_A_LAYER)}"
        )


def _check_numbers(values: Mapping[str, Any]) -> None:
    """Refuse what is no number where one is meant, as 1e-3, which is text to YAML."""
    for key in _NUMBERS & values.keys():
        value = values[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{key} is '{value}', expected a number; write 1e-3 as 1.0e-3")
        if key in FRACTIONS and not 0 <= value <= 1:
            raise ConfigError(f"{key} is '{value}', expected a fraction of training, 0 to 1")


def _side(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {"variant": value}


def _one_each(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One mapping for each combination of the values that are lists, also within a side."""
    flat: dict[tuple[str, ...], Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= {(key, inner): inner_value for inner, inner_value in value.items()}
        else:
            flat[(key,)] = value
    several = [
        key for key, value in flat.items() if isinstance(value, list) and key[-1] not in _LISTS
    ]
    for chosen in product(*(flat[key] for key in several)):
        single: dict[str, Any] = {}
        for place, value in {**flat, **dict(zip(several, chosen, strict=True))}.items():
            if len(place) == 1:
                single[place[0]] = value
            else:
                single.setdefault(place[0], {})[place[1]] = value
        yield single
