"""Write a study file of your own: short, commented, and ready to run.

    innerloop new mine                  two methods on one data set
    innerloop new mine --from sweep     a grid of step sizes, and the best point of each method
    innerloop new mine --from demo      both papers in miniature

Every key is described in docs/study-files.md.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import yaml

from innerloop.commands import parser_of
from innerloop.runtime.code_digest import LIBRARY
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import atomic_path

#: Name -> the study file that is copied.
TEMPLATES = {"minimal": "minimal.yaml", "sweep": "sweep.yaml", "demo": "config.yaml"}
CHECKOUT = LIBRARY.parents[1]
SCHEMA = LIBRARY / "study/schema.json"


def main(argv: list[str]) -> None:
    """Write NAME.yaml, and say how it is run."""
    parser = parser_of("new", __doc__)
    parser.add_argument("name", help="name of the study, of its file and of its folder in results/")
    parser.add_argument("--from", dest="template", choices=TEMPLATES, default="minimal")
    arguments = parser.parse_args(argv)
    if not re.fullmatch("[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}", arguments.name):
        raise ConfigError(
            f"'{arguments.name:.120}' is not a valid name of a study: use up to 100 letters, "
            "digits, _ and -, and begin with a letter or digit"
        )
    file = Path(f"{arguments.name}.yaml")
    if file.exists():
        raise ConfigError(f"{file} already exists; choose another name")
    text = study_file(arguments.name, arguments.template, Path.cwd())
    with atomic_path(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    workflow = "" if Path.cwd() == CHECKOUT else f" -s {shlex.quote(str(CHECKOUT / 'Snakefile'))}"
    print(
        f"wrote {file}; now\n"
        f"    innerloop plan --configfile {file}     # jobs and hours\n"
        f"    snakemake{workflow} --configfile {file}          "
        f"# -> results/{arguments.name}/report.html\n"
        f"    innerloop results {arguments.name}"
    )


def study_file(name: str, template: str, folder: Path) -> str:
    """The text of a study file of that name, to be written to `folder`.

    Raises:
        ConfigError: the library is installed without the workflow, whose files these are.
    """
    file = CHECKOUT / "config" / TEMPLATES[template]
    if not file.is_file():
        raise ConfigError(
            f"there is no {file}: study files are for the workflow, so install Innerloop from a "
            "checkout of it"
        )
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"(?<=\$schema=).*", os.path.relpath(SCHEMA, folder), text, count=1)
    written = name if yaml.safe_load(name) == name else f'"{name}"'  # 2024 is a number, on is true
    return re.sub(r"^study: .*$", f"study: {written}", text, count=1, flags=re.MULTILINE)
