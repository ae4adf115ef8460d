"""Remove replaced results of studies, and say how much space that frees.

    innerloop clean demo
    innerloop clean                 of all studies in results/

Results that an edit replaces are kept, so that undoing the edit restores them at once.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from innerloop.commands import NAME_OR_FOLDER, folder_of, parser_of
from innerloop.runtime.errors import ConfigError
from innerloop.study import paths


def main(argv: list[str]) -> None:
    """Remove replaced results."""
    parser = parser_of("clean", __doc__)
    parser.add_argument("study", nargs="*", type=folder_of, help=NAME_OR_FOLDER)
    pattern = Path(paths.REPLACED)
    studies = parser.parse_args(argv).study or sorted(Path().glob(f"{pattern.parts[0]}/*/"))
    for study in studies:
        if not study.is_dir():
            raise ConfigError(f"there is no folder {study}")
    # by their names, which are digests: other folders may be called `replaced`, too
    kept = (each for study in studies for each in (study / pattern.name).glob("[0-9a-f]" * 16))
    results = [each for each in kept if each.is_dir()]
    size = sum(file.stat().st_size for each in results for file in each.iterdir())
    for each in results:
        shutil.rmtree(each)
    print(f"replaced results removed: {len(results)}; {size / 1e6:,.1f} MB are free again")
