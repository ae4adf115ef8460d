"""The claims of the papers and of the user, and whether they hold in this study."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.papers import words
from innerloop.papers.claims import Claim
from innerloop.papers.judgement import VERDICTS, WHERE_JUDGED, Judgement, Outcome
from innerloop.papers.paper import is_folder
from innerloop.render import captions
from innerloop.render.tabulation import Tabulation, rules_between
from innerloop.stats.populations import Answer

TITLE = "The claims"
READS = ("claims",)

HEADER = ["Claim", "Verdict", "For the method", "What decides it", "Comparisons", "Source"]
#: A further column, where the study has claims of its own.
DECLARED, IN_PAPER = "Declared", "in the paper"


def tabulate(evidence: Evidence) -> Tabulation:
    """One row per claim, in the order of the papers and their files."""
    study, judgements = evidence.study, words.judged(evidence)
    numbers = pd.DataFrame([_numbers(judgement) for judgement in judgements])
    printed = pd.DataFrame([_printed(judgement, study) for judgement in judgements], columns=HEADER)
    declared = _declared(judgements, evidence)
    if declared:
        numbers["declared"] = printed[DECLARED] = declared
    return Tabulation(
        numbers,
        printed,
        captions.join(
            "The verdict is about these models: these trainings on these classes, with tasks as "
            "the sample, as in the papers. For the method: about new trainings, and about new "
            "test classes where there are 10 or more to judge by; the training classes stay the "
            "same. One training says nothing about a method; with fewer than 5 a claim can only "
            "lean.",
            words.meanings(judgements),
            "A claim holds if all of its comparisons hold, and fails if any of them fails. For "
            "these models each is decided by a paired t-test on the same tasks, or by an "
            "equivalence test; for the method, the test also takes the variances between classes "
            "and between trainings into account (docs/evidence.md), or is Student's t over "
            "trainings where there is one number per training. Margins and thresholds are in "
            "no paper: they were chosen for the comparisons.",
            "What decides it: of the comparisons with the claim's verdict, the one that supports "
            "the claim least; another one is named where it decides for the method.",
            words.family(judgements, study),
            "Detectable, for undecided comparisons: the true difference that this single test "
            "would find in 80 % of repetitions with this n.",
            "CKA is judged by the debiased estimator; the table of comparisons also shows the "
            "papers' biased one.",
            words.of_norms(judgements),
            words.unasked(evidence),
            words.trained(evidence),
            words.stand_ins(judgements, study),
            "Declared: whether a run recorded a claim of the study's own, in its present wording, "
            "before any measurement that it is judged by. A claim that was edited later counts as "
            "declared after measuring."
            if declared
            else "",
        ),
        rules_between(judgement.claim.paper for judgement in judgements),
        finding=captions.join(_finding(judgements, study), _declarations(declared)),
    )


def _declared(judgements: list[Judgement], evidence: Evidence) -> list[str]:
    """When each claim was declared; empty if the study has no claims of its own."""
    papers = {paper.facts.label for paper in evidence.study.papers if is_folder(paper.place)}
    claims = [judgement.claim for judgement in judgements]
    if papers.isdisjoint(claim.paper for claim in claims):
        return []
    return [_when(claim, evidence) if claim.paper in papers else IN_PAPER for claim in claims]


def _when(claim: Claim, evidence: Evidence) -> str:
    """When a claim was declared, as `before measuring, 2026-11-29`."""
    record = evidence.declared.get(claim.digest)
    return f"{record['declared']}, {record['date'][:10]}" if record else "at a time not recorded"


def _declarations(declared: list[str]) -> str:
    """How many of the study's own claims were declared before measuring, and how many after."""
    own = [text.partition(",")[0] for text in declared if text != IN_PAPER]
    if not own:
        return ""
    said = ", ".join(f"{n} {name}" for name, n in Counter(own).most_common())
    return f"Declared of the study's own claims: {said}."


def _finding(judgements: list[Judgement], study: DescribedStudy) -> str:
    """A sentence on how many claims have which verdict, and on what data."""
    counts = Counter(judgement.verdict for judgement in judgements)
    of_paper = Counter(judgement.claim.paper for judgement in judgements)
    cited = {paper.facts.label for paper in study.papers if paper.facts.authors}
    kinds = [
        ("of", {name: n for name, n in of_paper.items() if name in cited}),
        ("in the section", {name: n for name, n in of_paper.items() if name not in cited}),
    ]
    asked = " and ".join(
        f"{_claims(sum(found.values()))} {word} {_listed(found)}" for word, found in kinds if found
    )
    verdicts = ", ".join(_counted(n, name) for name, n in counts.most_common())
    methods = Counter(judgement.method for judgement in judgements)
    said = ", ".join(_counted(n, name) for name, n in methods.most_common())
    text = f"Of {asked}: for these models, {verdicts}; for the methods, {said}."
    stand_in = sum(judgement.stand_in for judgement in judgements)
    if not stand_in:
        return text
    which = "All" if stand_in == len(judgements) else f"{stand_in} of them"
    return f"{text} {which} were judged on stand-in data, which says nothing about the papers' own."


def _listed(names: Iterable[str]) -> str:
    """Names joined in words, as `P1, P2 and P3`."""
    *others, last = names
    return " and ".join(filter(None, [", ".join(others), last]))


def _claims(count: int) -> str:
    return "one claim" if count == 1 else f"{count} claims"


def _numbers(judgement: Judgement) -> dict[str, Any]:
    claim = judgement.claim
    counts = _counts(judgement)
    return {
        "name": claim.name,
        "paper": claim.paper,
        "source": claim.source,
        "claim": claim.claim,
        "verdict": judgement.verdict,
        "method_verdict": judgement.method,
        "data": "stand-in" if judgement.stand_in else "as in the paper",
        **{name: counts.get(name, 0) for name in VERDICTS},
    }


def _printed(judgement: Judgement, study: DescribedStudy) -> list[str]:
    claim, counts = judgement.claim, _counts(judgement)
    models = _decisive(judgement.deciding, judgement.verdict, lambda outcome: outcome)
    method = _decisive(judgement.deciding, judgement.method, attrgetter("method"))
    if math.isnan(method.method.p_for):  # for example with one training
        method = models
    elif math.isnan(models.p_for):  # norms and step sizes are judged for the method alone
        models = method
    other = "" if method is models else f"{words.compared(method, study)}, "
    return [
        claim.claim,
        words.verdict(judgement),
        words.method_verdict(judgement),
        f"{words.in_short(models, study)}; {other}{words.for_method(method)}",
        ", ".join(_counted(counts[name], name) for name in VERDICTS if name in counts),
        f"{claim.paper}, {claim.source}",
    ]


def _counted(n: int, verdict: str) -> str:
    """A number of claims with a verdict, as `1 holds`, `2 hold` or `3 lean to it`."""
    verb, space, rest = verdict.partition(" ")
    several = n > 1 and verb in ("holds", "fails", "leans")
    return f"{n} {verb.removesuffix('s') if several else verb}{space}{rest}"


def _decisive(
    outcomes: Sequence[Outcome], verdict: str, answer: Callable[[Outcome], Answer]
) -> Outcome:
    """The comparison behind a claim's verdict; of several, the one that supports it least."""
    alone = "holds" if verdict == WHERE_JUDGED else verdict
    owed = [outcome for outcome in outcomes if answer(outcome).verdict == alone] or outcomes
    return max(owed, key=lambda outcome: (math.isnan(p := answer(outcome).p_for), p))


def _counts(judgement: Judgement) -> Counter[str]:
    return Counter(outcome.verdict for outcome in judgement.deciding)
