"""The name of an image store's folder: `pickles-84`, or `84` if there is one variant only."""

from __future__ import annotations


def store_name(variant: str, size: int) -> str:
    """The folder's name for a variant of the source and a side of the images in pixels."""
    return f"{variant}-{size}" if variant else str(size)


def variant_and_size(name: str) -> tuple[str, int]:
    """`pickles-84` -> (`pickles`, 84); `84` -> (``, 84)."""
    variant, _, size = name.rpartition("-")
    return variant, int(size)
