"""A method looks the same in every study; an unknown one gets a free look, always the same."""

from __future__ import annotations

import pytest

from innerloop.measurements.described_study import DescribedStudy
from innerloop.render.style import chunks, dataset_looks, layer_looks, variant_looks
from synthetic import STUDIES, describe


def test_known_methods_look_the_same_in_every_study():
    full, two = (
        variant_looks(DescribedStudy(STUDIES[name][0]), "p1") for name in ("full", "two_methods")
    )
    assert all(full[name] == look for name, look in two.items())


def test_every_variant_can_be_told_apart_without_colour():
    looks = variant_looks(
        DescribedStudy(describe((*describe()["protocols"]["p1"]["variants"], "a", "b"))), "p1"
    )
    shapes = [
        (look.marker, str(look.dashes)) for name, look in looks.items() if name != "raw_pixels"
    ]
    assert len(set(shapes)) == len(shapes)
    assert len({look.colour for look in looks.values()}) == len(looks)


def test_users_methods_get_free_colours_in_the_study_files_order():
    first = variant_looks(DescribedStudy(describe(("maml", "mine", "yours"))), "p1")
    again = variant_looks(DescribedStudy(describe(("maml", "mine", "yours", "theirs"))), "p1")
    assert first["mine"] == again["mine"]
    assert first["yours"] == again["yours"]
    assert again["theirs"].colour not in (again["mine"].colour, again["maml"].colour)


def test_data_sets_look_by_their_role():
    stand_ins, real = (
        DescribedStudy(STUDIES["full"][0]),
        DescribedStudy(STUDIES["other_settings"][0]),
    )
    assert dataset_looks(stand_ins, ["people"])["people"].colour == (
        dataset_looks(real, ["cub"])["cub"].colour
    )


@pytest.mark.parametrize(("count", "shape"), [(3, [3]), (4, [4]), (7, [4, 3]), (9, [3, 3, 3])])
def test_panels_are_spread_evenly(count, shape):
    assert [len(row) for row in chunks(range(count), 4)] == shape


def test_layers_of_any_network_can_be_told_apart():
    layers = [f"block{block}.conv{conv}" for block in range(1, 5) for conv in range(1, 4)]
    looks = layer_looks(["conv1", *layers, "head"])
    assert len({look.colour for look in looks.values()}) == len(looks)
    assert {name: looks[name] for name in ("conv1", "head")} == layer_looks(["conv1", "head"])
