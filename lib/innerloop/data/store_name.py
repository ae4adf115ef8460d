"""How the folder of an image store is called: `pickles-84`, or `84` where there is one variant."""

from __future__ import annotations


def store_name(variant: str, size: int) -> str:
    """Variant of the source and side of the images, in pixels."""
    return f"{variant}-{size}" if variant else str(size)


def variant_and_size(name: str) -> tuple[str, int]:
    """`pickles-84` -> (`pickles`, 84); `84` -> (``, 84)."""
    variant, _, size = name.rpartition("-")
    return variant, int(size)
