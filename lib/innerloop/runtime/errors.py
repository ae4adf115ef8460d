"""The errors Innerloop raises for people: what is wrong, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Collection
from numbers import Integral


class InnerloopError(Exception):
    """Base of every error that Innerloop raises on purpose; its message is meant for the user."""


class ConfigError(InnerloopError):
    """A study file asks for something unknown, contradictory or impossible."""


class DataError(InnerloopError):
    """Images, classes, splits or episodes are missing or not what they should be."""


class DiskError(DataError):
    """The system refuses to read or write: the disk is full, read-only, or not the user's."""


class DamagedFileError(InnerloopError, ValueError):
    """A file that a job wrote is damaged or incomplete."""


class ExtensionError(InnerloopError):
    """A user's own Python file cannot be found, read, or does not define what was asked for."""


class CheckpointError(InnerloopError):
    """A model file is missing, damaged, or was made with other parameters."""


class NothingAdaptsError(InnerloopError):
    """A probe of adaptation was given a learner that adapts no weights."""


class DivergenceError(InnerloopError):
    """Training produced a loss that is not finite."""


class InterruptedTrainingError(InnerloopError):
    """A training was stopped by `signal`, and has saved its state."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}; run it again to go on")
        self.signal = signal


class SchemaError(InnerloopError):
    """A measurement table lacks a column, has a wrong type, or holds a forbidden value."""


class ProvenanceError(InnerloopError):
    """A result file was made with other parameters than the study file now asks for."""


class EarlierJobsError(InnerloopError):
    """Jobs of an earlier run are unfinished, or SLURM does not answer."""


class ComparisonError(InnerloopError):
    """Measurements that were made under different protocols cannot be compared."""


class LatexError(InnerloopError):
    """LaTeX is not installed, or does not accept a document."""


class InputError(InnerloopError, ValueError):
    """A function of the library was given an argument that it cannot work on."""


def require_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Refuse a value that is not among the choices.

    Raises:
        ConfigError: lists the choices.
    """
    if value not in choices:
        raise ConfigError(f"{name} is {value!r}; choose from {', '.join(map(str, choices))}")


def require_count(name: str, value: object, least: int) -> None:
    """Refuse anything but a whole number that is `least` or more.

    Raises:
        InputError: names the argument.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{name} is {value!r}; expected a whole number, {least} or more")
