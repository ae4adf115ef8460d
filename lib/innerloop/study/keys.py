"""The keys of a study file: the type, default and meaning of each. `schema.json` is made from it.

What a protocol or variant may choose are fields of the classes that `choices.HOMES` lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, TypeAlias

from innerloop.runtime.allowed import Allowed, Count, Filters, ImageSize, Name, Seed, Split
from innerloop.runtime.built_in import PROBES
from innerloop.runtime.compute import Compute
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.typed_json import REST
from innerloop.specs.setting import Setting
from innerloop.stats.statistics import Statistics

#: Keys that say how to obtain files, and do not change what is computed from them.
ACCESS = ("data_root", "mirrors", "accept_licence")

#: In place of a probe's data sets: the one that each model was trained on.
TRAINED_ON = "trained_on"

#: Keys of `compute` that say how jobs are run, and change no result.
RUNNING = (
    "jobs_per_gpu", "resources", "keep_activations", "rehearse", "save_every", "tensorboard"
)  # fmt: skip

#: Keys of what code is called with.
_OPTIONS = frozenset({"rule_options", "network_options", "learner_options"})

Address: TypeAlias = Annotated[
    str, Allowed(pattern="^https?://", meaning="an address that begins with http:// or https://")
]
Path: TypeAlias = Annotated[str, Allowed(pattern=".")]
Two: TypeAlias = Annotated[int, Allowed(least=2, most=10**7)]


@dataclass(frozen=True)
class Resources:
    """What jobs request from a scheduler.

    Attributes:
        mem_mb: memory of the first attempt, in MB
        runtime: time limit of the first attempt, in minutes; a training continues in the next
    """

    mem_mb: Count | None = None
    runtime: Count | None = None


@dataclass(frozen=True)
class ResourcesByRule:
    """What jobs request from a scheduler, by rule.

    Attributes:
        build_images: builds the images of a data set
        train_model: trains a model
        measure_accuracy: measures a model's accuracy
        measure_raw_pixels: measures the baseline on raw pixels
        measure_probe: measures a model with a probe
        train_toy: trains the supervised toy
    """

    build_images: Resources | None = None
    train_model: Resources | None = None
    measure_accuracy: Resources | None = None
    measure_raw_pixels: Resources | None = None
    measure_probe: Resources | None = None
    train_toy: Resources | None = None


@dataclass(frozen=True, kw_only=True)
class ComputeKeys(Compute):
    """Where jobs compute, and how they are run.

    Attributes:
        tasks_at_once: evaluation tasks that go through the network together
        keep_activations: keep every inner step's activations instead of computing them twice:
            faster, in memory that grows with the steps; changes no result
        rehearse: try code of your own before any work; changes no result
        save_every: seconds between checkpoints of a training; changes no result
        tensorboard: write event files of trainings for TensorBoard; changes no result
        jobs_per_gpu: jobs that share a GPU of one machine; changes no result
        resources: what a scheduler is asked for, by rule, instead of the estimates; changes no
            result
    """

    tasks_at_once: Count = 10
    keep_activations: bool = False
    rehearse: bool = True
    save_every: Annotated[float, Allowed(least=0)] = 60
    tensorboard: bool = False
    jobs_per_gpu: Count = 1
    resources: ResourcesByRule = ResourcesByRule()


@dataclass(frozen=True)
class Roles:
    """The papers' data sets, and this study's data sets that play their roles.

    Attributes:
        mini_imagenet: data set of this study that plays the part
        cub: data set of this study that plays the part
        fc100: data set of this study that plays the part
        cifar10: data set of this study that plays the part
    """

    mini_imagenet: Name | None = None
    cub: Name | None = None
    fc100: Name | None = None
    cifar10: Name | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set.

    Attributes:
        source: a built-in source's name, a data set of the registry, or path/to/file.py:name
        label: its name in figures and tables; left out: the name here
        splits: CSV with the columns class and split, to replace the source's own split
        variant: which images of a registered data set, for example pickles or ilsvrc; left out: the
            data set's default
    """

    source: str
    label: str | None = None
    splits: str | None = None
    variant: Name | None = None


@dataclass(frozen=True)
class Evaluation:
    """How accuracy is measured.

    Attributes:
        tasks: test tasks per data set and setting
        queries: query images per class
    """

    tasks: Two = 600
    queries: Count = 15


@dataclass(frozen=True)
class Validation:
    """How the best weights are chosen.

    Attributes:
        every: outer iterations between validations; left out: a twentieth of the training
        tasks: fixed validation tasks
    """

    every: Count | None = None
    tasks: Two = 100

    def interval(self, iterations: int) -> int:
        """Outer iterations between validations of a training of that length."""
        return max(1, min(self.every or iterations // 20, iterations))


@dataclass(frozen=True, kw_only=True)
class Choosing:
    """A mapping that may contain any of the choices, besides its own keys.

    Attributes:
        choices: what it says of them, by their flat names.
    """

    choices: Mapping[str, Any] = field(default_factory=dict, metadata=REST)


@dataclass(frozen=True, kw_only=True)
class Variant(Choosing):
    """A method or another learner under a protocol, with choices of its own.

    Attributes:
        method: method, where it is not the variant's own name
        learner: instead of a method: prototypes, ridge, pretrained, or path/to/file.py:name
        learner_options: keyword arguments of the learner, for example {classifier: nearest_mean}
        label: its name in figures and tables
        grid: choices to sweep, each with a list of values; every combination is a variant
        choose: validation: the table of tuned methods shows the grid's best point on validation
            tasks
        by_setting: choices that hold for one setting only
    """

    method: Name | None = None
    learner: str | None = None
    learner_options: Mapping[str, Any] = field(default_factory=dict)
    label: str | None = None
    grid: Mapping[str, Any] = field(default_factory=dict)
    choose: Literal["validation"] | None = None
    by_setting: Mapping[Setting, Choosing] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How models are trained and tested, as a paper has it.

    Attributes:
        title: one line; left out: its name
        defaults: choices of every variant
        by_setting: choices that hold for one setting only
        variants: variant name -> overrides
    """

    title: str = ""
    defaults: Choosing = Choosing()
    by_setting: Mapping[Setting, Choosing] = field(default_factory=dict)
    variants: Annotated[Mapping[Name, Variant], Allowed(items=1)]


@dataclass(frozen=True, kw_only=True)
class Models(Choosing):
    """What is trained, evaluated and probed.

    Attributes:
        protocol: one of protocols
        dataset: data set to train on
        settings: task sizes
        variants: all, or a list of the protocol's variants
        evaluate_on: data sets on whose tasks accuracy is measured; left out: the training data set
        splits: splits on whose tasks accuracy is measured
        probes: probes that measure these models
        seeds: one model is trained for each of these; left out: model_seeds
    """

    protocol: Name
    dataset: Name
    settings: tuple[Setting, ...]
    variants: Literal["all"] | tuple[Name, ...] = "all"
    evaluate_on: tuple[Name, ...] | None = None
    splits: tuple[Split, ...] = ("test",)
    probes: tuple[Name, ...] = ()
    seeds: Annotated[tuple[Seed, ...], Allowed(items=1)] | None = None


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The keys of every probe.

    Attributes:
        datasets: data sets to measure on, or trained_on: the one that a model was trained on; left
            out: the model's evaluate_on
    """

    datasets: tuple[Name, ...] | Literal["trained_on"] | None = None


@dataclass(frozen=True, kw_only=True)
class UsersProbe(Probe):
    """A probe of your own: its options are yours.

    Attributes:
        probe: path/to/file.py:name
    """

    probe: str


@dataclass(frozen=True)
class Toy:
    """P1 A.2: supervised training with the two updates.

    Attributes:
        dataset: supervised data set
        image_size: side of the square images in pixels
        filters: filters of each Conv4 block
        arms: updates to compare
        step_sizes: SGD step sizes to try
        seeds: one training for each
        epochs: passes over the training images
        batch: images per step
    """

    dataset: Name
    image_size: ImageSize
    filters: Filters
    arms: tuple[Literal["unit_norm", "scaled_lr"], ...]
    step_sizes: tuple[float, ...]
    seeds: tuple[Seed, ...]
    epochs: Count
    batch: Count


@dataclass(frozen=True, kw_only=True)
class StudyKeys:
    """A study file.

    Attributes:
        study: name of the study, of up to 100 letters, digits, _ and -; its results are in
            results/<study>
        title: one line for the report; left out: the study's name
        seed: study seed: which tasks are drawn
        model_seeds: one model is trained for each, with its own initial weights and training tasks
        compute: where jobs compute; recorded in every result
        roles: the papers' data sets and this study's data sets that play their parts; a data set
            with a paper's name needs no role
        papers: whose figures, tables and claims the report has beside the study's own results:
            p1, p2, questions (what these leave open), or the path of a folder of your own, with a
            slash in it, such as ./mine; left out: none
        datasets: the data sets of the study
        data_root: folder with your own copies of the data sets' files, searched before anything is
            downloaded
        mirrors: addresses to try before the published ones, as
            <mirror>/<collection>/<file>
        accept_licence: data sets whose licences you have read and accept
        registry: TOML file of your own collections and data sets, on top of the built-in registry;
            paths in it are relative to its folder
        methods: methods of your own; the seven of the papers are built in
        statistics: intervals and tests of figures, tables and claims
        evaluation: how accuracy is measured, and how many query images every probe uses
        validation: how the best weights are chosen
        checkpoints: fractions of training at which weights are kept (P1 Figure 3)
        protocols: protocols and their variants
        models: name -> what is trained, evaluated and probed
        probes: probes and their options; built-in ones by name, your own with the key probe
        toy: P1 A.2: supervised training with the two updates; left out: none
    """

    study: Annotated[str, Allowed(pattern="^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$")]
    title: str = ""
    seed: Seed = 0
    model_seeds: tuple[Seed, ...] = (0,)
    compute: ComputeKeys = ComputeKeys()
    roles: Roles = Roles()
    papers: Annotated[tuple[str, ...], Allowed(items=0)] = ()
    datasets: Mapping[Name, Dataset]
    data_root: Path | None = None
    mirrors: Annotated[tuple[Address, ...], Allowed(items=0)] = ()
    accept_licence: Annotated[tuple[str, ...], Allowed(items=0)] = ()
    registry: Path | None = None
    methods: Mapping[Name, Any] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=Statistics)
    evaluation: Evaluation = Evaluation()
    validation: Validation = Validation()
    checkpoints: tuple[Annotated[float, Allowed(least=0, most=1)], ...] = (0, 1)
    protocols: Mapping[Name, Protocol]
    models: Annotated[Mapping[Name, Models], Allowed(items=1)]
    probes: Mapping[Name, Any] = field(default_factory=dict)
    toy: Toy | None = None

    def probe_entry(self, probe: str) -> str:
        """Where the code of a probe is: built in by its name, or a user's by the key `probe`.

        Raises:
            ConfigError: neither, or both.
        """
        named: str | None = self.probes[probe].get("probe")
        if (probe in PROBES) == (named is not None):
            raise ConfigError(
                f"study file: probes.{probe}: a built-in probe ({', '.join(PROBES)}) goes by its "
                "name; one of your own has another name and the key 'probe: file.py:name'"
            )
        return PROBES[probe] if named is None else named


def is_option(place: Sequence[str]) -> bool:
    """Whether a value is handed on to a rule, a network, a learner or a user's own probe.

    Innerloop itself does not read it.

    Args:
        place: the keys of the study file that lead to it.
    """
    if place[:1] == ("probes",) and len(place) > 2 and place[1] not in PROBES:
        return place[2] not in {field.name for field in fields(UsersProbe)}
    return not _OPTIONS.isdisjoint(place[:-1])
