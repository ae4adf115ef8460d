"""`innerloop schema [TABLE]`: columns of measurement tables; with `study`, keys of study files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pyarrow as pa

from innerloop.measurements.schemas import SCHEMAS, schema_of
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.suggestions import instead_of
from innerloop.study.json_schema import study_schema


def main(argv: list[str]) -> None:
    """Print the columns of one table, or of all; or the JSON Schema of study files."""
    parser = argparse.ArgumentParser(prog="innerloop schema", description=__doc__)
    parser.add_argument(
        "table",
        nargs="?",
        help=f"{', '.join(SCHEMAS)}; a probe of your own that results/ here has measurements of; "
        "or study, for the JSON Schema of study files",
    )
    table = parser.parse_args(argv).table
    if table == "study":
        print(json.dumps(study_schema(), indent=2, ensure_ascii=False))
        return
    own = {path.name for path in Path().glob("results/*/measurements/*") if path.is_dir()}
    if table and table not in SCHEMAS and table not in own:
        raise ConfigError(
            f"there is no table '{table}' in Innerloop or in results/ here"
            f"{instead_of(table, [*SCHEMAS, *sorted(own - {*SCHEMAS})])}. `innerloop schema` shows "
            "all, and last the columns of any probe of your own"
        )
    for name in [table] if table else [*SCHEMAS, ""]:
        print(f"{_heading(name)}\n{described(schema_of(name))}\n")


def _heading(name: str) -> str:
    """A table's name, with a remark if it is not built in."""
    return name if name in SCHEMAS else f"{name} (a probe of your own)".lstrip()


def described(schema: pa.Schema) -> str:
    """One line per column: name, type, unit, meaning, and what is allowed."""
    width = max(len(field.name) for field in schema)
    return "\n".join(f"  {field.name:{width}}  {_about(field)}" for field in schema)


def _about(field: pa.Field) -> str:
    about = {key.decode(): value.decode() for key, value in field.metadata.items()}
    kind = {"string": "text", "int64": "integer", "double": "real"}[str(field.type)]
    unit = f" ({about['unit']})" if about["unit"] not in ("", "1") else ""
    limits = [f"one of {about['allowed']}"] if "allowed" in about else []
    if "range" in about:
        low, high = about["range"].split(" to ")
        limits.append(f"at least {low}" if high == "inf" else f"{low} to {high}")
    return "; ".join([f"{kind:8}{about['doc']}{unit}", *limits])
