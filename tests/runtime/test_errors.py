"""Messages for people."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import innerloop

LIBRARY = Path(innerloop.__file__).parent
ADVICE = re.compile(r"\bdelete\b|\bremove (it|them|one|$)")

#: Whose files lie under results/ and are nobody else's.
OWN_SAVES = ("checkpoint.py",)


def said(tree: ast.AST) -> list[str]:
    """Every text in a file but its docstrings, which stand alone."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone
    ]


def test_no_message_advises_to_delete_what_may_be_the_only_copy() -> None:
    messages = {
        path: said(ast.parse(path.read_text(encoding="utf-8"))) for path in LIBRARY.rglob("*.py")
    }
    assert sum(map(len, messages.values())) > 1000
    advice = [
        (path.name, text)
        for path, texts in messages.items()
        for text in texts
        if ADVICE.search(text) and path.name not in OWN_SAVES
    ]
    assert advice == []
