"""`innerloop clean`: what was replaced is removed, nothing else, and the space is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from innerloop.commands import main


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two studies, of which each has replaced a model."""
    for study in ("a", "b"):
        for folder in ("replaced/0123456789abcdef", "models/maml"):
            file = tmp_path / "results" / study / folder / "model.pt"
            file.parent.mkdir(parents=True)
            file.write_bytes(bytes(1_200_000))
    (tmp_path / "results/README.md").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("studies", "left", "said"),
    [
        (["results/a"], ["b"], "replaced results removed: 1; 1.2 MB are free again\n"),
        (["a"], ["b"], "replaced results removed: 1; 1.2 MB are free again\n"),
        ([], [], "replaced results removed: 2; 2.4 MB are free again\n"),
    ],
)
def test_what_was_replaced_is_removed(
    results: Path, studies: list[str], left: list[str], said: str, capsys
) -> None:
    main(["clean", *studies])
    assert capsys.readouterr().out == said
    assert sorted(path.parts[-4] for path in results.glob("*/replaced/*/*")) == left
    assert len([*results.glob("*/models/maml/model.pt")]) == 2


def test_what_is_none_of_ours_stays(results: Path, capsys) -> None:
    photos = results / "a/replaced/photos/1.png"
    photos.parent.mkdir()
    photos.touch()
    (results / "a/replaced" / ("0" * 16)).touch()
    main(["clean", "results/a"])
    assert "removed: 1;" in capsys.readouterr().out
    assert photos.exists()


def test_a_study_that_is_not_there(results: Path) -> None:
    with pytest.raises(SystemExit, match=r"there is no folder results/c"):
        main(["clean", "results/c"])
