"""LaTeX tables: nothing in a cell is a command, and the float is complete."""

from __future__ import annotations

import pytest

from innerloop.render.latex import booktabs, escape
from innerloop.render.tabulation import (
    is_numeric,
    number,
    p_value,
    plus_minus,
    plus_minus_significant,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my_method & 100 %", r"my\_method \& 100 \%"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("$a^2 ~ #1$", r"\$a\textasciicircum{}2 \textasciitilde{} \#1\$"),
        ("47.8 ± 1.0", r"47.8 $\pm$ 1.0"),
        ("−0.3", "$-$0.3"),
        ("< 0.0001", r"\textless{} 0.0001"),
        ("1.96 s/√n", r"1.96 s/$\surd$n"),
        ("λ = 2 Ω", r"$\lambda$ = 2 $\Omega$"),
        ("cafe\u0301 Ž", "café Ž"),
        ("my 少样 net", "my [U+5C11 U+6837] net"),
        ("🤖عر", "[U+1F916 U+0639 U+0631]"),
    ],
)
def test_escapes(text, expected):
    assert escape(text) == expected


def test_a_table_is_a_complete_float():
    rows = [["a_b", "47.8 ± 1.0"], ["c", "–"]]
    latex = booktabs("50 % of _it_", ["Method", "Accuracy"], rows, rules=[1], label="t")
    assert latex.splitlines() == [
        r"\begin{table}",
        r"  \centering",
        r"  \caption{50 \% of \_it\_}",
        r"  \label{tab:t}",
        r"  \begin{tabular}{lr}",
        r"    \toprule",
        r"    Method & Accuracy \\",
        r"    \midrule",
        r"    a\_b & 47.8 $\pm$ 1.0 \\",
        r"    \midrule",
        r"    c & -- \\",
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]


def test_columns_of_numbers_are_told_from_words():
    assert is_numeric(["47.8 ± 1.0", "–", "−0.3", "< 0.0001", "+1,234.5", "", "± 1.0 (sd 0.4)"])
    assert is_numeric(["12 min", "1.5 GB"])
    assert not is_numeric(["2 holds", "1"])
    assert not is_numeric(["5w1s"])
    assert not is_numeric([])


@pytest.mark.parametrize(
    ("mean", "half_width", "said"),
    [
        (0.99968, 3.2e-05, "1.000 ± <0.001"),
        (0.99968, 0.0006, "1.000 ± 0.001"),
        (1.0, 0.0, "exactly 1"),
        (0.0, 0.0, "exactly 0"),
        (0.1 + 0.2, 1e-17, "exactly 0.3"),
        (20.0, float("nan"), "20.000"),
    ],
)
def test_no_width_is_told_from_one_that_rounds_to_nothing(mean, half_width, said):
    assert plus_minus(mean, half_width, 3) == said
    assert is_numeric([said])


def test_numbers_are_printed_for_people():
    assert number(-0.0001, 3) == "0.000"
    assert number(-0.3, 1) == "−0.3"
    assert number(0.3, 1, sign=True) == "+0.3"
    assert number(float("nan"), 1) == "–"
    assert number(2399, 0) == "2,399"
    assert plus_minus(47.83, 1.04) == "47.8 ± 1.0"
    assert plus_minus(47.83, float("nan")) == "47.8"
    assert plus_minus_significant(1234.5678, 0.0456) == "1,234.568 ± 0.046"
    assert plus_minus_significant(0.0, 0.0) == "exactly 0"
    assert p_value(0.00044) == "0.00044"
    assert p_value(1e-9) == "< 0.0001"
    assert p_value(0.3333) == "0.33"
