"""Nearest prototypes of embeddings made by hand."""

import torch

from innerloop.probes.nearest_prototype import nearest_prototype, prototypes


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
    assert nearest_prototype(queries, centres).tolist() == [[0, 1, 0, 1]]


def test_each_task_has_its_own_prototypes():
    centres = torch.tensor([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]])
    queries = torch.tensor([[[1.0, 0]], [[1, 0]]])
    assert nearest_prototype(queries, centres).tolist() == [[0], [1]]
