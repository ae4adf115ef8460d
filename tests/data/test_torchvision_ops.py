"""torchvision imports beside any torch; each case in a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

IMPORT = "from innerloop.data.torchvision_ops import import_torchvision\n"


def python(program, *path):
    """Run a program, with folders put before the installed packages."""
    places = [*map(str, path), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def fake_torchvision(folder, body):
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(body, encoding="utf-8")
    return folder


def test_transforms_work_whatever_torchvision_was_compiled_for():
    done = python(
        IMPORT
        + "from PIL import Image\n"
        + "transforms = import_torchvision('torchvision.transforms.v2')\n"
        + "picture = transforms.functional.resize(Image.new('RGB', (8, 8)), [4, 4])\n"
        + "folder = import_torchvision('torchvision.datasets.folder')\n"
        + "assert picture.size == (4, 4) and folder.IMG_EXTENSIONS\n"
        + "assert import_torchvision().__name__ == 'torchvision'\n"
    )
    assert done.returncode == 0, done.stderr


def test_missing_operators_are_declared_and_stay(tmp_path):
    """A torchvision whose import describes operators that were not loaded."""
    folder = fake_torchvision(
        tmp_path,
        "import torch\n"
        "for name in ('nms', 'qnms'):\n"
        "    torch.library.register_fake(f'torchvision::{name}')(lambda *arguments: None)\n",
    )
    done = python(
        IMPORT
        + "import gc, torch\n"
        + "import_torchvision(); gc.collect()\n"
        + "assert torch.ops.torchvision.nms and torch.ops.torchvision.qnms\n",
        folder,
    )
    assert done.returncode == 0, done.stderr


def test_nothing_is_declared_where_torchvision_imports(tmp_path):
    folder = fake_torchvision(tmp_path, "mark = 'as it is'\n")
    done = python(
        IMPORT
        + "import torch\n"
        + "assert import_torchvision().mark == 'as it is'\n"
        + "assert not hasattr(torch.ops.torchvision, 'nms')\n",
        folder,
    )
    assert done.returncode == 0, done.stderr


def test_other_errors_are_passed_on_at_once(tmp_path):
    folder = fake_torchvision(tmp_path, "print('tried')\nraise RuntimeError('CUDA differs')\n")
    done = python(IMPORT + "import_torchvision()\n", folder)
    assert done.stdout.split() == ["tried"]
    assert "RuntimeError: CUDA differs" in done.stderr
