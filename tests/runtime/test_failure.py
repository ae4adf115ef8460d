"""What a failed program writes, and what is read from its log."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from innerloop.learners.gradient_based.update_rules.rule import UpdateRule
from innerloop.runtime.command_line import program
from innerloop.runtime.errors import ExtensionError
from innerloop.runtime.extensions import load_entry
from innerloop.runtime.failure import explained, reason


def rule_of(folder: Path, *body: str) -> UpdateRule:
    """A user's rule in a file of its own."""
    lines = ["import math", "import torch", "def rule(weight, gradient, step_size):", *body]
    file = folder / f"rule_{len(list(folder.iterdir()))}.py"
    file.write_text("\n".join(lines) + "\n")
    return UpdateRule(load_entry(f"{file}:rule"), ("conv_weight",))


def move(rule: UpdateRule) -> None:
    """One step of three tasks, with the gradient of what comes out."""
    weight = torch.ones(3, 2, 2, requires_grad=True)
    moved = rule("conv_weight", weight * 1, torch.ones(3, 2, 2), torch.tensor(0.1))
    torch.autograd.grad(moved.sum(), weight)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("return weight if weight.norm() > 100 else gradient", "torch.where"),
        ("return weight * min(weight.norm(), 3.0)", "torch.clamp"),
        ("assert weight.norm() > 0", "assert"),
        ("return weight * gradient.norm().item()", "compute with tensors"),
        ("return weight * math.sqrt(gradient.norm())", "x.sqrt()"),
        ("return weight * sum(gradient.detach().flatten().tolist())", "compute with tensors"),
        ("return weight + torch.randn_like(weight)", "random numbers"),
        ("return weight + torch.randn(2, 2)", "random numbers"),
        ("return weight[weight > 0].sum()", "torch.where(mask, x, 0)"),
        ("m = torch.zeros(2, 2); m += weight; return m", "torch.zeros_like(weight)"),
        ("m = torch.zeros(2, 2); m[0] = weight[0]; return m", "torch.zeros_like(weight)"),
    ],
)
def test_what_vmap_refuses_is_said_as_what_to_change(tmp_path, line, advice):
    with pytest.raises(RuntimeError) as raised:
        move(rule_of(tmp_path, f"    {line}"))
    said = explained(raised.value, __file__)
    assert said.place == f"{tmp_path}/rule_0.py, line 4, in rule:\n    {line}"
    assert str(said).startswith(f"FAILED {said.place}\n{said.message}\n\nTraceback")
    assert advice in said.message
    assert "github" not in said.reason


def test_a_change_in_place_that_only_the_outer_gradient_meets(tmp_path):
    rule = rule_of(tmp_path, "    m = weight.exp(); m += gradient; return weight * m")
    with pytest.raises(RuntimeError) as raised:
        move(rule)
    said = explained(raised.value, str(Path(__file__)))
    assert "in place" in said.message


@pytest.mark.parametrize(
    ("line", "returned"),
    [
        ("weight = weight - gradient", "None: is a `return` missing?"),
        ("return 1.5", "1.5"),
        ("return weight, gradient", r"\("),
        ("return weight.sum()", r"a tensor \[\] of torch.float32"),
        ("return weight[:1]", r"a tensor \[1, 2\] of torch.float32"),
        ("return weight.double()", r"a tensor \[2, 2\] of torch.float64"),
    ],
)
def test_a_rule_must_return_the_moved_weight(tmp_path, line, returned):
    rule = rule_of(tmp_path, f"    {line}")
    with pytest.raises(ExtensionError, match=rf"rule_0.py, line 3: rule returned {returned}"):
        move(rule)


def run(tmp_path: Path, users: str, body: str = "load_entry('mine.py:value')") -> str:
    """What a program that uses a user's file writes; it fails."""
    (tmp_path / "mine.py").write_text(users)
    (tmp_path / "job.py").write_text(
        "from innerloop.runtime.command_line import program\n"
        "from innerloop.runtime.errors import DataError\n"
        "from innerloop.runtime.extensions import load_entry\n"
        f"@program\ndef main(argv=None):\n    {body}\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "job.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    (tmp_path / "log").write_text(done.stderr)
    first, said = done.stderr.split("\n", 1)
    assert re.fullmatch(r"\d\d:\d\d:\d\d  job begins on .+, \d{4}-\d\d-\d\d", first)
    return said


def test_an_ending_of_the_users_own_is_no_success(tmp_path):
    run(tmp_path, "import sys\nsys.exit(0)\nvalue = 1\n")
    assert reason(tmp_path / "log").splitlines()[:2] == [
        "mine.py, line 2, in <module>:",
        "    sys.exit(0)",
    ]


def test_the_users_line_comes_first_and_the_stack_last(tmp_path):
    users = "def helper(x):\n    return x['none']\n\ndef value():\n    return helper({})\n"
    said = run(tmp_path, users, "load_entry('mine.py:value')()")
    assert said.startswith("FAILED mine.py, line 2, in helper:\n    return x['none']\nKeyError")
    assert said.rstrip().endswith("KeyError: 'none'")
    assert reason(tmp_path / "log") == (
        "mine.py, line 2, in helper:\n    return x['none']\nKeyError: 'none'"
    )


def test_an_import_that_fails_names_the_line(tmp_path):
    assert "mine.py, line 1, in <module>" in run(tmp_path, "import no_such_module\nvalue = 1\n")


def test_a_mistake_that_shows_later_names_what_was_in_use(tmp_path):
    run(tmp_path, "def value():\n    return None\n", "[*load_entry('mine.py:value')()]")
    assert reason(tmp_path / "log").startswith("in Innerloop, using mine.py:value:\nTypeError")


def test_an_error_for_people_is_its_message_alone(tmp_path):
    assert run(tmp_path, "", "raise DataError('no images\\nat all')") == (
        "DataError: no images\nat all\n"
    )
    assert reason(tmp_path / "log") == "DataError: no images\nat all"


def test_a_program_called_from_python_raises_as_it_is():
    @program
    def main(argv: list[str] | None = None) -> None:
        raise KeyError(argv)

    with pytest.raises(KeyError):
        main([])


def test_a_log_without_a_reason_shows_its_last_lines(tmp_path):
    log = tmp_path / "log"
    assert reason(log) == "its log was not written"
    log.write_text("")
    assert reason(log) == "its log is empty"
    log.write_text("".join(f"{line}\n" for line in range(100)) + "Killed\n")
    assert reason(log).splitlines() == ["95", "96", "97", "98", "99", "Killed"]


def test_the_log_of_a_program_that_ended_well_gives_no_reason(tmp_path):
    log, begun = tmp_path / "log", "10:00:00  train begins on a node, 2026-01-01\n10:00:01  4/4\n"
    log.write_text(begun)
    assert reason(log).endswith("10:00:01  4/4")
    log.write_text(f"{begun}10:00:02  train has ended after 2 s\n")
    assert reason(log).startswith("Its log shows no failure")


FIRST = "10:00:00  train begins on a node, 2026-01-01\nFAILED a.py, line 1, in f:\nfirst\n\nstack\n"


@pytest.mark.parametrize(
    ("last", "why"),
    [
        ("DivergenceError: the loss is nan", "DivergenceError: the loss is nan"),
        ("10:00:02  continuing\nKilled", "10:00:02  continuing\nKilled"),
    ],
)
def test_an_earlier_attempts_reason_is_not_the_last_ones(tmp_path, last, why):
    second = "10:00:01  train begins on a node, 2026-01-01\n"
    (tmp_path / "log").write_text(f"{FIRST}{second}{last}\n")
    assert reason(tmp_path / "log").endswith(why)
    assert "first" not in reason(tmp_path / "log")


def test_an_error_that_is_not_pytorchs_speaks_for_itself(tmp_path):
    users = "def value():\n    open('captures/1.png')\n"
    said = run(tmp_path, users, "load_entry('mine.py:value')()")
    assert "No such file or directory: 'captures/1.png'" in said.partition("\n\n")[0]


def test_the_last_attempts_reason_is_read_where_a_log_goes_on(tmp_path):
    (tmp_path / "log").write_text("FAILED a.py, line 1, in f:\nfirst\n\nstack\nFAILED b.py\nlast")
    assert reason(tmp_path / "log") == "b.py\nlast"
