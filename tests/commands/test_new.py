"""`innerloop new`: a study file that runs as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from innerloop.commands import main, new, plan
from innerloop.commands.new import TEMPLATES
from innerloop.runtime.errors import ConfigError
from innerloop.study.study import Study


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_template_is_a_study_that_is_planned(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["new", "my-own_1", "--from", template])
    workflow = Path(__file__).parents[2] / "Snakefile"
    assert f"snakemake -s {workflow} --configfile my-own_1.yaml" in capsys.readouterr().out
    text = Path("my-own_1.yaml").read_text(encoding="utf-8")
    assert Study(yaml.safe_load(text)).name == "my-own_1"
    schema = text.splitlines()[0].partition("$schema=")[2]
    assert (tmp_path / schema).is_file()
    plan.main(["--configfile", "my-own_1.yaml"])
    said = capsys.readouterr().out
    assert said.startswith("my-own_1: ")
    assert ("sweep of maml_tuned (mine): 3 step_size x 2 train_steps" in said) == (
        template == "sweep"
    )


@pytest.mark.parametrize("name", ["2024", "007", "1e5", "true", "on", "null", "2024-11-29", "a"])
def test_a_study_is_called_what_it_was_to_be_called(name: str, tmp_path: Path) -> None:
    assert yaml.safe_load(new.study_file(name, "minimal", tmp_path))["study"] == name


def test_in_the_checkout_the_workflow_needs_no_naming(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(new, "CHECKOUT", tmp_path)
    shutil.copytree(Path(__file__).parents[2] / "config", "config")
    new.main(["mine"])
    assert "    snakemake --configfile mine.yaml" in capsys.readouterr().out


def test_short_ones_are_short_and_say_four_keys_at_least() -> None:
    for template in ("minimal", "sweep"):
        file = Path(__file__).parents[2] / "config" / TEMPLATES[template]
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 45


def test_nothing_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"mine\.yaml already exists"):
        main(["new", "mine"])
    assert Path("mine.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["../mine", "my study", "", "-x/y", "x" * 101])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ConfigError, SystemExit)):
        new.main([name])
    assert not [*tmp_path.iterdir()]
