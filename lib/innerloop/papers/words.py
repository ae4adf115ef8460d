"""Judged claims in words: what was compared, the result, and the sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.undertrained import RISING, Progress, progress
from innerloop.papers.claims import Claim, Comparison, Selection, claims_of, is_asked, lacking
from innerloop.papers.interventions import in_words
from innerloop.papers.judgement import VERDICTS, WHERE_JUDGED, Judgement, Outcome, judge_claims
from innerloop.papers.quantities import QUANTITIES, Quantity
from innerloop.render import captions
from innerloop.render.tabulation import MISSING, decimals, number, p_equals, plus_minus
from innerloop.specs.setting import in_full
from innerloop.stats.populations import Answer

STAND_IN = "on stand-in data"

#: Quantities that are changes themselves: their sign is printed.
_CHANGES = ("prototype_change", "intervention_change", "weight_norm_growth", "mean_step_size")

_CONDITIONS = {
    "pre_adaptation": "before adaptation",
    "on_task": "on-task",
    "off_task": "off-task",
    "relative": "off-task less on-task",
}


@lru_cache(maxsize=8)  # several tables of a study need it, and it takes seconds
def judged(evidence: Evidence) -> list[Judgement]:
    """The claims, judged by this study's measurements.

    Claims that need an optional probe are left out if it was not run, and optional claims if the
    study does not train the models that they compare.
    """
    asked = [claim for claim in _of_models(evidence) if not lacking(claim, evidence.paths)]
    return judge_claims(asked, evidence)


def unasked(evidence: Evidence) -> str:
    """A sentence on how many claims are left out since the study lacks their probe or models."""
    of_models = _of_models(evidence)
    others = [claim for claim in claims_of(evidence.study) if claim not in of_models]
    left = [claim for claim in of_models if lacking(claim, evidence.paths)]
    probes = sorted({probe for claim in left for probe in lacking(claim, evidence.paths)})
    return captions.join(
        _left_out(f"run the probe {', '.join(probes)}", left),
        _left_out("train the models that they compare", others),
    )


def _of_models(evidence: Evidence) -> list[Claim]:
    study = evidence.study
    return [c for c in claims_of(study) if is_asked(c, study)]


def _left_out(does_not: str, claims: list[Claim]) -> str:
    papers = ", ".join(dict.fromkeys(claim.paper for claim in claims))
    said = f"Left out, because the study does not {does_not}: {len(claims)} claims of {papers}."
    return said if claims else ""


def verdict(found: Judgement | Outcome) -> str:
    """The verdict for these models, as `fails on stand-in data`."""
    return _in_words(
        found.verdict, found, [found] if isinstance(found, Outcome) else found.deciding
    )


def method_verdict(found: Judgement | Outcome) -> str:
    """The verdict for the method, as `leans to it on stand-in data`, `not judged: one training`."""
    if isinstance(found, Outcome):
        return _in_words(found.method.verdict, found, [found.method])
    return _in_words(found.method, found, [outcome.method for outcome in found.deciding])


def _in_words(name: str, found: Judgement | Outcome, answers: Sequence[Answer]) -> str:
    if name == WHERE_JUDGED:
        run = sum(answer.verdict == "holds" for answer in answers)
        name = f"{name} ({run} of {len(answers)} comparisons)"
    notes = dict.fromkeys(answer.note for answer in answers if answer.verdict == "not judged")
    if name == "not judged":
        return f"{name}: {', '.join(filter(None, notes))}"
    decided = name.startswith(("holds", "fails", "leans"))
    return f"{name} {STAND_IN}" if found.stand_in and decided else name


def for_method(outcome: Outcome) -> str:
    """Population and result, as `new trainings, new classes: +1.2 ± 3.0 points, p = 0.20`.

    If the least certain of several layers is another one than for these models, it is named.
    """
    answer = outcome.method
    other = f", {answer.layer}" if answer.layer and answer.layer != outcome.layer else ""
    left_out = f"{outcome.diverged} more diverged" if outcome.diverged and outcome.trainings else ""
    if math.isnan(answer.p):
        parts = [answer.verdict, answer.note, left_out]
    else:
        parts = [_found(outcome, answer), p_equals(answer.p), answer.note, left_out]
    return f"{answer.population}{other}: {', '.join(filter(None, parts))}"


def compared(outcome: Outcome, study: DescribedStudy) -> str:
    """What was compared, as `Scaled LR − MAML, accuracy, Symbols, 5-way 1-shot`."""
    comparison, layer = outcome.comparison, outcome.layer
    of, against = comparison.of, comparison.against
    named = f"{layer} (of {len(comparison.layers)} layers)" if layer else _layer(of)
    what = _what(of, against, named if layer else "")
    if _intervenes(of) or (against is not None and against.layer != of.layer):
        named = ""  # it is part of the condition, or what the sides differ in
    parts = [_sides(of, against, study), what, named, _place(of, against, study)]
    return ", ".join(filter(None, parts))


def expected(comparison: Comparison) -> str:
    """The expectation, as `> 0` or `within ± 2`."""
    margin, than = (f"{value:g}" for value in (comparison.margin, comparison.than))
    if comparison.expected == "equal":
        return f"{than} ± {margin}" if comparison.than else f"within ± {margin}"
    if comparison.expected == "not_greater":
        return f"< {margin}, not shown > 0"
    return f"{'>' if comparison.expected == 'greater' else '<'} {than}"


def found(outcome: Outcome) -> str:
    """The result, as `+4.0 ± 1.9 points`; if there is one side, its value, not a difference."""
    return _found(outcome, outcome)


def _found(outcome: Outcome, answer: Answer) -> str:
    test, quantity, comparison = answer.test, quantity_of(outcome), outcome.comparison
    if test is None:
        return MISSING
    alone = comparison.against is None and comparison.of.quantity not in _CHANGES
    mean = test.difference.mean + comparison.than
    text = plus_minus(mean, test.difference.half_width, quantity.digits, sign=not alone)
    return f"{text} {quantity.unit}".rstrip()


def quantity_of(outcome: Outcome) -> Quantity:
    """The quantity that a comparison is about; a probe's has the decimals that fit its values."""
    quantity, test = QUANTITIES[outcome.comparison.of.quantity], outcome.test
    if not quantity.reads and test is not None:
        mean, half_width = test.difference.mean, test.difference.half_width
        return replace(quantity, digits=decimals(mean, half_width))
    return quantity


def counted(outcome: Outcome) -> str:
    """The sample, as `100 tasks` or `3 seeds`."""
    if outcome.test is None:
        return MISSING
    n, what = outcome.test.difference.n, quantity_of(outcome).replicate
    return f"{n:,} {what.removesuffix('s') if n == 1 else what}"


def in_short(outcome: Outcome, study: DescribedStudy) -> str:
    """A comparison with its expectation, result and sample, in one line."""
    if outcome.test is None:
        return f"{compared(outcome, study)}: {outcome.note or outcome.verdict}"
    size = detectable(outcome)
    undecided = outcome.verdict == "inconclusive" and size != MISSING
    parts = [
        f"{found(outcome)} (expected {expected(outcome.comparison)})",
        p_equals(outcome.p_adjusted),
        outcome.note,
        f"n = {counted(outcome)}",
        f"detectable {size} {quantity_of(outcome).unit}".rstrip() if undecided else "",
    ]
    return f"{compared(outcome, study)}: {', '.join(filter(None, parts))}"


def meanings(judgements: list[Judgement]) -> str:
    """The meanings of the verdicts that occur."""
    where_judged = "some comparisons could not be judged or were not run, and all others hold"
    known = {**VERDICTS, WHERE_JUDGED: where_judged}
    given = {name for judgement in judgements for name in (judgement.verdict, judgement.method)}
    text = "; ".join(f"{name}: {meaning}" for name, meaning in known.items() if name in given)
    return f"{text[:1].upper()}{text[1:]}."


def family(judgements: list[Judgement], study: DescribedStudy) -> str:
    """A sentence on how p-values were adjusted: each claim is a family of its own."""
    families = (
        [outcome.p for outcome in judgement.deciding if not math.isnan(outcome.p)]
        for judgement in judgements
    )
    largest = max(families, key=len, default=[])
    said = captions.correction(study.statistics, largest)
    return f"Tests are two-sided; each claim is a family of its own, the largest with {said}."


def of_norms(judgements: list[Judgement]) -> str:
    """A sentence on what a percent of a weight norm is, if norms were compared."""
    outcomes = (outcome for judgement in judgements for outcome in judgement.outcomes)
    compared = any(one.test and quantity_of(one).reads == "weight_norm" for one in outcomes)
    said = "Weight norms are compared by 100 times the difference of their logarithms, shown as %."
    return said if compared else ""


def trained(evidence: Evidence) -> str:
    """Sentences on which trainings are no better than none, and which were still improving."""
    study = evidence.study

    def named(one: Progress, more: str = "") -> str:
        under = [study.protocol_label(one.protocol)] if len(study.protocols) > 1 else []
        label, place = study.label(one.variant, one.protocol), study.place(one.dataset, one.setting)
        return f"{', '.join([*under, label, place])}{more}"

    short = [named(one) for one in progress(evidence) if one.undertrained]
    rising = [named(one, f", +{one.rise:.1f}") for one in progress(evidence) if one.rising]
    return captions.join(
        "Undertrained (not shown to be better on validation tasks than an untrained network and "
        f"the nearest class mean of raw pixels): {'; '.join(short)}."
        if short
        else "",
        f"Still improving: validation accuracy rose by more than {RISING:g} point over the last "
        f"quarter of training, which does not rule out a verdict: {'; '.join(rising)}."
        if rising
        else "",
    )


def stand_ins(judgements: list[Judgement], study: DescribedStudy) -> str:
    """A sentence that names the stand-ins among the data sets of the comparisons made."""
    sides = (
        side
        for judgement in judgements
        for outcome in judgement.outcomes
        if outcome.test is not None
        for side in outcome.comparison.sides
    )
    return study.stand_ins(
        study.in_role(role) for side in sides for role in (side.trained_on, side.tested_on)
    )


def detectable(outcome: Outcome) -> str:
    """The smallest true difference that this single test would detect in 80 % of repetitions."""
    if outcome.test is None or not outcome.test.standard_error > 0:
        return MISSING
    return number(outcome.test.smallest_detectable, quantity_of(outcome).digits)


def _sides(of: Selection, against: Selection | None, study: DescribedStudy) -> str:
    label = study.label(of.variant, of.protocol)
    if against is None:
        return label
    if against.protocol != of.protocol:
        titles = (study.protocol_title(side.protocol) for side in (of, against))
        return f"{label}, {' − '.join(titles)}"
    if against.variant != of.variant:
        return f"{label} − {study.label(against.variant, against.protocol)}"
    if _at_two_times(of, against):
        return f"{label} {_when(of)} − {_when(against)}"
    if against.layer != of.layer and not _intervenes(of):
        layers = (_layer(side) or "whole network" for side in (of, against))
        return f"{label}, {' − '.join(layers)}"
    return label


def _at_two_times(of: Selection, against: Selection) -> bool:
    """Whether the sides are one model at two times."""
    same = (of.protocol, of.variant) == (against.protocol, against.variant)
    return same and of.at != against.at and of.quantity != "weight_norm_growth"


def _when(selection: Selection) -> str:
    at = _at(selection)
    return "after training" if at == 1 else f"after {_percent(at)} % of it"


def _at(of: Selection) -> float:
    """The fraction of training at which a selection is measured."""
    unsaid = 0.0 if of.quantity == "weight_norm" else 1.0
    return unsaid if of.at is None else of.at


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g}"


def _intervenes(of: Selection) -> bool:
    return QUANTITIES[of.quantity].reads == "interventions"


def _title(of: Selection, layers: str) -> str:
    title = QUANTITIES[of.quantity].title or of.probe.replace("_", " ")
    return f"{title}, {in_words(of.condition, layers or of.layer)}" if _intervenes(of) else title


def _what(of: Selection, against: Selection | None, layers: str) -> str:
    """The quantity; `layers` names the layer shown and their number, if there are several."""
    title, condition = _title(of, layers), _CONDITIONS.get(of.condition, "")
    text = " ".join(filter(None, [of.estimator, title, condition]))
    if of.quantity == "toy_accuracy":
        size = "mean of all step sizes" if of.step_size is None else f"step size {of.step_size:g}"
        text = f"{title}, {size}"
    if "at" in QUANTITIES[of.quantity].takes and not (against and _at_two_times(of, against)):
        text = f"{text}{_during(of, against)}"
    if against is None or (other := _title(against, layers)) == title:
        return text
    whole = " of the full procedure" if against.quantity == "accuracy" else ""
    return f"{text} − {other.removeprefix(f'{QUANTITIES[of.quantity].title}, ')}{whole}"


def _during(of: Selection, against: Selection | None) -> str:
    """When in training, as ` at 50 % of training`; empty if CKA is that of the trained models."""
    sides = [side for side in (of, against) if side is not None]
    quantity = QUANTITIES[of.quantity]
    if quantity.is_cka and all(side.at is None for side in sides):
        return ""
    grows = "start" in quantity.takes
    times = dict.fromkeys(
        f"from {_percent(side.start)} to {_percent(_at(side))}" if grows else _percent(_at(side))
        for side in sides
    )
    comma = "," if quantity.reads == "toy" else ""
    return f"{comma} {'' if grows else 'at '}{' − '.join(times)} % of training"


def _layer(of: Selection) -> str:
    return {"body": "mean of the conv layers", "all": "all weights"}.get(of.layer, of.layer)


def _place(of: Selection, against: Selection | None, study: DescribedStudy) -> str:
    tested = study.dataset_label(study.in_role(of.tested_on))
    if against is None or against.protocol == of.protocol:
        tested = ", ".join([*_named(of.protocol, study), tested])
    trained = [
        study.dataset_label(study.in_role(side.trained_on))
        for side in (of, against)
        if side is not None
    ]
    if len(set(trained)) > 1:
        return f"{tested}, {in_full(of.setting)}, trained on {trained[0]} − on {trained[1]}"
    if QUANTITIES[of.quantity].reads == "toy":
        return tested
    return f"{tested}, {in_full(of.setting)}"


def _named(protocol: str, study: DescribedStudy) -> list[str]:
    """The title of a protocol that does not belong to a paper, if the study has several."""
    of_papers = {paper.facts.protocol for paper in study.papers}
    alone = len(study.protocols) == 1
    return [] if alone or protocol in of_papers else [study.protocol_title(protocol)]
