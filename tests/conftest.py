"""Tests import the helpers beside this file by name (`import tiny`); torch computes on one core."""

import torch
from hypothesis import settings

torch.set_num_threads(1)

# no test is about time, and a red run must be red again
settings.register_profile("innerloop", deadline=None, derandomize=True)
settings.load_profile("innerloop")
