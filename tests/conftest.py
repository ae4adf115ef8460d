"""Tests import the helpers beside this file by name (`import tiny`); torch computes on one core."""

import torch

torch.set_num_threads(1)
