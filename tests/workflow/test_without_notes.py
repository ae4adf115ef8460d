"""Where Snakemake's notes are lost, or are of other files, what changed runs again and no more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from study_run import SHARED, Checkout

pytestmark = pytest.mark.workflow

#: Files whose code is edited at once: of what is planned then, none follows from another's.
CODE = {
    "probes, a figure, sheets of samples": (
        "lib/innerloop/probes/cka.py",
        "my_probe.py",
        "lib/innerloop/papers/p1/figures/figure1_weight_norms.py",
        "lib/innerloop/data/samples.py",
    ),
    "images": ("lib/innerloop/data/sources/scripts.py",),
    "gathering": ("lib/innerloop/measurements/aggregate.py",),
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "the seed": {"seed": 77},
    "a step size, and a probe's tasks": {
        "protocols": {"p1": {"variants": {"unit_norm": {"step_size": 0.04}}}},
        "probes": {"other_settings": {"tasks": 3}},
    },
    "a title": {"title": "Another"},
}


@pytest.fixture(scope="module")
def bare(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the finished study without Snakemake's notes."""
    copy = finished.copy(tmp_path_factory.mktemp("copied") / "innerloop")
    shutil.rmtree(copy.folder / ".snakemake")
    return copy


def times(checkout: Checkout) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in checkout.folder.glob("results/**/*.*")}


@contextmanager
def coded(checkout: Checkout, file: str) -> Iterator[None]:
    """A file of a checkout with one more statement, for a while."""
    path = checkout.folder / file
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\nX = 1\n", encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def same_plan(finished: Checkout, bare: Checkout, *arguments: str) -> list[tuple[str, str]]:
    """What is planned with notes; without, it is the same."""
    planned = finished.planned(*SHARED, *arguments)
    assert bare.planned(*SHARED, *arguments) == planned
    return planned


def test_nothing_changed(bare: Checkout) -> None:
    before = times(bare)
    assert bare.planned(*SHARED) == []
    assert times(bare) == before


@pytest.mark.parametrize("files", CODE.values(), ids=CODE)
def test_code(finished: Checkout, bare: Checkout, files: tuple[str, ...]) -> None:
    with ExitStack() as edits:
        for checkout in (finished, bare):
            for file in files:
                edits.enter_context(coded(checkout, file))
        assert same_plan(finished, bare)


@pytest.mark.parametrize("study", PARAMETERS.values(), ids=PARAMETERS)
def test_parameters(finished: Checkout, bare: Checkout, study: dict[str, Any]) -> None:
    for checkout in (finished, bare):
        checkout.write_study("more.yaml", study)
    assert same_plan(finished, bare, "more.yaml")


def test_a_split_file_of_the_user_s(finished: Checkout, bare: Checkout) -> None:
    swapped = ("stripes.csv", "stripe00,train\nstripe01,val", "stripe00,val\nstripe01,train")
    with finished.edited(*swapped), bare.edited(*swapped):
        assert same_plan(finished, bare)


def test_what_is_not_asked_for_is_left_alone(finished: Checkout, bare: Checkout) -> None:
    for checkout in (finished, bare):
        checkout.write_study("more.yaml", {"seed": 77})
    planned = same_plan(finished, bare, "more.yaml", "--until", "draw_episodes")
    assert {rule for rule, _ in planned} == {"draw_episodes"}


def test_whoever_asks_for_times_alone_gets_them(bare: Checkout) -> None:
    bare.write_study("more.yaml", {"seed": 77})
    assert bare.planned(*SHARED, "more.yaml", "--rerun-triggers", "mtime") == []


def test_checkouts_of_different_code_that_share_resources(
    finished: Checkout, tmp_path: Path
) -> None:
    """Each builds the images that the other's code made anew, and no others."""
    one, other = finished.copy(tmp_path / "one"), finished.copy(tmp_path / "other")
    for folder in ("results", "resources", ".snakemake"):
        shutil.rmtree(other.folder / folder)
    (other.folder / "resources").symlink_to(one.folder / "resources")
    assert "build_images" not in other.planned_rules("data", *SHARED)

    source, built = CODE["images"][0], "resources/images/scripts/16/manifest.json"
    with coded(other, source):
        planned = [job for job in other.planned("data", *SHARED) if job[0] == "build_images"]
        assert planned == [("build_images", "dataset=scripts, store=16")]
        other.run(built, *SHARED)
        assert "build_images" not in other.planned_rules("data", *SHARED)

    planned = one.planned(*SHARED)
    with coded(finished, source):
        assert planned == finished.planned(*SHARED)
