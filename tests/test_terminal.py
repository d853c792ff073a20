"""Lines and tables in which nothing is obeyed and nothing that one may want to copy is cut."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from extend_source.cli.display.terminal import show_lines, show_pairs, show_rows, show_titled

HOSTILE = {
    "Bad [/nope] name": "Bad [/nope] name",
    "[link=https://evil.example]click[/link] :smile:": "[link=https://evil.example]click[/link] :smile:",
    "\x1b]0;owned\x07\x1b[31mred": "�]0;owned��[31mred",
    "a\u202eb\u2066c": "a�b�c",
    "two\nlines\tand a tab\r\n": "two lines and a tab ",
    "\x9b31m": "�31m",
}
"""Names as a third party may choose them, and as people see them."""

LONG = "Rechnungen_der_Nordwestdeutschen_Versicherungsgesellschaft_für_Haftpflicht_" * 3


def console(width: int, *, terminal: bool = False) -> Console:
    """A console with the defaults of rich: markup, emoji and highlighting are on, but without colours."""
    return Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)


def printed(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


@pytest.mark.case("4.5")
@pytest.mark.case("S4")
@pytest.mark.case("S5")
@pytest.mark.parametrize(("name", "shown"), HOSTILE.items())
def test_a_name_is_printed_as_text_wherever_it_stands(name: str, shown: str) -> None:
    to = console(200)

    show_lines(to, name)
    show_titled(to, name, name)
    show_rows(to, name, ("n", "runs"), [(name, 1)])
    show_pairs(to, [(name, name, "")])

    assert [line.rstrip() for line in printed(to).split("\n")] == [
        shown.rstrip(),
        (shown + shown).rstrip(),
        shown.rstrip(),
        f"n{' ' * (len(shown) - 1)}  runs",
        f"{shown}     1",
        f"{shown}  {shown}".rstrip(),
        "",
    ]


@pytest.mark.case("5.5")
@pytest.mark.parametrize("width", [1, 10, 40, 80])
def test_what_is_piped_is_never_cut_nor_folded(width: int) -> None:
    to = console(width)

    show_rows(to, LONG, ("processor", LONG), [(LONG, 1_234_567)])
    show_pairs(to, [("Pipeline", f"{LONG} {LONG}", "yellow")])

    title, header, row, pair = printed(to).splitlines()
    assert title == LONG
    assert header.split() == ["processor", LONG]
    assert row.split() == [LONG, "1,234,567"]
    assert pair.split() == ["Pipeline", LONG, LONG]


@pytest.mark.case("5.5")
@pytest.mark.parametrize("width", [1, 10, 24, 40, 80])
def test_a_terminal_folds_texts_and_keeps_numbers_whole(width: int) -> None:
    to = console(width, terminal=True)

    show_rows(to, None, ("name", "runs"), [(LONG, 1_234_567)])

    lines = printed(to).splitlines()
    first, *more = lines[1:]
    assert first.endswith("  1,234,567")
    assert first.removesuffix("  1,234,567") + "".join(map(str.strip, more)) == LONG
    if width >= 24:
        assert max(map(len, lines)) <= width


@pytest.mark.case("5.5")
@given(
    rows=st.lists(st.tuples(st.text(max_size=30), st.integers(), st.text(max_size=30)), min_size=1, max_size=3),
    width=st.integers(1, 200),
    terminal=st.booleans(),
)
def test_no_table_has_an_ellipsis_of_its_own(rows: list[tuple[str, int, str]], width: int, terminal: bool) -> None:
    rows = [(name.replace("…", ""), number, text.replace("…", "")) for name, number, text in rows]
    to = console(width, terminal=terminal)

    show_rows(to, None, ("name", "runs", "note"), rows)

    assert "…" not in printed(to)
    for _, number, _ in rows:
        assert f"{number:,}" in printed(to)
