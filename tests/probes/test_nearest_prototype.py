"""Nearest prototypes of embeddings made by hand."""

import math

import pytest
import torch

from innerloop.probes.nearest_prototype import cosine_similarities, prototypes


def test_a_prototype_is_the_mean_of_its_class():
    """P2 eq. 5; classes need not lie in order or be of one size."""
    embeddings = torch.tensor([[[1.0, 0], [0, 6], [3, 0], [0, 2], [5, 3]]])
    found = prototypes(embeddings, torch.tensor([[0, 1, 0, 1, 0]]), way=2)
    torch.testing.assert_close(found, torch.tensor([[[3.0, 1], [0, 4]]]))


def test_one_image_a_class_is_its_own_prototype():
    embeddings = torch.randn(4, 3, 7)
    labels = torch.tensor([[2, 0, 1]] * 4)
    found = prototypes(embeddings, labels, way=3)
    torch.testing.assert_close(found[:, [2, 0, 1]], embeddings)


def test_nearest_by_angle_not_by_distance():
    centres = torch.tensor([[[10.0, 0], [0.1, 0.1]]])
    queries = torch.tensor([[[1.0, 0.1], [50, 49], [0.2, 0.0], [-1, 3]]])
    assert cosine_similarities(queries, centres).argmax(2).tolist() == [[0, 1, 0, 1]]


def test_each_task_has_its_own_prototypes():
    centres = torch.tensor([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]])
    queries = torch.tensor([[[1.0, 0]], [[1, 0]]])
    assert cosine_similarities(queries, centres).argmax(2).tolist() == [[0], [1]]


@pytest.mark.parametrize("value", [1e25, math.inf, math.nan])
def test_an_embedding_without_a_finite_length_is_like_no_prototype(value: float):
    """Not equally like all of them, which would make it one of the first class."""
    centres = torch.tensor([[[1.0, 0], [0, 1]]])
    found = cosine_similarities(torch.tensor([[[value, value], [0, 0], [1, 0]]]), centres)
    assert found[0, 0].isnan().all()
    assert found[0, 1:].tolist() == [[0, 0], [1, 0]]
