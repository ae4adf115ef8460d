"""Figures, tables and the report, made by the programs of the workflow."""

from __future__ import annotations

import json
import struct
import zlib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import shipped
from shipped import TABLES
from synthetic import STUDIES

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"
FIGURES = ("p1_figure2_cka", "p1_figure2_cka_fuller", "p2_figure7_prototypes", "p1_figure7_toy")
PRINTED = (*(name for name in TABLES if name != "probe"), "sharpness")


def run(script, *arguments):
    spec = spec_from_file_location(script, SCRIPTS / f"{script}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main([str(argument) for argument in arguments])


def make(script, name, tables, folder):
    (folder / "study.json").write_text(json.dumps(STUDIES["full"][0]), encoding="utf-8")
    tables = [f"{table}={path}" for table, path in tables.items()]
    product = {**TABLES, **shipped.FIGURES}.get(name)
    paper, own = (product.paper, product.name) if product else ("own", name)
    spec = json.dumps({"paper": paper, "name": own})
    study = folder / "study.json"
    run(script, "--spec", spec, "--study", study, "--tables", *tables, "--out", folder / name)


def png(width=24, height=12):
    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * (height * (width + 1)))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def write_report(tables, folder):
    """A report with some figures, all tables, an image sheet, a model and a benchmark."""
    for name in FIGURES:
        make("draw_figure", name, tables, folder)
    for name in PRINTED:
        make("write_table", name, tables, folder)
    licence = {"name": "CC BY-SA 4.0 <script>", "attribution": "Drawn by somebody"}
    licence |= {"url": "javascript:alert(1)", "redistributable": True}
    stores = [folder / "symbols" / name for name in ("small-28", "large-84")]
    for images in stores:
        images.mkdir(parents=True)
        (images / "samples.png").write_bytes(png())
        variant, size = images.name.split("-")
        manifest = {
            **{"dataset": "symbols", "variant": variant, "size": int(size), "window": 0.875},
            **{"count": 8224, "digest": f"d16e57{size}", "licence": licence},
            "files": {
                "symbols.tar": {"origin": "https://example.org", "sha256": "f11e"},
                "Symbols/": {"origin": "own folder"},
            },
            "splits": "Somebody: 64/16/20",
        }
        (images / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    models = folder / "models"
    models.mkdir()
    spec = {**STUDIES["full"][0]["models"][0], "code": "c0de"}
    model = {"spec": spec, "data_digests": {"symbols": "da7a"}, "versions": {"torch": "2.13"}}
    (models / "model.json").write_text(json.dumps(model), encoding="utf-8")
    ran = {"device": "abacus", "wall_seconds": 90, "commit": "daf35e0c1f2a77", "clean": False}
    ran |= {"date": "2026-11-28 13:40:38+00:00", "host": "babbage", "processor": "Mill 2"}
    (models / "run.json").write_text(json.dumps(ran), encoding="utf-8")
    (folder / "empty.json").write_text("{}", encoding="utf-8")
    described = STUDIES["full"][0]
    counted = {**described["datasets"]["symbols"], "classes": {"test": 20}}
    described = {**described, "datasets": {**described["datasets"], "symbols": counted}}
    (folder / "study.json").write_text(json.dumps(described), encoding="utf-8")
    benchmark = folder / "benchmarks/measurements/cka/p1/a.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\th:m:s\tmax_rss\n75.2\t0:01:15\t812.3\n", encoding="utf-8")
    run(
        "write_report",
        *("--study", folder / "study.json"),
        *("--config", json.dumps({"study": "synthetic", "title": "Synthetic measurements"})),
        *("--benchmarks", folder / "benchmarks"),
        *("--figures", *(folder / f"{name}.json" for name in FIGURES)),
        *("--tables", *(folder / f"{name}.json" for name in PRINTED)),
        *("--samples", *(images / "samples.png" for images in stores)),
        *("--images", *(images / "manifest.json" for images in stores)),
        *("--models", models / "model.json", folder / "empty.json"),
        *("--out", folder / "report.html"),
    )
    return folder / "report.html"
