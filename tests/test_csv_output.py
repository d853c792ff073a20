"""CSV is exact, but for texts that a spreadsheet would take for formulas."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.cli.csv_output import csv_cell, print_csv

pytestmark = pytest.mark.case("S14")


def written(*rows: tuple[Any, ...]) -> str:
    """What is printed below a header."""
    output = io.StringIO(newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", output)
        print_csv(["a", "b"], rows)
    header, _, text = output.getvalue().partition("\n")
    assert header == "a,b"
    return text


def read_back(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "formula",
    [
        *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "=", "+", "-", "@"),
        *("\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff20SUM(A1)"),
        *(
            "\n=1+1",
            "\v=1+1",
            "\t=1+1",
            "\r=1+1",
            "\f=1+1",
            "\ufeff=1+1",
            " =1+1",
            "\xa0=1+1",
            "\u3000\uff1d1",
            "\ufeff \t@x",
        ),
        *("\ntext", "\vtext", "\ttext", "\rtext", "\ufefftext"),
        *("-2+3+cmd|' /C calc'!A0", "+49 170 123", "-1,2,A1", "-", "--1", "-1e", "=-1", "-(1)", "-\uff11"),
    ],
)
def test_what_a_spreadsheet_would_take_for_a_formula_is_quoted(formula: str) -> None:
    assert csv_cell(formula) == f"'{formula}"
    assert read_back(written((formula, "x"))) == [[f"'{formula}", "x"]]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        *(
            (text, text)
            for text in ("-5", "-1,200.50", "-1.200,50", "+3", "-1e-05", "-12%", "-0", "a=b", "1-2", "", "'x", "x\t")
        ),
        (-5, "-5"),
        (-1.5, "-1.5"),
        (Decimal("-0.000010"), "-0.000010"),
        (None, ""),
        (True, "true"),
        (False, "false"),
    ],
)
def test_negative_numbers_and_all_other_values_stay_as_they_are(value: Any, cell: str) -> None:
    assert csv_cell(value) == cell
    assert read_back(written((value, "x"))) == [[cell, "x"]]


@given(
    st.lists(
        st.tuples(st.text(), st.text(st.sampled_from("=+-@1, \t\v\r\n\"';\x1b\x00\ufeff\uff1da"), max_size=6)),
        max_size=4,
    )
)
def test_a_round_trip_gives_every_text_back_but_for_the_quote_of_a_formula(rows: list[tuple[str, str]]) -> None:
    read = read_back(written(*rows))

    assert len(read) == len(rows)
    for cells, row in zip(read, rows, strict=True):
        assert [cell in (text, f"'{text}") for cell, text in zip(cells, row, strict=True)] == [True, True]
        assert not any(cell[:1] in tuple("=@\uff1d\uff0b\uff0d\uff20\n\v\t\r\ufeff") for cell in cells if cell)


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "a\nb", 'say "x", then y', "a\x00b", "a\u2028b", "\x1b[31m"])
def test_ends_of_lines_and_controls_inside_a_cell_are_exact(text: str) -> None:
    assert read_back(written((text, "x"))) == [[text, "x"]]


@pytest.mark.case("S5")
def test_on_a_terminal_controls_are_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdout", output := Terminal())
    print_csv(["a"], [("\x1b]0;x\x07",), ("in\u202evoice",)])
    assert output.getvalue() == "a\n�]0;x�\nin�voice\n"
