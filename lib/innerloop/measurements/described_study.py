"""What a study consists of, as the workflow describes it in results/<study>/study.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.typed_json import from_json
from innerloop.specs.setting import in_full
from innerloop.stats.statistics import Statistics

RAW_PIXELS = "raw_pixels"

#: What the methods of a paper may differ in and still be compared: how many inner steps they take
#: is part of the method.
METHODS_MAY_DIFFER = frozenset({"steps"})

#: Labels of what a study need not have: the papers' methods, and the nearest class mean.
KNOWN_LABELS = {
    "maml": "MAML",
    "maml_3x": "MAML 3x",
    "anil": "ANIL",
    "boil": "BOIL",
    "scaled_lr": "Scaled LR",
    "unit_norm": "Unit norm",
    "meta_sgd": "Meta-SGD",
    RAW_PIXELS: "Raw pixels",
}


@dataclass(frozen=True)
class Facts:
    """What a paper, or a user's folder of the same form, says of itself.

    Attributes:
        title: of the paper.
        label: what reports call it, for example P1; left out: its folder's name.
        authors: who wrote it.
        asks: what it asks, in a sentence.
        link: where it can be read.
        protocol: the protocol of a study under which its models are trained; empty: any.
        trained_on: the data set that the models of its figures are trained on.
        datasets: its data sets, in the order of its figures.
        dataset_labels: what it calls them.
        variants: the methods that it compares, in the order of its figures.
        size: choices that make the size of its models; numbers of others are not compared.
    """

    title: str
    label: str = ""
    authors: str = ""
    asks: str = ""
    link: str = ""
    protocol: str = ""
    trained_on: str = ""
    datasets: tuple[str, ...] = ()
    dataset_labels: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    size: Mapping[str, Any] = field(default_factory=dict)

    def compares(self, protocol: str, variant: str) -> bool:
        """Whether a variant is one that the paper compares, or of another protocol."""
        return variant in self.variants or self.protocol not in ("", protocol)


@dataclass(frozen=True)
class Chosen:
    """A paper that a study has chosen.

    Attributes:
        name: of its folder.
        place: its built-in name, or the path of its folder.
        facts: what it says of itself.
        measured: whether the study has models under its protocol.
        left_out: titles of its figures and tables whose measurements the study does not have.
    """

    name: str
    place: str
    facts: Facts
    measured: bool = True
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """Variants that differ in a few choices: one per combination of a grid's values.

    Attributes:
        protocol: of the variants.
        name: of the variant that has the grid.
        method: of all of them.
        points: variant -> the values of the swept choices.
        choose: validation: the best point there stands for the method; empty: no point does.
    """

    protocol: str
    name: str
    method: str
    points: Mapping[str, Mapping[str, Any]]
    choose: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The swept choices."""
        return tuple(next(iter(self.points.values())))

    def in_words(self, variant: str) -> str:
        """`step size −0.01, train steps 5`."""
        point = self.points[variant].items()
        return ", ".join(f"{key.replace('_', ' ')} {in_words(value)}" for key, value in point)


def in_words(value: Any) -> str:
    """A choice's value as people read it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (f"{value:g}" if isinstance(value, float) else str(value)).replace("-", "−")
    if isinstance(value, Mapping):
        return " ".join(f"{key} {in_words(inner)}" for key, inner in value.items()) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(in_words, value))
    return {None: "–", True: "yes", False: "no"}.get(value, str(value))


@dataclass(frozen=True)
class Variant:
    """One row of a table or curve of a figure: a method under one protocol."""

    protocol: str
    name: str
    method: str
    label: str
    baseline: bool


@dataclass(frozen=True)
class Model:
    """One trained model of the study; `details` holds every resolved parameter."""

    protocol: str
    variant: str
    dataset: str
    setting: str
    seed: int
    details: Mapping[str, Any]


class DescribedStudy:
    """A study's data sets, protocols, variants and models, in the order of its study file."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        try:
            self.name: str = description["study"]
            self.seed: int = description.get("seed", 0)
            self.disjoint_off_tasks: bool = description.get("disjoint_off_tasks", False)
            self.models = tuple(
                Model(**{name: entry[name] for name in _OF_A_MODEL}, details=entry)
                for entry in description["models"]
            )
        except KeyError as error:
            raise ConfigError(f"the study's description lacks {error}") from error
        self.sweeps = tuple(from_json(Sweep, sweep) for sweep in description.get("sweeps", ()))
        self.papers = tuple(from_json(Chosen, paper) for paper in description.get("papers", ()))
        self.statistics = from_json(Statistics, description.get("statistics", {}))
        self._roles: Mapping[str, str] = description.get("roles", {})
        self._datasets: Mapping[str, Mapping[str, Any]] = description.get("datasets", {})
        self._protocols: Mapping[str, Mapping[str, Any]] = description.get("protocols", {})

    @property
    def protocols(self) -> tuple[str, ...]:
        """Protocols of the study, the papers' own first."""
        names = [*self._protocols, *(model.protocol for model in self.models)]
        return tuple(dict.fromkeys(names))

    def protocol_title(self, protocol: str) -> str:
        """What a protocol is called."""
        return str(self._protocols.get(protocol, {}).get("title", protocol))

    def protocol_label(self, protocol: str) -> str:
        """What a protocol is called in few letters: as the paper whose it is, or by its title."""
        papers = (paper.facts for paper in self.papers if paper.facts.protocol == protocol)
        return next((facts.label for facts in papers), self.protocol_title(protocol))

    def in_role(self, paper_dataset: str) -> str:
        """The study's data set for one of the papers' data sets."""
        return self._roles.get(paper_dataset, paper_dataset)

    def dataset_label(self, dataset: str) -> str:
        """What a data set is called in figures and tables."""
        fallback = self.role_label(dataset)
        return str(self._datasets.get(dataset, {}).get("label", fallback))

    def role_label(self, paper_dataset: str) -> str:
        """What the papers call one of their data sets."""
        labels = (paper.facts.dataset_labels.get(paper_dataset) for paper in self.papers)
        return next(filter(None, labels), paper_dataset)

    def own_splits(self, dataset: str) -> str:
        """The study's own file that divides a data set's classes; empty: its source's division."""
        return str(self._datasets.get(dataset, {}).get("splits", ""))

    @property
    def replaced(self) -> dict[str, str]:
        """Each of the chosen papers' data sets that another one stands in for, with that one."""
        roles = {role for paper in self.papers for role in paper.facts.datasets}
        return {role: name for role, name in self._roles.items() if role != name and role in roles}

    def classes(self, dataset: str, split: str) -> int:
        """How many classes the tasks of a split are drawn from; 0 where that is not described."""
        return int(self._datasets.get(dataset, {}).get("classes", {}).get(split, 0))

    def equal_images(self, dataset: str) -> str:
        """A sentence on images that are there more than once; empty where they are not counted."""
        counted = self._datasets.get(dataset, {}).get("equal_images")
        if not counted:
            return ""
        if counted["distinct"] == counted["images"]:
            return f"No two of its {counted['images']:,} images are equal."
        said = (
            f"Of its {counted['images']:,} images {counted['distinct']:,} are different; "
            f"{counted['in_several_splits']:,} of these are in more than one split"
        )
        if "in_several_classes" in counted:  # a study of an earlier version has not counted them
            said += f", {counted['in_several_classes']:,} in more than one class of a split"
        return f"{said}."

    def stand_ins(self, shown: Iterable[str]) -> str:
        """A sentence on those of some data sets that stand in for the papers'; empty if none."""
        names = set(shown)
        replaced = [
            f"{self.dataset_label(name)} for {self.role_label(role)}"
            for role, name in self.replaced.items()
            if name in names
        ]
        return f"Stand-in data: {', '.join(replaced)}." if replaced else ""

    def in_paper_order(self, datasets: Iterable[str]) -> list[str]:
        """Data sets in the order of the papers' figures, those without a role last."""
        order = dict.fromkeys(name for paper in self.papers for name in paper.facts.datasets)
        ranks = {self.in_role(role): rank for rank, role in reversed([*enumerate(order)])}
        return sorted(set(datasets), key=lambda name: (ranks.get(name, len(ranks)), name))

    def home(self, protocol: str) -> str:
        """The data set whose models figures show of a protocol.

        That of the paper whose protocol it is, or the first that the study trains on under it.
        """
        papers = (paper.facts for paper in self.papers if paper.measured)
        named = (f.trained_on for f in papers if f.trained_on and f.protocol == protocol)
        own = (model.dataset for model in self.models if model.protocol == protocol)
        return next((self.in_role(name) for name in named), next(own, ""))

    def shown(self, *protocols: str) -> str:
        """`Symbols, 5-way 1-shot`: which models figures show of some protocols, in words."""
        said = (self.place(self.home(p), self.main_setting(p)) for p in protocols)
        return "; ".join(dict.fromkeys(said))

    def place(self, dataset: str, setting: str) -> str:
        """`Symbols, 5-way 1-shot`: a data set and a task size in words."""
        return f"{self.dataset_label(dataset)}, {in_full(setting)}"

    def main_setting(self, protocol: str) -> str:
        """The setting of the papers' figures, 5w1s, or the study's smallest where it lacks that."""
        sizes = {
            model.setting: (model.details.get("way", 0), model.details.get("shot", 0))
            for model in self.models
            if model.protocol == protocol
        }
        smallest = min(sizes, key=lambda setting: (sizes[setting], setting), default="5w1s")
        return "5w1s" if "5w1s" in sizes else smallest

    def variants(self, protocol: str, *, baselines: bool = True) -> list[Variant]:
        """Variants of a protocol in the study file's order, baselines last."""
        found = [variant for variant in self._variants if variant.protocol == protocol]
        kept = [variant for variant in found if baselines or not variant.baseline]
        return sorted(kept, key=lambda variant: variant.baseline)

    @cached_property
    def variant_names(self) -> tuple[str, ...]:
        """Every variant name of the study once, in the study file's order."""
        return tuple(dict.fromkeys(variant.name for variant in self._variants))

    def told_apart(self) -> dict[str, dict[tuple[str, str], str]]:
        """The choices that tell variants of one method apart, such as a step size that is swept.

        Returns:
            Choice -> (protocol, variant) -> its value as text; several settings' values joined.
        """
        values: dict[str, dict[tuple[str, str], str]] = {}
        for key in dict.fromkeys(key for model in self.models for key in model.details):
            if key in IDENTITY:
                continue
            shown: dict[tuple[str, str], dict[str, None]] = {}
            for model in self.models:
                text = in_words(model.details.get(key))
                shown.setdefault((model.protocol, model.variant), {})[text] = None
            values[key] = {variant: " / ".join(texts) for variant, texts in shown.items()}
        methods: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for variant in self._variants:
            if not variant.baseline:
                place = variant.protocol, variant.name
                methods.setdefault((variant.protocol, variant.method), []).append(place)
        return {
            key: text
            for key, text in values.items()
            if any(len({text.get(one) for one in group}) > 1 for group in methods.values())
        }

    def label(self, variant: str, protocol: str | None = None) -> str:
        """What a variant is called in figures and tables, or one with a grid."""
        for known in self._variants:
            if known.name == variant and protocol in (None, known.protocol):
                return known.label
        for sweep in self.sweeps:
            if sweep.name == variant and protocol in (None, sweep.protocol):
                return self.sweep_label(sweep)
        return self._label_elsewhere(variant)

    def sweep_label(self, sweep: Sweep) -> str:
        """What the variant with a grid is called, without the values of a point."""
        point = next(iter(sweep.points))
        return self.label(point, sweep.protocol).removesuffix(f" ({sweep.in_words(point)})")

    def test_steps(self, protocol: str, variant: str, setting: str) -> int | None:
        """Inner steps a variant takes at test time."""
        for model in self.models:
            if (model.protocol, model.variant, model.setting) == (protocol, variant, setting):
                steps = model.details.get("test_steps")
                return None if steps is None else int(steps)
        return None

    @cached_property
    def _variants(self) -> tuple[Variant, ...]:
        described = {(model.protocol, model.variant): model.details for model in self.models}
        declared = [
            (protocol, variant)
            for protocol, about in self._protocols.items()
            for variant in about.get("variants", ())
        ]
        return tuple(
            self._variant(protocol, variant, described.get((protocol, variant), {}))
            for protocol, variant in dict.fromkeys([*declared, *described])
        )

    def _variant(self, protocol: str, name: str, details: Mapping[str, Any]) -> Variant:
        declared = self._protocols.get(protocol, {}).get("labels", {}).get(name)
        return Variant(
            protocol=protocol,
            name=name,
            method=details.get("method", name),
            label=declared or details.get("label") or self._label_elsewhere(name),
            baseline=bool(details.get("baseline")) or details.get("iterations") == 0,
        )

    def _label_elsewhere(self, variant: str) -> str:
        """What models of other protocols, or the papers, call a variant."""
        labels = (model.details.get("label") for model in self.models if model.variant == variant)
        return str(next(filter(None, labels), KNOWN_LABELS.get(variant, variant)))


#: The fields of `Model`, but for its details.
_OF_A_MODEL = ("protocol", "variant", "dataset", "setting", "seed")
#: Of a model's parameters those that say which it is.
IDENTITY = frozenset({*_OF_A_MODEL, "way", "shot", "method", "label", "baseline"})
