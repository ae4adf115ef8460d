"""Omniglot: 1,623 characters of 50 alphabets, each drawn by 20 people."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from innerloop.data.archives.members import is_junk
from innerloop.data.archives.unpack import unpacked
from innerloop.data.catalogue import SPLITS, ClassEntry
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.data.sources.hash_split import hash_order
from innerloop.data.sources.picture_files import PictureFiles
from innerloop.runtime.errors import DataError

#: Folder, in the archives, of the alphabets for testing.
EVALUATION = "images_evaluation"


class Omniglot(PictureFiles):
    """The published archives; a class is a character, and no alphabet is in two splits.

    The evaluation set's alphabets are for testing, and five of the background set's for validation.
    An alphabet in several archives, as Greek and Latin are in both small background sets, is read
    once.
    """

    split_name = "by alphabet: the evaluation set's for test, 5 others for validation"
    native_size = 105
    #: How many alphabets outside the evaluation set go to val and to test.
    held_out = (5, 0)

    def __init__(self, files: FetchedFiles) -> None:
        self._fetched = files
        self.licence = files.licence

    def classes(self) -> list[tuple[ClassEntry, list[Path]]]:
        """Each character and its drawings."""
        fetched = self._fetched
        root = fetched.folder or unpacked(
            fetched.files.values(), fetched.work, lambda path: path.suffix == ".png"
        )
        characters: dict[tuple[str, str], dict[str, Path]] = {}
        archives: dict[str, set[str]] = {}
        for file in sorted(root.glob("*/*/*/*.png")):
            archive, alphabet, character, name = file.relative_to(root).parts
            if is_junk(file):
                continue
            archives.setdefault(alphabet, set()).add(archive)
            characters.setdefault((alphabet, character), {}).setdefault(name, file)
        splits = self._splits(archives)
        counts = Counter[str]()
        for (alphabet, _), drawings in characters.items():
            counts[splits[alphabet]] += len(drawings)
        if counts != fetched.images:
            found, expected = (
                "/".join(str(each.get(split, 0)) for split in SPLITS)
                for each in (counts, fetched.images)
            )
            raise DataError(
                f"{root}: {found} drawings in train/val/test, expected {expected}; Omniglot's "
                "archives have <archive>/<alphabet>/<character>/*.png"
            )
        return [
            (
                ClassEntry(f"{alphabet}/{character}", splits[alphabet], len(drawings), alphabet),
                [*drawings.values()],
            )
            for (alphabet, character), drawings in characters.items()
        ]

    def _splits(self, archives: dict[str, set[str]]) -> dict[str, str]:
        """Alphabet -> split."""
        tested = {alphabet for alphabet, names in archives.items() if EVALUATION in names}
        val, test = self.held_out
        dealt = ["val"] * val + ["test"] * test
        others = hash_order(archives.keys() - tested, "omniglot")
        others_split = dict.fromkeys(others, "train") | dict(zip(others, dealt, strict=False))
        return others_split | dict.fromkeys(tested, "test")


class OmniglotSmall(Omniglot):
    """The two small background sets: 242 characters of eight alphabets."""

    split_name = "by alphabet: 4 for training, 2 for validation, 2 for test"
    held_out = (2, 2)
