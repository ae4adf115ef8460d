"""A network's operations and activations per image: by formula for Conv4, as counted for others.

Others are counted when their code is first tried, and stored beside Snakemake's own records, so
that this file needs no torch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from innerloop.networks.options import BLOCKS, CONV4, NetworkOptions
from innerloop.runtime.code_digest import code_digest
from innerloop.runtime.extensions import source_file
from innerloop.runtime.files import canonical_json, short_digest, write_json
from innerloop.runtime.typed_json import as_json, from_json

_KEPT = Path(".snakemake/innerloop/networks")


@dataclass(frozen=True)
class NetworkCounts:
    """Counts for one image's forward pass.

    Attributes:
        operations: of convolutions and matrix products; a multiply-add counts as two.
        activations: outputs of convolutions and dense layers.
    """

    operations: float
    activations: float


def counts_of(options: NetworkOptions) -> NetworkCounts | None:
    """A network's counts; None if it was never counted, or its code has changed since."""
    if options.network == CONV4:
        return conv4_counts(options.image_size, options.arguments["filters"], options.channels)
    try:
        return from_json(NetworkCounts, json.loads(_place(options).read_text(encoding="utf-8")))
    except OSError:
        return None


def conv4_counts(image_size: int, filters: int, channels: int = 3) -> NetworkCounts:
    """Counts of Conv4's blocks; the head's are negligible."""
    operations = activations = 0
    for _ in BLOCKS:
        activations += filters * image_size**2
        operations += 2 * 9 * channels * filters * image_size**2
        channels, image_size = filters, image_size // 2
    return NetworkCounts(operations, activations)


def keep(options: NetworkOptions, counts: NetworkCounts) -> None:
    """Store a network's counts under the digest of its code."""
    if options.network != CONV4:
        write_json(_place(options), asdict(counts))


def _place(options: NetworkOptions) -> Path:
    key = canonical_json([as_json(options), code_digest(source_file(options.network))])
    return _KEPT / f"{short_digest(key)}.json"
