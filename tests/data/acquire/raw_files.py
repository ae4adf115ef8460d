"""Values that tests of downloads share."""

from __future__ import annotations

import hashlib

from innerloop.data.acquire.collection import Collection, RawFile
from innerloop.data.acquire.transfer import Patience
from innerloop.data.licence import Licence

#: What the tests download: 300 kB, so that it takes several blocks.
CONTENT = bytes(range(256)) * 1200
#: Gives up after two attempts, but not because the machine is busy.
BRISK = Patience(connect=20, silence=20, least_rate=1e3, attempts=2, first_wait=0.01)
#: Takes a moment's silence for a stall.
IMPATIENT = Patience(connect=20, silence=0.2, least_rate=1e5, attempts=2, first_wait=0.01)


def raw_file(*urls: str, content: bytes = CONTENT, name: str = "birds.tgz", **values) -> RawFile:
    """What a registry would say of the content."""
    known = {
        "bytes": len(content),
        "md5": hashlib.md5(content).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return RawFile(name, urls=urls, **{**known, **values})


def collection(*files: RawFile, **values) -> Collection:
    return Collection("birds", "Birds", Licence("free", "A. Bird", ""), files, **values)
