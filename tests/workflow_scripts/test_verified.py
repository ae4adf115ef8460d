"""Each file that was edited, swapped or copied in part is refused, by its name, by who reads it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from test_measure import job, measured

import tiny
from innerloop.commands import main
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import read_split
from innerloop.measurements.aggregate import gather
from innerloop.measurements.evidence import Evidence
from innerloop.runtime.errors import DamagedFileError, DataError, ProvenanceError
from innerloop.runtime.files import read_json, write_json
from innerloop.runtime.provenance import read_provenance, read_table, require_unchanged, write_table

Edit = Callable[[pa.Table], pa.Table]
DESCRIBED = {"study": "tiny", "models": []}


def query_is_support(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("query")
    return table.set_column(place, "query", table.column("support"))


def all_right(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("accuracy")
    return table.set_column(place, "accuracy", pa.array([0.99] * len(table)))


def reordered(table: pa.Table) -> pa.Table:
    return table.take(pc.sort_indices(table, [("name", "descending")]))


def rewrite(path: Path, edit: Edit) -> None:
    """As a person does who keeps the metadata."""
    table = pq.read_table(path)
    edited = edit(table)
    pq.write_table(edited.replace_schema_metadata(table.schema.metadata), path)


def test_edited_episodes(images: ImageStore, study: Path) -> None:
    rewrite(study / "episodes.parquet", query_is_support)
    with pytest.raises(DamagedFileError, match=r"episodes\.parquet is not as its job wrote it"):
        measured(images, study, "accuracy")


def test_episodes_of_another_study_seed(images: ImageStore, study: Path) -> None:
    path = study / "episodes.parquet"
    record = read_provenance(path)
    record["spec"]["seed"] = 7
    write_table(read_table(path), path, record)
    with pytest.raises(
        ProvenanceError, match=r"episodes\.parquet does not belong .*seed: made with 7"
    ):
        measured(images, study, "accuracy")


def test_episodes_and_models_of_other_splits(images: ImageStore, study: Path) -> None:
    path = study / "seed0/splits.parquet"
    pq.write_table(reordered(pq.read_table(path)), path)
    with pytest.raises(
        ProvenanceError, match=r"episodes\.parquet was made from other data .*splits"
    ):
        measured(images, study, "accuracy")
    drawn = study / "episodes.parquet"
    write_table(read_table(drawn), drawn, {"spec": read_provenance(drawn)["spec"]})
    with pytest.raises(ProvenanceError, match=r"model\.json was made from other data .*splits"):
        measured(images, study, "cka")


def test_edited_splits(tmp_path: Path) -> None:
    path = tiny.write_splits(tmp_path / "splits.parquet")
    write_table(pq.read_table(path), path, {"spec": {}})
    rewrite(path, reordered)
    with pytest.raises(DamagedFileError, match=r"splits\.parquet is not as its job wrote it"):
        read_split(path, "train")


def test_edited_images(images: ImageStore, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(images.folder, tmp_path / "images"))
    pixels = np.load(folder / "images.npy", mmap_mode="r+")
    pixels[:, 0, 0, 0] ^= 1
    pixels.flush()
    with pytest.raises(DataError, match=r"images has changed since it was built"):
        ImageStore.open(folder)


def test_a_copied_store_is_read_once(images: ImageStore, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "images"
    shutil.copytree(images.folder, folder, copy_function=shutil.copyfile)
    ImageStore.open(folder)
    monkeypatch.setattr(ImageStore, "verify", lambda self: pytest.fail("read again"))
    ImageStore.open(folder)


def test_edited_measurements_and_aggregates(images: ImageStore, study: Path) -> None:
    path = measured(images, study, "accuracy")
    table, record = gather("accuracy", {str(path): job("accuracy")})
    write_table(table, study / "aggregate.parquet", record)
    for edited in (path, study / "aggregate.parquet"):
        rewrite(edited, all_right)
    with pytest.raises(DamagedFileError, match=r"accuracy\.parquet is not as its job wrote it"):
        gather("accuracy", {str(path): job("accuracy")})
    with pytest.raises(DamagedFileError, match=r"aggregate\.parquet is not as its job wrote it"):
        Evidence({"accuracy": study / "aggregate.parquet"}, DESCRIBED).rows("accuracy")


def test_measurements_on_other_images(images: ImageStore, study: Path) -> None:
    path = measured(images, study, "accuracy")
    record = read_provenance(path)
    record["data_digests"][tiny.DATASET] = "0" * 64
    write_table(read_table(path), study / "other.parquet", record)
    files = {str(path): job("accuracy"), str(study / "other.parquet"): job("accuracy")}
    with pytest.raises(
        ProvenanceError, match=r"other\.parquet was made from other data .*patterns"
    ):
        gather("accuracy", files)


@pytest.mark.parametrize("at", [0, 100, -200, -1])
def test_any_byte_counts(at: int, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write_table(pa.table({"x": [1.5] * 50}), path, {"spec": {}})
    require_unchanged(path)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"table\.parquet is not as its job wrote it"):
        require_unchanged(path)


def test_files_of_version_0_1_have_no_digest(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "old.parquet")
    assert read_table(tmp_path / "old.parquet").to_pydict() == {"x": [1]}


def laid_out(images: ImageStore, study: Path, folder: Path) -> Path:
    """A study's folder, with the images that it was made from."""
    results = folder / "results/tiny"
    shutil.copytree(study / "seed0/model", results / "models/p1/patterns/maml/3w1s/seed0")
    (results / "measurements/accuracy").mkdir(parents=True)
    shutil.copy(measured(images, study, "accuracy"), results / "measurements/accuracy/x.parquet")
    shutil.copytree(images.folder, folder / "resources/images/patterns/16")
    return results


def test_verify_reads_everything(
    images: ImageStore,
    study: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = laid_out(images, study, tmp_path)
    main(["verify", str(results)])
    assert "7 files are as they were recorded" in capsys.readouterr().out
    store = tmp_path / "resources/images/patterns/16"
    noted = read_json(store / ".verified.json")
    pixels = np.load(store / "images.npy", mmap_mode="r+")
    pixels[0] ^= 1
    pixels.flush()
    stat = (store / "images.npy").stat()
    noted["images.npy"] = [stat.st_size, stat.st_mtime_ns]
    write_json(store / ".verified.json", noted)  # a bad disk changes no time
    rewrite(results / "measurements/accuracy/x.parquet", all_right)
    shutil.copy(study / "seed1/model/model.pt", results / "models/p1/patterns/maml/3w1s/seed0")
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(results)])
    *wrong, last = str(ended.value.code).splitlines()
    assert last == "3 of 7 files are not as recorded"
    names = {Path(line.partition(": ")[0]).name for line in wrong}
    assert names == {"x.parquet", "model.pt", "images.npy"}
    with pytest.raises(SystemExit, match="holds no results of a study"):
        main(["verify", str(tmp_path / "nowhere")])


@pytest.mark.parametrize("other", [[], 5, {}, {"spec": 5}, {"files": []}, {"data_digests": 5}])
def test_verify_reads_records_of_any_form(
    other: object, images: ImageStore, study: Path, tmp_path: Path
) -> None:
    results = laid_out(images, study, tmp_path)
    records = [
        results / "models/p1/patterns/maml/3w1s/seed0/model.json",
        tmp_path / "resources/images/patterns/16/manifest.json",
        tmp_path / "resources/raw/flowers/fetched.json",
    ]
    for record in records:
        record.parent.mkdir(parents=True, exist_ok=True)
        write_json(record, other)
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(results)])
    assert str(ended.value.code).endswith("files are not as recorded")
    assert "model.pt" in str(ended.value.code)


def test_verify_knows_where_each_file_belongs(
    images: ImageStore, study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, of_model = tmp_path / "results/tiny", "p1/patterns/maml/3w1s"
    for seed in (0, 1):
        shutil.copytree(study / f"seed{seed}/model", results / f"models/{of_model}/seed{seed}")
    there = results / f"measurements/accuracy/{of_model}/seed0.parquet"
    there.parent.mkdir(parents=True)
    shutil.copy(measured(images, study, "accuracy"), there)
    elsewhere = results / f"measurements/accuracy/{of_model.replace('maml', 'anil')}/seed0.parquet"
    (results / "episodes/patterns").mkdir(parents=True)
    shutil.copy(study / "episodes.parquet", results / "episodes/patterns/3w1s.parquet")
    main(["verify", str(results)])
    assert "are as they were recorded" in capsys.readouterr().out
    models = [results / f"models/{of_model}/seed{seed}" for seed in (0, 1)]
    models[0].rename(tmp_path / "swapped")
    models[1].rename(models[0])
    (tmp_path / "swapped").rename(models[1])
    (results / "measurements/cka").mkdir()
    shutil.move(there.parents[3], results / "measurements/cka")
    elsewhere.parent.mkdir(parents=True)
    shutil.copy(results / f"measurements/cka/{of_model}/seed0.parquet", elsewhere)
    (results / "episodes/patterns/3w1s.parquet").rename(results / "episodes/patterns/3w5s.parquet")
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(results)])
    said = str(ended.value.code)
    for wrong in (
        "3w5s.parquet: was made for the setting 3w1s, but is in the place of 3w5s",
        "seed0.parquet: was made for the variant maml, but is in the place of anil",
        "seed0.parquet: was made for the probe accuracy, but is in the place of cka",
        "seed0/training.parquet: was made for the seed 1, but is in the place of 0",
        "was made for the seed 0, but is in the place of 1",
    ):
        assert wrong in said


def test_verify_goes_on_where_a_record_is_damaged(
    images: ImageStore, study: Path, tmp_path: Path
) -> None:
    results = laid_out(images, study, tmp_path)
    table = results / "measurements/accuracy/x.parquet"
    content = bytearray(table.read_bytes())
    content[-60] ^= 0xFF  # of the metadata, by which images are looked up
    table.write_bytes(content)
    model = results / "models/p1/patterns/maml/3w1s/seed0/model.json"
    for record in (model, tmp_path / "resources/images/patterns/16/manifest.json"):
        record.write_text("{", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(results)])
    *wrong, last = str(ended.value.code).splitlines()
    assert last == "3 of 7 files are not as recorded"
    names = {Path(line.partition(": ")[0]).name for line in wrong}
    assert names == {"x.parquet", "model.pt", "images.npy"}
