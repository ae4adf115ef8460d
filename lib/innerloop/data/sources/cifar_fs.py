"""CIFAR-FS: CIFAR-100 with single classes held out (Bertinetto et al.)."""

from __future__ import annotations

from pathlib import Path

from innerloop.data.sources.cifar100 import Cifar100Classes


class CifarFs(Cifar100Classes):
    """64/16/20 classes, 600 images each."""

    split_name = "Bertinetto et al.: 64/16/20 (cifar_fs_classes.csv)"
    split_list = Path(__file__).parent / "../split_lists/cifar_fs_classes.csv"
