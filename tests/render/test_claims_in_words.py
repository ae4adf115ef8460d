"""Judged claims in words: what was compared, what was found, on how much, on whose data."""

from __future__ import annotations

import math

import pytest
import yaml

from innerloop.measurements.evidence import Evidence
from innerloop.papers import words
from innerloop.papers.claims import read_claims
from innerloop.papers.judgement import VERDICTS, WHERE_JUDGED
from innerloop.papers.paper import read_paper
from innerloop.runtime.extensions import load_entry
from shipped import CLAIMS, TABLES
from synthetic import ROLES, describe, write_tables

OF_QUESTIONS = [claim for claim in CLAIMS if claim.source.startswith("Question ")]


def tabulate(name, evidence):
    return load_entry(TABLES[name].entry)(evidence)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """A study on the papers' own data, of three seeds."""
    description = describe(roles={name: name for name in ROLES}, seeds=3)
    tables = write_tables(tmp_path_factory.mktemp("seeds"), description, episodes=60)
    return Evidence(tables, description)


def test_every_claim_has_a_row_and_a_verdict(evidence_of):
    made = tabulate("claims", evidence_of("full"))
    asked = [claim for claim in CLAIMS if claim not in OF_QUESTIONS]
    assert made.display["Claim"].tolist() == [claim.claim for claim in asked]
    assert {*made.frame["verdict"], *made.frame["method_verdict"]} <= set(VERDICTS)
    papers = made.frame["paper"].tolist()
    assert made.rules == (papers.index("P2"), papers.index("Questions"))
    assert made.caption.count("Left out, because") == 1
    left_out = (
        f"does not train the models that they compare: {len(OF_QUESTIONS)} claims of Questions."
    )
    assert left_out in made.caption


def test_claims_of_a_probe_that_the_study_does_not_run_are_left_out_in_a_line(tmp_path):
    description = describe(("maml", "scaled_lr"), ("maml",), settings=("5w1s",), others=())
    tables = write_tables(
        tmp_path, description, episodes=8, omit=("own_change", "interventions", "toy")
    )
    made = tabulate("claims", Evidence(tables, description))
    assert set(made.frame["paper"]) == {"P1", "P2"}
    assert (
        "does not run the probe interventions, own_change: 10 claims of Questions." in made.caption
    )
    left_out = (
        f"does not train the models that they compare: {len(OF_QUESTIONS) + 7} claims of Quest"
    )
    assert left_out in made.caption


def test_own_change_is_judged_where_the_whole_change_is_another(seeds):
    """Planted: a fifth of a layer's change is its own."""
    frame = tabulate("claims", seeds).frame.set_index("name")["verdict"]
    assert (frame["unit_norm_layers"], frame["unit_norm_layers_own"]) == ("holds", "fails")
    assert frame["the_head_inherits"] == frame["unit_norm_layers_relative_own"] == "holds"
    shown = tabulate("claim_comparisons", seeds).display
    shown = shown[shown["Claim"].str.contains("the change that CKA shows at the head")]
    assert shown["Comparison"].iloc[0] == (
        "MAML, debiased CKA by its own change − CKA, head, mini_imagenet, 5-way 1-shot"
    )


def test_verdicts_on_stand_ins_say_so(evidence_of, seeds):
    made = tabulate("claims", evidence_of("full"))
    decided = made.display["Verdict"][made.frame["verdict"].isin(["holds", "fails"])]
    assert len(decided) >= 5
    assert decided.str.endswith("on stand-in data").all()
    assert set(made.frame["data"]) == {"stand-in"}
    real = tabulate("claims", seeds)
    assert set(real.frame["data"]) == {"as in the paper"}
    assert not real.display["Verdict"].str.contains("stand-in").any()


def test_planted_claims_are_judged_as_planted(seeds):
    frame = tabulate("claims", seeds).frame.set_index("name")["verdict"]
    for name in (
        "scaled_lr_mini_imagenet",
        "unit_norm_mini_imagenet",
        "unit_norm_layers",
        "only_the_head",
        "both_fall_on_task",
        "meta_sgd_off_task",
        "maml_off_task",
        "our_methods_head_alone",
        "meta_sgd_head_alone",
    ):
        assert frame[name] == "holds", name
    assert frame["unit_norm_fc100"] == "fails"
    assert frame["maml_rises_on_task"] == "fails"
    for name in ("maml_head_alone", "our_methods_head_frozen", "another_task"):
        assert frame[name] == "fails", name


def test_without_measurements_nothing_was_run(evidence_of):
    made = tabulate("claims", evidence_of("no_tables"))
    assert set(made.frame["verdict"]) == {"not run"}
    comparisons = tabulate("claim_comparisons", evidence_of("no_tables"))
    assert set(comparisons.frame["verdict"]) == {"not run"}


def test_one_seed_says_nothing_of_seeds(evidence_of, seeds):
    one = tabulate("claim_comparisons", evidence_of("full")).frame
    over_seeds = one[(one["replicate"] == "seeds") & (one["quantity"] != "toy_accuracy")]
    assert len(over_seeds) > 10
    assert over_seeds["p"].isna().all()
    assert {*over_seeds["verdict"], *over_seeds["method_verdict"]} == {"not judged"}
    assert one["method_low"][one["seeds"] == 1].isna().all()
    assert one["seed_sd"][one["quantity"] != "toy_accuracy"].isna().all()
    three = tabulate("claim_comparisons", seeds).frame
    assert three["seed_sd"].notna().all()


def test_both_estimators_stand_there_and_one_decides(evidence_of):
    made = tabulate("claim_comparisons", evidence_of("full"))
    cka = made.frame[made.frame["quantity"] == "cka"]
    assert set(cka.groupby("of_estimator")["decides"].unique().map(tuple)) == {(True,), (False,)}
    beside = made.display["Verdict"][~made.frame["decides"]]
    assert beside.str.endswith("beside)").all()


@pytest.mark.parametrize("name", ["claims", "claim_comparisons"])
def test_the_caption_says_once_what_a_percent_of_a_weight_norm_is(evidence_of, name):
    said = "100 times the difference of their logarithms"
    assert tabulate(name, evidence_of("full")).caption.count(said) == 1
    assert said not in tabulate(name, evidence_of("no_tables")).caption


def test_numbers_stand_beside_what_does_not_decide(evidence_of):
    made = tabulate("claim_comparisons", evidence_of("full"))
    open_ = made.frame[(made.frame["verdict"] == "inconclusive") & made.frame["p"].notna()]
    assert open_["smallest_detectable"].gt(0).all()
    assert open_["n"].gt(0).all()
    assert "ties" in made.caption


def test_a_line_says_what_was_expected_and_what_could_have_been_found(evidence_of):
    made = tabulate("claims", evidence_of("full"))
    lines = made.display.set_index("Claim")["What decides it"]
    assert "accuracy, Symbols, 5-way " in lines["Scaled LR beats MAML on miniImageNet."]
    assert "points (expected > 0), p " in lines["Scaled LR beats MAML on miniImageNet."]
    undecided = made.display["Verdict"] == "inconclusive"
    tested = made.display.loc[undecided, "What decides it"]
    tested = tested[~tested.str.contains("one seed")]
    assert len(tested)
    assert tested.str.contains(r"n = [\d,]+ \w+, detectable [\d.]+").all()


def test_what_decides_a_claim_has_its_verdict_for_these_models_and_for_the_method(seeds):
    lines = tabulate("claims", seeds).display.set_index("Claim")["What decides it"]
    other = False
    for found in words.judged(seeds):
        line = lines[found.claim.claim]
        verdict, method = (
            "holds" if name == WHERE_JUDGED else name for name in (found.verdict, found.method)
        )
        owed = [one for one in found.deciding if one.method.verdict == method]
        assert line.endswith(tuple(words.for_method(one) for one in owed))
        named = [one for one in found.deciding if line.startswith(words.in_short(one, seeds.study))]
        assert named
        if not math.isnan(named[0].p_for):
            assert named[0].verdict == verdict
        other |= named[0].method.verdict != method
    assert other


def test_methods_are_compared_after_the_steps_they_share(evidence_of):
    frame = tabulate("claim_comparisons", evidence_of("full")).frame
    between = frame[(frame["quantity"] == "cka") & (frame["against_variant"] == "maml")]
    between = between[between["of_variant"] != "maml"]
    assert len(between) >= 4
    assert "not comparable" not in set(between["verdict"])  # 6 and 10 steps: both after 5


def test_models_of_two_data_sets_are_compared(seeds):
    """Each was trained on images of its own, which is what the claim is about."""
    frame = tabulate("claim_comparisons", seeds).frame
    transfer = frame[frame["claim"] == "maml_transfer"]
    assert len(transfer) == 2
    assert set(transfer["verdict"]) <= {"holds", "fails", "inconclusive"}


def test_the_correction_is_named(evidence_of):
    assert "Holm's method for the" in tabulate("claims", evidence_of("full")).caption


def test_a_line_says_for_whom_it_speaks(evidence_of, seeds):
    one = tabulate("claims", evidence_of("full"))
    assert one.display["For the method"].str.startswith("not judged: one training").sum() >= 20
    said = "new trainings(, these classes)?: not judged, one training$"
    assert one.display["What decides it"].str.count(said).sum() >= 20
    three = tabulate("claims", seeds)
    assert set(three.frame["method_verdict"]) <= {"leans to it", "leans against it", "inconclusive"}
    assert three.display["What decides it"].str.contains("new trainings").all()


def test_the_finding_counts_the_verdicts_of_the_table_in_english(evidence_of, seeds):
    for evidence in (evidence_of("full"), seeds):
        table = tabulate("claims", evidence)
        for column in ("verdict", "method_verdict"):
            for verdict, n in table.frame[column].value_counts().items():
                verb, *rest = verdict.split(" ")
                plain = verb.removesuffix("s") if n > 1 and verb.endswith("s") else verb
                assert " ".join([str(n), plain, *rest]) in table.finding


def test_the_finding_tells_the_papers_claims_from_others(evidence_of):
    table = tabulate("claims", evidence_of("full"))
    ours = int((table.frame["paper"] == "Questions").sum())
    theirs = f"{len(table.frame) - ours} claims of P1 and P2"
    said = f"Of {theirs} and {ours} claims in the section Questions: for these models, "
    assert ours
    assert table.finding.startswith(said)


def test_when_the_study_s_own_claims_were_declared_is_said(seeds, tmp_path):
    """Of two claims one was recorded by a run; the papers' say nothing about it."""
    where = {"quantity": "accuracy", "variant": "maml", "protocol": "p1"}
    where |= {"trained_on": "mini_imagenet", "tested_on": "mini_imagenet"}
    comparisons = [{"of": "maml", "expected": "greater"}]
    claims = [
        {"name": name, "claim": f"MAML is {name}.", "where": where, "comparisons": comparisons}
        for name in ("good", "better")
    ]
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(claims), encoding="utf-8")
    (tmp_path / "paper.yaml").write_text("title: Ours\nlabel: Ours", encoding="utf-8")
    good, _ = read_claims(read_paper(str(tmp_path)))
    description = describe(roles={name: name for name in ROLES}, seeds=3)
    own = {"name": "ours", "place": str(tmp_path), "facts": {"title": "Ours", "label": "Ours"}}
    record = {"claim": "ours/good", "declared": "before measuring", "date": "2026-11-29 12:00"}
    evidence = Evidence(
        seeds.paths,
        {**description, "papers": [description["papers"][0], own]},
        {good.digest: record},
    )
    table = tabulate("claims", evidence)
    declared = table.display.set_index("Claim")["Declared"]
    assert declared["MAML is good."] == "before measuring, 2026-11-29"
    assert declared["MAML is better."] == "at a time not recorded"
    assert set(declared.drop(["MAML is good.", "MAML is better."])) <= {"in the paper"}
    assert table.finding.endswith(
        "Declared of the study's own claims: 1 before measuring, 1 at a time not recorded."
    )
    assert "Declared" not in tabulate("claims", seeds).display
