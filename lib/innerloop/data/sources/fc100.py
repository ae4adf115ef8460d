"""FC100: CIFAR-100 with whole superclasses held out (TADAM)."""

from __future__ import annotations

from pathlib import Path

from innerloop.data.sources.cifar100 import Cifar100Classes


class Fc100(Cifar100Classes):
    """60/20/20 classes in 12/4/4 superclasses, 600 images each."""

    split_name = "TADAM: 60/20/20 (fc100_classes.csv)"
    split_list = Path(__file__).parent / "../split_lists/fc100_classes.csv"
