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
    """A file that a job wrote is not whole any more."""


class ExtensionError(InnerloopError):
    """A user's own Python file cannot be found, read, or does not define what was asked for."""


class CheckpointError(InnerloopError):
    """A model file is missing, damaged, or belongs to other parameters."""


class NothingAdaptsError(InnerloopError):
    """A probe of what adaptation does was to measure a learner under which no weight adapts."""


class DivergenceError(InnerloopError):
    """Training produced a loss that is not finite."""


class InterruptedTrainingError(InnerloopError):
    """A training was asked to stop, by `signal`, and has saved what it had."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}; run it again to go on")
        self.signal = signal


class SchemaError(InnerloopError):
    """A measurement table lacks a column, has a wrong type, or holds a forbidden value."""


class ProvenanceError(InnerloopError):
    """A result file was made under other parameters than the study file now asks for."""


class EarlierJobsError(InnerloopError):
    """Cluster jobs of an earlier run are unfinished, or cannot be asked for."""


class ComparisonError(InnerloopError):
    """Measurements that were made under different protocols cannot be compared."""


class LatexError(InnerloopError):
    """LaTeX is not installed, or does not accept a document."""


class InputError(InnerloopError, ValueError):
    """A function of the library was given an argument that it cannot work on."""


def require_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Refuse what is none of the values that there are.

    Raises:
        ConfigError: naming them.
    """
    if value not in choices:
        raise ConfigError(f"{name} is {value!r}; choose from {', '.join(map(str, choices))}")


def require_count(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number, or too small a one.

    Raises:
        InputError: naming the argument.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{name} is {value!r}; expected a whole number, {least} or more")
