"""Miniatures of the papers' files: the exact layout of the real archives, with few, small images.

All classes are there, under their real names. `registry_of` writes a registry file that describes
them, as a user with files of their own would.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from innerloop.data.acquire.registry import read_registry
from innerloop.data.split_list import read_rows
from innerloop.runtime.code_digest import LIBRARY
from python2_pickle import python2_pickle

LISTS = LIBRARY / "data/split_lists"
SPLITS = ("train", "val", "test")


def rows(name: str) -> list[dict[str, str]]:
    return list(read_rows(LISTS / name))


def pictures(number: int, count: int, side: int) -> np.ndarray:
    """Noisy pictures of one class: its own pattern, uint8, [count, side, side, 3]."""
    random = np.random.default_rng(number)
    pattern = random.integers(40, 216, (4, 4, 3)).repeat(-(-side // 4), 0).repeat(-(-side // 4), 1)
    noise = random.integers(-40, 40, (count, side, side, 3))
    return (pattern[:side, :side] + noise).astype(np.uint8)


def tar_gz(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), compresslevel=1)


def jpeg(pixels: np.ndarray, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


# ---- miniImageNet --------------------------------------------------------------------------------


def mini_imagenet_content(split: str, each: int) -> dict[str, Any]:
    """What one cache file holds: pixels, and the rows of every class."""
    names = [row["wnid"] for row in rows("mini_imagenet_classes.csv") if row["split"] == split]
    first = 100 * SPLITS.index(split)
    images = [pictures(first + number, each, 84) for number in range(len(names))]
    held = {name: list(range(k * each, (k + 1) * each)) for k, name in enumerate(names)}
    return {"image_data": np.concatenate(images), "class_dict": held}


def mini_imagenet_pickles(each: int) -> dict[str, bytes]:
    """As on Zenodo: protocol 2 of Python 3."""
    called = dict(zip(SPLITS, ("train", "validation", "test"), strict=True))
    return {
        f"mini-imagenet-cache-{called[split]}.pkl": pickle.dumps(
            mini_imagenet_content(split, each), protocol=2
        )
        for split in SPLITS
    }


def mini_imagenet_tar(each: int) -> dict[str, bytes]:
    """As Ren et al. packed it: Python 2's pickles, of which one is called `val`."""
    members = {
        f"mini-imagenet-cache-{split}.pkl": python2_pickle(mini_imagenet_content(split, each))
        for split in SPLITS
    }
    return {"mini-imagenet.tar.gz": tar_gz(members)}


# ---- CUB -----------------------------------------------------------------------------------------


def cub_members(each: int) -> dict[str, bytes]:
    """The archive's members: some grey and CMYK images, and a file that a Mac left."""
    root, images = "CUB_200_2011", []
    members = {"attributes.txt": b"1 has_bill_shape::curved_(up_or_down)\n"}
    classes = rows("cub_classes.csv")
    for number, row in enumerate(classes):
        name = row["class_name"]
        for index, pixels in enumerate(pictures(1000 + number, each, 48)):
            mode = {0: "RGB", 1: "L", 2: "CMYK"}.get(number if index == 0 else 0, "RGB")
            file = f"{name}/{name.partition('.')[2]}_{index + 1:04d}_{number * each + index}.jpg"
            members[f"{root}/images/{file}"] = jpeg(pixels[:36], mode)
            images.append(file)
    members[f"{root}/images/{classes[0]['class_name']}/._hidden.jpg"] = b"Mac OS X"
    lines = {
        "images.txt": [f"{k} {file}" for k, file in enumerate(images, start=1)],
        "classes.txt": [f"{int(row['class_id'])} {row['class_name']}" for row in classes],
        "image_class_labels.txt": [f"{k + 1} {k // each + 1}" for k in range(len(images))],
        "train_test_split.txt": [f"{k + 1} {k % 2}" for k in range(len(images))],
        "bounding_boxes.txt": [f"{k + 1} 1.0 1.0 20.0 20.0" for k in range(len(images))],
        "parts/parts.txt": ["1 back"],
        "attributes/certainties.txt": ["1 not visible"],
        "README": ["Caltech-UCSD Birds-200-2011"],
    }
    return members | {f"{root}/{name}": "\n".join(text).encode() for name, text in lines.items()}


def cub(each: int) -> dict[str, bytes]:
    return {"CUB_200_2011.tgz": tar_gz(cub_members(each))}


# ---- CIFAR ---------------------------------------------------------------------------------------


def planes(images: np.ndarray) -> np.ndarray:
    """Rows of red, green and blue planes, as CIFAR has them."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2).reshape(len(images), -1))


def cifar100_members(each: int) -> dict[str, bytes]:
    classes = sorted(rows("fc100_classes.csv"), key=lambda row: row["fine_label_name"])
    coarse = sorted({row["coarse_label_name"] for row in classes})
    tests = each // 4

    def part(name: str, counts: slice) -> bytes:
        images = [pictures(2000 + number, each, 32)[counts] for number in range(100)]
        labels = np.repeat(np.arange(100), len(images[0]))
        order = np.random.default_rng(7).permutation(len(labels))
        groups = [coarse.index(classes[k]["coarse_label_name"]) for k in labels[order]]
        return python2_pickle(
            {
                "filenames": [f"{number}_s_{k}.png" for k, number in enumerate(labels[order])],
                "batch_label": f"{name} batch 1 of 1",
                "fine_labels": labels[order].tolist(),
                "coarse_labels": groups,
                "data": planes(np.concatenate(images)[order]),
            }
        )

    names = {
        "fine_label_names": [row["fine_label_name"] for row in classes],
        "coarse_label_names": coarse,
    }
    return {
        "cifar-100-python/file.txt~": b"",
        "cifar-100-python/train": part("training", slice(tests, None)),
        "cifar-100-python/test": part("testing", slice(None, tests)),
        "cifar-100-python/meta": python2_pickle(names),
    }


def cifar100(each: int) -> dict[str, bytes]:
    return {"cifar-100-python.tar.gz": tar_gz(cifar100_members(each))}


def cifar10_members(each: int) -> dict[str, bytes]:
    """`each` images of each class in every batch."""
    members = {}
    names = ["airplane", "automobile", "bird", "cat", "deer"]
    names += ["dog", "frog", "horse", "ship", "truck"]
    for number, file in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        images = [pictures(3000 + k, 6 * each, 32)[number * each :][:each] for k in range(10)]
        labels = np.repeat(np.arange(10), each)
        order = np.random.default_rng(number).permutation(len(labels))
        content = {
            "batch_label": file,
            "labels": labels[order].tolist(),
            "data": planes(np.concatenate(images)[order]),
            "filenames": [f"{names[k]}_s_{i}.png" for i, k in enumerate(labels[order])],
        }
        members[f"cifar-10-batches-py/{file}"] = python2_pickle(content)
    meta = {"num_cases_per_batch": 10 * each, "label_names": names, "num_vis": 3072}
    return {
        "cifar-10-batches-py/batches.meta": python2_pickle(meta),
        "cifar-10-batches-py/readme.html": b"<html>CIFAR-10</html>",
        **members,
    }


def cifar10(each: int) -> dict[str, bytes]:
    return {"cifar-10-python.tar.gz": tar_gz(cifar10_members(each))}


# ---- the registry --------------------------------------------------------------------------------

#: The files of every collection that the paper study downloads.
COLLECTIONS = {
    "mini_imagenet_pickles": mini_imagenet_pickles,
    "cub_200_2011": cub,
    "cifar_100_python": cifar100,
    "cifar_10_python": cifar10,
}


def images_of(dataset: str, each: int) -> dict[str, int]:
    """How many images each split of a miniature has."""
    if dataset == "cifar10":
        return {"train": 50 * each, "test": 10 * each}
    list_name = {"fc100": "fc100_classes.csv", "cifar_fs": "cifar_fs_classes.csv"}
    chosen = [row["split"] for row in rows(list_name.get(dataset, f"{dataset}_classes.csv"))]
    return {split: each * chosen.count(split) for split in SPLITS}


def registry_of(files: Mapping[str, Mapping[str, bytes]], each: int, address: str) -> str:
    """A registry of miniatures that are served as `<address>/<collection>/<file>`."""
    built_in = read_registry()
    lines: list[str] = []
    for name, held in files.items():
        known = built_in.collections[name]
        licence = {
            "name": known.licence.name,
            "url": known.licence.url,
            "non_commercial": known.licence.non_commercial,
        }
        about = {"title": known.title, "citation": known.licence.attribution}
        lines += [f"[collections.{name}]", *_pairs(about), f"licence = {_inline(licence)}"]
        lines += _pairs({"folder": known.folder}) if known.folder else []
        for file, content in held.items():
            entry = {
                "name": file,
                "bytes": len(content),
                "md5": hashlib.md5(content).hexdigest(),
                "urls": [f"{address}/{name}/{file}"],
            }
            lines += [f"[[collections.{name}.files]]", *_pairs(entry)]
    for dataset, variants in built_in.variants.items():
        if not {variant.collection for variant in variants.values()} & files.keys():
            continue
        lines += [f"[datasets.{dataset}]", *_pairs({"default": built_in.defaults[dataset]})]
        for variant in variants.values():
            entry = {"collection": variant.collection, "source": variant.source}
            lines += [f"[datasets.{dataset}.variants.{variant.name}]", *_pairs(entry)]
            lines += [f"images = {_inline(images_of(dataset, each))}"]
    return "\n".join(lines) + "\n"


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in values.items()]


def _inline(values: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(_pairs(values)) + " }"


def write_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return path
