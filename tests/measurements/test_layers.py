"""The order of layers in figures and tables."""

from innerloop.measurements.layers import layers_in_order


def test_conv4_comes_first_the_head_last_and_other_layers_between() -> None:
    assert layers_in_order(["head", "conv2", "conv1"]) == ["conv1", "conv2", "head"]
    assert layers_in_order(["head", "block2", "block1"]) == ["block1", "block2", "head"]
    assert layers_in_order(["block1", "conv1"]) == ["conv1", "block1"]
