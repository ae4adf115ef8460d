"""Licences: shown before anything is fetched; restrictive ones must be accepted beforehand."""

from __future__ import annotations

import sys
from collections.abc import Collection as Container
from collections.abc import Mapping

from innerloop.data.licence import Licence
from innerloop.runtime.errors import ConfigError


def terms_of(dataset: str, licence: Licence) -> str:
    """A data set's terms and how to cite it, for people."""
    return (
        f"{dataset}: {licence.name} ({licence.url})\n"
        f"    Please cite: {licence.attribution or 'nothing is stated'}"
    )


def show_terms(dataset: str, licence: Licence) -> None:
    """Print a data set's terms."""
    # one write: parallel downloads share the stream, and `print` writes its line end separately
    sys.stderr.write(terms_of(dataset, licence) + "\n")
    sys.stderr.flush()


def require_acceptance(licences: Mapping[str, Licence], accepted: Container[str]) -> None:
    """Refuse to continue while a restrictive licence is not accepted.

    Args:
        licences: data set -> its licence.
        accepted: the data sets whose licences are accepted.

    Raises:
        ConfigError: names these data sets, their terms, and what to write.
    """
    asked = {name: one for name, one in licences.items() if one.non_commercial}
    missing = [name for name in asked if name not in accepted]
    if not missing:
        return
    terms = "\n".join(terms_of(name, licences[name]) for name in missing)
    wanted = ", ".join(dict.fromkeys([*(name for name in asked if name in accepted), *missing]))
    raise ConfigError(
        f"the licence of {', '.join(missing)} is not accepted:\n{terms}\n"
        "Read it. If you may use the images under it, write into the study file\n"
        f"    accept_licence: [{wanted}]\n"
        "or on the command line\n"
        f"    --config 'accept_licence=[{wanted}]'"
    )
