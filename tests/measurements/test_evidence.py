"""Tables are read by need; a table that is not there is empty, one that is broken is refused."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.schemas import SCHEMAS, USER_PROBE
from innerloop.runtime.errors import ConfigError, SchemaError
from synthetic import STUDIES, describe, write_tables

DESCRIPTION = STUDIES["full"][0]


def test_rows_are_those_that_fit(evidence_of):
    rows = evidence_of("full").rows("cka", variant=["maml", "anil"], layer="head", steps=5)
    assert set(rows["variant"]) == {"maml", "anil"}
    assert set(rows["layer"]) == {"head"}
    assert evidence_of("full").rows("cka", variant=[]).empty


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_table_that_the_study_lacks_is_empty(table):
    frame = Evidence({}, DESCRIPTION).rows(table)
    assert frame.empty
    assert list(frame.columns) == SCHEMAS[table].names


def test_unknown_tables_are_users_probes(evidence_of):
    evidence = evidence_of("full")
    assert list(evidence.rows("sharpness").columns) == USER_PROBE.names


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SchemaError, match="nowhere"):
        Evidence({"cka": tmp_path / "nowhere.parquet"}, DESCRIPTION).rows("cka")


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "cka.parquet"
    pq.write_table(pa.table({"protocol": ["p1"]}), path)
    with pytest.raises(SchemaError, match="similarity"):
        Evidence({"cka": path}, DESCRIPTION).rows("cka")


def test_trained_models_are_those_of_the_papers_figures(evidence_of):
    rows = evidence_of("full").trained("weight_norm", "p1")
    assert set(rows["train_dataset"]) == {"symbols"}
    assert set(rows["setting"]) == {"5w1s"}
    assert "untrained" not in set(rows["variant"])


def test_of_models_tested_elsewhere_too_only_the_home_is_shown(tmp_path):
    description = describe(("maml",), ("maml",))
    tables = write_tables(tmp_path, description, episodes=5, omit=("cka", "training"))
    measured = pq.read_table(tables["protonet"])
    frame = measured.to_pandas().assign(eval_dataset="people")
    away = pa.Table.from_pandas(frame, measured.schema, preserve_index=False)
    pq.write_table(pa.concat_tables([measured, away]), tables["protonet"])
    rows = Evidence(tables, description).trained("protonet", "p2")
    assert len(rows) == len(measured)
    assert set(rows["eval_dataset"]) == {"symbols"}


def test_a_paper_s_own_variants_are_shown_as_if_there_were_no_others(evidence_of):
    evidence = evidence_of("full")
    own = evidence.of_paper("p1")
    variants = ["maml", "maml_3x", "anil", "scaled_lr", "unit_norm"]
    assert {v.name for v in evidence.study.variants("p1")} > {*variants}
    assert {v.name for v in own.study.variants("p1")} == {*variants}
    assert {*own.rows("cka", protocol="p1")["variant"].astype(str)} <= {*variants}
    assert own.study.variants("p2") == evidence.study.variants("p2")
    rows = evidence.rows("accuracy")
    elsewhere = rows[rows["protocol"] != "p1"]
    assert (
        len(own.rows("accuracy"))
        == len(elsewhere) + rows["variant"].isin(variants)[rows["protocol"] == "p1"].sum()
    )


def test_a_paper_that_the_study_has_no_variant_of_shows_all(evidence_of):
    evidence = evidence_of("full")
    assert evidence.of_paper("questions") is evidence
    assert evidence_of("users_method").of_paper("p1") is not evidence


def test_a_description_without_models_is_refused():
    with pytest.raises(ConfigError, match="models"):
        DescribedStudy({"study": "demo"})


def test_variants_keep_the_study_files_order_with_baselines_last():
    study = DescribedStudy(STUDIES["users_method"][0])
    assert [v.name for v in study.variants("p1")] == ["maml", "anil", "my_decay", "untrained"]
    assert [v.name for v in study.variants("p1", baselines=False)][-1] == "my_decay"
    assert study.main_setting("p1") == "5w1s"
    assert DescribedStudy(STUDIES["other_settings"][0]).main_setting("p1") == "3w2s"


def test_figures_show_each_protocol_on_a_data_set_of_its_own():
    description = describe(("maml",), ("maml",), others=())
    description["models"] = [
        {**model, "dataset": "flowers" if model["protocol"] == "p2" else model["dataset"]}
        for model in description["models"]
    ]
    for paper in description["papers"]:
        paper["measured"] = paper["name"] != "p2"
    study = DescribedStudy(description)
    assert (study.home("p1"), study.home("p2")) == ("symbols", "flowers")
    assert study.shown("p1", "p2") == "Symbols, 5-way 1-shot; flowers, 5-way 1-shot"


def test_a_protocol_is_called_as_the_paper_whose_it_is():
    description = describe(("maml",), (), others=())
    facts = {"title": "Mine", "label": "M", "protocol": "m"}
    mine = {"name": "mine", "place": "./mine", "facts": facts}
    study = DescribedStudy({**description, "papers": [*description["papers"], mine]})
    assert [*map(study.protocol_label, ("p1", "m", "sweep"))] == ["P1", "M", "sweep"]
    alone = DescribedStudy({**description, "papers": []})
    assert alone.protocol_label("p1") == alone.protocol_title("p1") != "P1"


def test_stand_ins_are_named_and_real_data_are_not():
    study = DescribedStudy(DESCRIPTION)
    assert study.stand_ins(["symbols"]) == "Stand-in data: Symbols for miniImageNet."
    assert study.stand_ins(["digits", "people", "mine"]) == (
        "Stand-in data: People for CUB, Digits for CIFAR-10."
    )
    assert study.stand_ins([]) == ""
    real = DescribedStudy(STUDIES["other_settings"][0])
    assert real.stand_ins(["mini_imagenet", "cub"]) == ""


def test_variants_that_no_model_uses_have_their_declared_label():
    labels = {"mine": "My method", "maml": "MAML, slow"}
    protocols = {"p1": {"variants": ["mine", "maml"], "labels": labels}}
    model = {"protocol": "p2", "variant": "mine", "dataset": "d", "setting": "5w1s", "seed": 0}
    study = DescribedStudy(
        {"study": "s", "protocols": protocols, "models": [{**model, "label": "Theirs"}]}
    )
    assert [study.label(name, "p1") for name in labels] == [*labels.values()]
    assert study.label("mine", "p2") == "Theirs"


def test_without_declared_labels_those_of_models_then_the_papers_count():
    protocols = {"p1": {"variants": ["mine", "boil", "other"]}}
    model = {"protocol": "p2", "variant": "mine", "dataset": "d", "setting": "5w1s", "seed": 0}
    study = DescribedStudy(
        {"study": "s", "protocols": protocols, "models": [{**model, "label": "Mine!"}]}
    )
    assert [variant.label for variant in study.variants("p1")] == ["Mine!", "BOIL", "other"]
