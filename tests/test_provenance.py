"""Result files carry what they were made from, and refuse to be taken for others."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from innerloop.errors import ProvenanceError
from innerloop.provenance import read_provenance, record, require_spec, versions, write_table

TABLE = pa.table({"x": pa.array([1, 2])}).replace_schema_metadata({"kept": "yes"})
SPEC = {"seed": 0, "method": {"name": "maml", "step_size": 0.01}, "datasets": ["a", "b"]}


def test_a_table_keeps_its_provenance_and_its_own_metadata(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    write_table(TABLE, path, record(SPEC, data_digests={"x": "abc"}))
    found = read_provenance(path)
    assert found["spec"] == SPEC
    assert found["data_digests"] == {"x": "abc"}
    assert found["versions"] == versions()
    assert pq.read_schema(path).metadata[b"kept"] == b"yes"
    assert pq.read_table(path).column("x").to_pylist() == [1, 2]


def test_versions_of_what_results_depend_on():
    found = versions()
    assert {"python", "innerloop", "torch", "numpy"} <= found.keys()
    assert "not installed" not in (found["torch"], found["numpy"])


def test_a_foreign_file(tmp_path: Path):
    pq.write_table(TABLE, tmp_path / "rows.parquet")
    with pytest.raises(ProvenanceError, match="was not written by Innerloop"):
        read_provenance(tmp_path / "rows.parquet")


def test_equal_parameters_pass_whatever_their_types():
    require_spec("x", SPEC, {**SPEC, "datasets": ("a", "b")})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, "seed: made with 0, the study says 1"),
        (
            {"method": {"name": "maml", "step_size": 0.03}},
            "method.step_size: made with 0.01, the study says 0.03",
        ),
        ({"datasets": ["a"]}, "datasets: made with"),
        ({"new": True}, "new: made with '\\(absent\\)', the study says True"),
        ({"method": "maml"}, "method: made with"),
    ],
)
def test_other_parameters_are_named(changed: dict, said: str):
    with pytest.raises(ProvenanceError, match=f"results/x does not belong .*{said}"):
        require_spec("results/x", SPEC, {**SPEC, **changed})
