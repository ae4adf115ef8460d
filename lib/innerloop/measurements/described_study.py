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

#: Protocol columns in which a paper's methods may differ and still be compared: the number of
#: inner steps is part of a method.
METHODS_MAY_DIFFER = frozenset({"steps"})

#: Labels of variants that a study may not have itself: the papers' methods and the nearest class
#: mean on raw pixels.
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

_MULTIPLIER = "step_size_multiplier"


@dataclass(frozen=True)
class Facts:
    """Facts about a paper, or about a user's folder of the same form.

    Attributes:
        title: the paper's title.
        label: its name in reports, for example P1; by default, its folder's name.
        authors: who wrote it.
        asks: its question, in one sentence.
        link: where it can be read.
        protocol: the study's protocol that its models are trained under; empty: any.
        trained_on: the data set that the models in its figures are trained on.
        datasets: its data sets, in the order of its figures.
        dataset_labels: its names for them.
        variants: the methods that it compares, in the order of its figures.
        size: the choices that set the size of its models; its numbers are compared only with those
            of models of this size.
        elsewhere: names in a user's folder that only other studies have which share it.
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
    elsewhere: tuple[str, ...] = ()

    def compares(self, protocol: str, variant: str) -> bool:
        """Whether the paper compares a variant, or the variant belongs to another protocol."""
        return variant in self.variants or self.protocol not in ("", protocol)


@dataclass(frozen=True)
class Chosen:
    """A paper that a study has chosen.

    Attributes:
        name: its folder's name.
        place: its built-in name, or the path of its folder.
        facts: facts about it.
        measured: whether the study has models under its protocol.
        left_out: titles of its figures and tables that need measurements the study does not have.
    """

    name: str
    place: str
    facts: Facts
    measured: bool = True
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """Variants made from a grid of choices, one per combination of values.

    Attributes:
        protocol: the variants' protocol.
        name: the variant that has the grid.
        method: the variants' method.
        points: variant -> the values of the swept choices.
        choose: `validation`: the variant with the best validation accuracy represents the method;
            empty: none does.
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
        """A variant's values of the swept choices, as `step size −0.01, train steps 5`."""
        point = self.points[variant].items()
        return ", ".join(f"{key.replace('_', ' ')} {in_words(value)}" for key, value in point)


def in_words(value: Any) -> str:
    """A choice's value as readable text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (f"{value:g}" if isinstance(value, float) else str(value)).replace("-", "−")
    if isinstance(value, Mapping):
        return " ".join(f"{key} {in_words(inner)}" for key, inner in value.items()) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(in_words, value))
    return {None: "–", True: "yes", False: "no"}.get(value, str(value))


def _taken(details: Mapping[str, Any], key: str) -> Any:
    """A choice's value; a step size times the method's multiplier."""
    value = details.get(key)
    if value is None or key not in ("step_size", "test_step_size"):
        return value
    factor = details.get(_MULTIPLIER, 1)
    return [factor * size for size in value] if isinstance(value, list) else factor * value


@dataclass(frozen=True)
class Variant:
    """A method under one protocol: one row of a table, or one curve of a figure."""

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
        """The study's protocols, the papers' own first."""
        names = [*self._protocols, *(model.protocol for model in self.models)]
        return tuple(dict.fromkeys(names))

    def protocol_title(self, protocol: str) -> str:
        """A protocol's title."""
        return str(self._protocols.get(protocol, {}).get("title", protocol))

    def protocol_label(self, protocol: str) -> str:
        """A protocol's short name: the label of the paper it belongs to, or else its title."""
        papers = (paper.facts for paper in self.papers if paper.facts.protocol == protocol)
        return next((facts.label for facts in papers), self.protocol_title(protocol))

    def in_role(self, paper_dataset: str) -> str:
        """The study's data set that plays the role of one of the papers' data sets."""
        return self._roles.get(paper_dataset, paper_dataset)

    def dataset_label(self, dataset: str) -> str:
        """A data set's label in figures and tables."""
        fallback = self.role_label(dataset)
        return str(self._datasets.get(dataset, {}).get("label", fallback))

    def role_label(self, paper_dataset: str) -> str:
        """The papers' own label for one of their data sets."""
        labels = (paper.facts.dataset_labels.get(paper_dataset) for paper in self.papers)
        return next(filter(None, labels), paper_dataset)

    def own_splits(self, dataset: str) -> str:
        """The study's own file of a data set's splits; empty: the source's splits are used."""
        return str(self._datasets.get(dataset, {}).get("splits", ""))

    @property
    def replaced(self) -> dict[str, str]:
        """Data set of a chosen paper -> its stand-in, for those that have one."""
        roles = {role for paper in self.papers for role in paper.facts.datasets}
        return {role: name for role, name in self._roles.items() if role != name and role in roles}

    def classes(self, dataset: str, split: str) -> int:
        """The number of classes that a split's tasks are drawn from; 0 if it is not described."""
        return int(self._datasets.get(dataset, {}).get("classes", {}).get(split, 0))

    def equal_images(self, dataset: str) -> str:
        """A sentence on duplicate images; empty if they have not been counted."""
        counted = self._datasets.get(dataset, {}).get("equal_images")
        if not counted:
            return ""
        if counted["distinct"] == counted["images"]:
            return f"No two of its {counted['images']:,} images are equal."
        sentence = (
            f"Of its {counted['images']:,} images {counted['distinct']:,} are different; "
            f"{counted['in_several_splits']:,} of these are in more than one split"
        )
        if "in_several_classes" in counted:  # studies of earlier versions do not count these
            sentence += f", {counted['in_several_classes']:,} in more than one class of a split"
        return f"{sentence}."

    def stand_ins(self, shown: Iterable[str]) -> str:
        """A sentence that names the stand-ins among some data sets; empty if there are none."""
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
        """The data set whose models represent a protocol in figures.

        It is the one that the protocol's paper trains on, or else the first that the study does.
        """
        papers = (paper.facts for paper in self.papers if paper.measured)
        named = (f.trained_on for f in papers if f.trained_on and f.protocol == protocol)
        own = (model.dataset for model in self.models if model.protocol == protocol)
        return next((self.in_role(name) for name in named), next(own, ""))

    def shown(self, *protocols: str) -> str:
        """The data set and task size that represent some protocols, as `Symbols, 5-way 1-shot`."""
        places = (self.place(self.home(p), self.main_setting(p)) for p in protocols)
        return "; ".join(dict.fromkeys(places))

    def place(self, dataset: str, setting: str) -> str:
        """A data set and a task size in words, as `Symbols, 5-way 1-shot`."""
        return f"{self.dataset_label(dataset)}, {in_full(setting)}"

    def main_setting(self, protocol: str) -> str:
        """5w1s, the setting of the papers' figures, or the study's smallest if it has no 5w1s."""
        sizes = {
            model.setting: (model.details.get("way", 0), model.details.get("shot", 0))
            for model in self.models
            if model.protocol == protocol
        }
        smallest = min(sizes, key=lambda setting: (sizes[setting], setting), default="5w1s")
        return "5w1s" if "5w1s" in sizes else smallest

    def variants(self, protocol: str, *, baselines: bool = True) -> list[Variant]:
        """A protocol's variants in the study file's order, baselines last."""
        found = [variant for variant in self._variants if variant.protocol == protocol]
        kept = [variant for variant in found if baselines or not variant.baseline]
        return sorted(kept, key=lambda variant: variant.baseline)

    @cached_property
    def variant_names(self) -> tuple[str, ...]:
        """Each variant name of the study once, in the study file's order."""
        return tuple(dict.fromkeys(variant.name for variant in self._variants))

    @property
    def trained_models(self) -> list[Model]:
        """Its models, without untrained baselines."""
        return [model for model in self.models if model.details.get("iterations") != 0]

    def told_apart(self) -> dict[str, dict[tuple[str, str], str]]:
        """The choices in which variants of one method differ, such as a step size that is swept.

        Step sizes are those that are taken, so that of MAML 3x is three times its protocol's.

        Returns:
            Choice -> (protocol, variant) -> its value as text, joined if settings differ.
        """
        values: dict[str, dict[tuple[str, str], str]] = {}
        for key in dict.fromkeys(key for model in self.models for key in model.details):
            if key in IDENTITY or key == _MULTIPLIER:
                continue
            shown: dict[tuple[str, str], dict[str, None]] = {}
            for model in self.models:
                text = in_words(_taken(model.details, key))
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
        """The label of a variant, or of a sweep, in figures and tables."""
        for known in self._variants:
            if known.name == variant and protocol in (None, known.protocol):
                return known.label
        for sweep in self.sweeps:
            if sweep.name == variant and protocol in (None, sweep.protocol):
                return self.sweep_label(sweep)
        return self._label_elsewhere(variant)

    def sweep_label(self, sweep: Sweep) -> str:
        """The label of a sweep: that of its variants without the values of their choices."""
        point = next(iter(sweep.points))
        return self.label(point, sweep.protocol).removesuffix(f" ({sweep.in_words(point)})")

    def test_steps(self, protocol: str, variant: str, setting: str) -> int | None:
        """The number of inner steps that a variant takes at test time; None if not recorded."""
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
        """A variant's label under another protocol, or in the papers, or else its name."""
        labels = (model.details.get("label") for model in self.models if model.variant == variant)
        return str(next(filter(None, labels), KNOWN_LABELS.get(variant, variant)))


#: The fields of `Model` except its details.
_OF_A_MODEL = ("protocol", "variant", "dataset", "setting", "seed")
#: The parameters that identify a model.
IDENTITY = frozenset({*_OF_A_MODEL, "way", "shot", "method", "label", "baseline"})
