"""The scale-invariance probe on a network that is scale invariant, and on one that is not quite."""

from pathlib import Path

import probed
import pytest

import tiny
from innerloop.measurements.schemas import conform
from innerloop.networks.network import Network
from innerloop.networks.options import BLOCKS, LAYERS
from innerloop.probes.probe import Row
from innerloop.probes.scale_invariance import scale_invariance

SMALL_EPSILON = tiny.NETWORK.with_options(eps=1e-12)


def rows(folder: Path, network: Network = SMALL_EPSILON, **options: object) -> dict[str, Row]:
    model = probed.model(folder, network=network, options=dict(options))
    return {row["layer"]: row for row in scale_invariance(model)}


@pytest.mark.parametrize("batch_norm", ["batch", "support"])
@pytest.mark.parametrize("scale", [0.1, 10])
def test_convolutions_are_scale_invariant_and_the_head_is_not(
    tmp_path: Path, scale: float, batch_norm: str
):
    found = rows(
        tmp_path, SMALL_EPSILON.with_options(normalisation=batch_norm), scale=scale, tasks=2
    )
    for layer in BLOCKS:
        assert found[layer]["output_change"] < 1e-7
        assert abs(found[layer]["gradient_cosine"]) < 1e-7
    assert found["head"]["output_change"] > 0.1
    assert abs(found["head"]["gradient_cosine"]) > 1e-3


def test_epsilon_shows(tmp_path: Path):
    found = rows(tmp_path, tiny.NETWORK.with_options(eps=1e-2))
    for layer in BLOCKS:
        assert found[layer]["output_change"] > 1e-5
        assert abs(found[layer]["gradient_cosine"]) > 1e-5


def test_rows_fill_the_declared_table(tmp_path: Path):
    found = rows(tmp_path)
    assert tuple(found) == LAYERS
    table = conform([{**probed.MODEL_COLUMNS, **row} for row in found.values()], "scale_invariance")
    assert set(table.column("scale").to_pylist()) == {10.0}
    assert set(table.column("iteration").to_pylist()) == {20}


def test_a_head_scaled_by_one_changes_nothing(tmp_path: Path):
    assert rows(tmp_path, scale=1)["head"]["output_change"] == 0
