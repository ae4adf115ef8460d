"""Whether a folder of the user's own names only what the study has.

The papers' folders name methods and data sets that many a study lacks. In a folder of one's own
such a name is a typo, unless its paper.yaml lists it under `elsewhere`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict

from innerloop.measurements.described_study import Sweep
from innerloop.measurements.layers import LAYERS
from innerloop.papers.claims import Claim, place_of_claim, read_claims
from innerloop.papers.paper import CLAIMS, FACTS, Paper, is_folder, place_of
from innerloop.runtime.built_in import NETWORKS, PROBES
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.faults import Faults
from innerloop.runtime.suggestions import instead_of
from innerloop.study.keys import StudyKeys
from innerloop.study.model import Model
from innerloop.study.names import RESERVED

#: What is named, its name, and the study's own names of that kind.
_Named = tuple[str, str, Collection[str]]


class OwnFolders:
    """The names that a study's own folders may use.

    Args:
        keys: the content of the study file, with every point of a grid as a variant.
        sweeps: the variants that are points of a grid.
        models: every model of the study.
        removed: names that `null` has removed.
    """

    def __init__(
        self,
        keys: StudyKeys,
        sweeps: Sequence[Sweep],
        models: Collection[Model],
        removed: Collection[str],
    ) -> None:
        roles = (role for role, name in asdict(keys.roles).items() if name)
        self._datasets = [*dict.fromkeys([*keys.datasets, *roles])]
        self._variants = {
            name: [*protocol.variants, *(one.name for one in sweeps if one.protocol == name)]
            for name, protocol in keys.protocols.items()
        }
        self._settings = [*dict.fromkeys(model.key.setting for model in models)]
        self._of_conv4 = {
            (model.key.protocol, model.key.variant)
            for model in models
            if model.choices["network"] == NETWORKS["conv4"]
        }
        self._tables = [*dict.fromkeys([*sorted(RESERVED), *PROBES, *keys.probes])]
        self._probes = tuple(keys.probes.keys() - PROBES.keys())
        self._removed = removed

    def check(self, papers: Mapping[str, Paper], faults: Faults) -> None:
        """Note every name in the user's folders that neither the study has nor `elsewhere` lists.

        Each message says in which file and line it is, and which names the study has.
        """
        for place, paper in papers.items():
            if is_folder(place):
                self._check(paper, faults)

    def _check(self, paper: Paper, faults: Faults) -> None:
        allowed = {"", *paper.facts.elsewhere, *self._removed}

        def note(where: str, named: _Named, claim: str = "") -> None:
            what, name, known = named
            faults.note(
                ConfigError(
                    f"study file: papers: {where}: {claim}{what}: this study has no '{name}'"
                    f"{instead_of(name, known)}. If another study has it that shares the folder, "
                    f"list it in {FACTS}, as elsewhere: [{name}]"
                )
            )

        for named in self._in_facts(paper):
            if named[1] not in {*named[2], *allowed}:
                note(place_of(paper.folder / FACTS, named[1]), named)
        for kind, products in (("figures", paper.figures), ("tables", paper.tables)):
            for product in products:
                file = paper.folder / kind / f"{product.name.removesuffix('_fuller')}.py"
                for table in {*product.reads} - {*self._tables, *allowed}:
                    note(place_of(file, table), ("READS", table, self._tables))
        if paper.facts.protocol and paper.facts.protocol not in self._variants:
            return  # the folder is left out
        for number, claim in enumerate(read_claims(paper)):
            for what, name, known in dict.fromkeys(self._in_claim(claim)):
                if name not in {*known, *allowed}:
                    file = paper.folder / CLAIMS
                    where = place_of_claim(file, number, name)
                    note(where, (what, name, known), f"claim '{claim.name}': ")

    def _in_facts(self, paper: Paper) -> Iterator[_Named]:
        facts = paper.facts
        yield "protocol", facts.protocol, [*self._variants]
        for what, names in (("trained_on", [facts.trained_on]), ("datasets", facts.datasets)):
            yield from ((what, name, self._datasets) for name in names)
        for variant in facts.variants if facts.protocol in self._variants else ():
            yield "variants", variant, self._variants[facts.protocol]

    def _in_claim(self, claim: Claim) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        sides = [(one, side) for one in claim.comparisons for side in one.sides]
        for comparison, side in sides:
            if side.table == "toy":
                continue  # it has arms instead of variants
            yield "probe", side.probe, self._probes
            yield "protocol", side.protocol, tuple(self._variants)
            if side.protocol in self._variants:
                yield "variant", side.variant, tuple(self._variants[side.protocol])
            yield "trained_on", side.trained_on, tuple(self._datasets)
            yield "tested_on", side.tested_on, tuple(self._datasets)
            yield "setting", side.setting, tuple(self._settings)
            of_several = () if side.quantity == "probe" else ("body", "all")
            if (side.protocol, side.variant) in self._of_conv4:
                for layer in (side.layer, *comparison.layers):
                    yield "layer", layer, (*LAYERS, *of_several)
