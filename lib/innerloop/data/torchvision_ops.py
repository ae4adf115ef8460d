"""The one door to torchvision, open also beside a torch that it was not compiled for.

pip's torchvision for Linux is compiled against a CUDA torch. Beside a CPU torch its compiled
operators (box suppression and the like) do not load, and then `import torchvision` fails because
it describes one of them: "operator torchvision::nms does not exist". Innerloop uses torchvision's
transforms and data sets, which need none of these operators; they only have to be declared.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

from torch.library import Library

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def import_torchvision(module: str = "torchvision") -> ModuleType:
    """Import torchvision, or one of its modules, by its dotted name.

    Where the compiled operators load, this is a plain import. Where they do not, they are declared
    first; calling one then raises torch's own "not implemented" error.
    """
    try:
        return importlib.import_module(module)
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    _declare_operators()
    return importlib.import_module(module)


@cache  # keeps the library alive: its operators would vanish with it
def _declare_operators() -> Library:
    library = Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for schema in OPERATORS:
        library.define(schema)  # type: ignore[no-untyped-call]
    return library
