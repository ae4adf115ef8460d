"""What the pages need to be a site: files of the checkout that are no pages lose their links."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^]]*)\]\((?:\.\./|results/|notes/)[^)]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page's text, whose links all lead to pages of the site or elsewhere."""
    return _OUTSIDE.sub(r"\1", markdown)
