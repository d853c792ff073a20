"""The README and the docs say what the code says, and show what the commands print."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import extend_source
from docs.generator.pages import DIAGRAM, DOCS, ROOT, check, is_on_demo, pages, runs_commands
from docs.generator.terminal import settled
from extend_source.cli.demo import QUERIES
from extend_source.cli.exit_codes import DONE, FAILED, REFUSED, SOME_FAILED, STOPPED, WRONG_USE
from extend_source.config.groups import GROUPS
from extend_source.config.settings import ExtendSettings
from extend_source.tables import TABLES
from extend_source.tables.bookkeeping import MIGRATED_IDS

README = (ROOT / "README.md").read_text("utf-8")
MAX_README_LINES = 220

SHOWING = [
    *([path] for path in pages() if runs_commands(path) and not is_on_demo(path)),
    [path for path in pages() if is_on_demo(path)],
]
"""The pages that show what commands print; those on the demo's data together, as it is made once for them."""


def page(name: str) -> str:
    """The text of a page of docs/."""
    return (DOCS / name).read_text("utf-8")


def table_below(heading: str, text: str) -> list[list[str]]:
    """The cells of the first table with a heading row, without its two top rows."""
    lines = text.split(heading, 1)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_what_is_generated_from_the_code_is_as_the_code_has_it() -> None:
    quick = [path for path in pages() if not runs_commands(path)]

    assert {path.name for path in quick} >= {"columns.md", "settings.md", "cli.md", "exit-codes.md"}
    assert check(quick) == 0, "run: make docs-write"


def test_the_table_of_a_migration_is_in_its_page() -> None:
    listed = table_below("| column | type | meaning |", "\n" + page("how-to/migrate.md"))
    assert listed == [[f"`{column.name}`", column.kind.name, column.description] for column in MIGRATED_IDS.columns]


def test_the_setting_objects_names_every_group() -> None:
    said = str(ExtendSettings.__doc__).partition(" objects: ")[2].partition(" start_date: ")[0]
    assert set(re.findall(r"``(\w+)``", said)) - {"with_resources"} == set(GROUPS)


def test_the_page_of_freshness_says_of_every_table_when_its_rows_are_final() -> None:
    rows = table_below("| table | a row is final when |", "\n" + page("explanation/freshness.md"))
    named = set(re.findall(r"`(\w+)`", " ".join(row[0] for row in rows)))
    assert {"processor_runs", "run_id", "parse_run_id", "run_configs"} <= named
    for name, table in TABLES.items():
        owner = table.owner.name if table.owner else None
        assert name in named or owner in named or name.startswith("run_config_"), name


@pytest.mark.thorough
@pytest.mark.parametrize("chosen", SHOWING, ids=lambda chosen: chosen[0].stem)
def test_every_output_is_what_the_command_prints(chosen: list[Path]) -> None:
    assert check(chosen) == 0, "run: make docs-write"


@pytest.mark.parametrize(
    ("name", "written", "changed"),
    [
        ("reference/exit-codes.md", "| 4 | refused:", "| 4 | granted:"),
        ("reference/settings.md", "| `max_rechecks` | `1000` |", "| `max_rechecks` | `100` |"),
        ("reference/columns.md", "| `credits` | decimal | Without parsing;", "| `credits` | decimal | With parsing;"),
    ],
)
def test_what_is_changed_by_hand_is_found(
    name: str, written: str, changed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "page.md"
    assert written in page(name)
    copy.write_text(page(name).replace(written, changed), "utf-8")

    assert check([copy]) != 0
    printed = capsys.readouterr()
    assert f"-{changed}" in printed.out + printed.err
    assert "make docs-write" in printed.out + printed.err


def test_an_output_that_is_changed_by_hand_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    version = f"dlt-source-extend {extend_source.__version__}"
    copy = tmp_path / "page.md"
    copy.write_text(
        '<!-- [[[cog shell("extend-source --version") ]]] -->\n'
        f"```console\n$ extend-source --version\n{version}1\n```\n<!-- [[[end]]] -->\n"
    )

    assert check([copy]) != 0
    assert f"-{version}1\n+{version}\n" in capsys.readouterr().out


def test_no_output_is_written_by_hand() -> None:
    outputs = 0
    for path in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        by_hand = re.sub(
            r"<!-- \[\[\[cog .*?<!-- \[\[\[end\]\]\] -->", "", text := path.read_text("utf-8"), flags=re.DOTALL
        )
        assert re.findall(r"^ *```(?:console|text)$", by_hand, re.MULTILINE) == [], path.name
        outputs += len(re.findall(r"^```(?:console|text)$", text, re.MULTILINE))
    assert outputs > 40


def test_commands_and_options_that_the_docs_name_are_there() -> None:
    reference = page("reference/cli.md")
    commands = set(re.findall(r"^## extend-source (\w+(?: \w+)?)$", reference, re.MULTILINE))
    options = set(re.findall(r"`(--[a-z-]+)`", reference)) | {"--help", "--version"}

    assert {"sync", "report credits"} <= commands
    for path in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        text = re.sub(r"<!-- .*? -->", "", path.read_text("utf-8"))
        for line in re.findall(r"(?<![\w-])extend-source ([a-z]+[^\n`|;]*)", text):
            words = line.split()
            name = " ".join(words[:2]) if words[0] == "report" else words[0]
            assert name in commands, (path.name, line)
            assert {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)} <= options, (
                path.name,
                line,
            )


def test_how_long_it_took_makes_no_difference_and_all_else_does() -> None:
    shown = "49 runs loaded in 8 s\nwatermark 2026-02-02 08:59:58 UTC, 5 min 3 s ago\nload 1770022860.123"

    assert settled(shown.replace("8 s", "11 s").replace("5 min 3 s", "40 s"), shown) == shown
    assert settled(shown.replace(":58", ":57").replace("1770022860.123", "1770022999.4"), shown) == shown
    for changed in (shown.replace("49", "50"), shown.replace("08:59", "08:58"), shown.replace("UTC", "CET")):
        assert settled(changed, shown) == changed


def test_a_phase_that_took_long_enough_to_tell_its_rate_makes_no_difference() -> None:
    shown = (
        "2026-02-02 09:01:01 UTC listing: 120 runs listed, 3 requests in 0 s\nlisted until 09:01:01 UTC, at 2 requests"
    )
    slower = shown.replace("09:01:01 UTC listing", "09:02:06 UTC listing").replace("0 s", "1 min 1 s, 2.5 requests/s")

    assert settled(slower, shown) == shown
    for changed in (shown.replace("3 req", "4 req"), shown.replace("09:01:01 UTC, at", "09:02:01 UTC, at")):
        assert settled(changed, shown) == changed


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) < MAX_README_LINES


def test_every_link_of_the_readme_leads_to_a_file_and_a_heading() -> None:
    links = re.findall(r"\]\((?!https?://)([^)]+)\)", README)

    assert len(links) > 40
    for link in links:
        path, _, anchor = link.partition("#")
        target = ROOT / path if path else ROOT / "README.md"
        assert target.is_file(), link
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), link


def anchors(text: str) -> set[str]:
    """The anchors that GitHub and MkDocs give to headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_the_command_of_the_readme_is_the_one_that_make_runs() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert re.search(r"^demo: .*\n\t@\.venv/bin/extend-source demo$", makefile, re.MULTILINE)


def test_every_table_is_in_the_table_map_with_its_grain_and_key() -> None:
    assert table_below("| table | one row per | key |", page("reference/tables.md")) == [
        [f"[`{table.name}`](columns.md#{table.name})", table.grain, ", ".join(f"`{name}`" for name in table.key)]
        for table in TABLES.values()
    ]


def test_every_setting_is_in_the_settings_table_with_its_default_and_meaning() -> None:
    rows = table_below("| setting | default | meaning |", page("reference/settings.md"))
    documented = {row[0].strip("`"): row[1].strip("`") for row in rows}

    def shown(value: object) -> str:
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    assert all(row[2] for row in rows)
    assert documented.pop("api_key") == "required"
    assert documented.pop("privacy.on_unmatched") == "warn"
    assert {name: default for name, default in documented.items() if "." not in name} == {
        field.name: shown(field.default)
        for field in fields(ExtendSettings)
        if not field.name.startswith("_") and field.name != "api_key"
    }


def test_the_diagram_shows_every_table_once_and_where_its_columns_lead() -> None:
    names = re.findall(r'<text class="name"[^>]*>(\w+)</text>', DIAGRAM.read_text("utf-8"))
    references = re.findall(r'<text class="reference"[^>]*>([^<]+)</text>', DIAGRAM.read_text("utf-8"))

    assert sorted(names) == sorted(TABLES)
    assert {"config_id → run_configs", "file_id → files", "parent_file_id → files"} <= set(references)
    for reference in references:
        column, table = reference.split(" → ")
        assert table in TABLES
        assert any(column in other.column_names for other in TABLES.values()), reference


def test_every_column_is_listed_with_its_type_and_meaning() -> None:
    text = page("reference/columns.md")
    for table in TABLES.values():
        section = text.split(f"## {table.name}\n", 1)[1].split("\n## ", 1)[0]
        assert table.description in section
        assert table_below("| column | type | meaning |", section) == [
            [f"`{column.name}`", column.kind.name, column.description] for column in table.columns
        ]


def test_every_exit_code_is_explained() -> None:
    codes = [row[0] for row in table_below("| code | meaning |", page("reference/exit-codes.md"))]

    assert codes == [str(code) for code in (DONE, FAILED, WRONG_USE, SOME_FAILED, REFUSED, STOPPED)]
    assert table_below("| code | meaning |", README) == table_below(
        "| code | meaning |", page("reference/exit-codes.md")
    )


def test_every_public_name_is_in_the_python_reference() -> None:
    text = "\n".join(path.read_text("utf-8") for path in (DOCS / "reference").glob("python*.md"))
    named = set(re.findall(r"\w+", text))

    assert set(extend_source.__all__) - {"__version__"} <= named


def test_the_questions_that_the_demo_suggests_are_answered() -> None:
    for question, sql in QUERIES.items():
        assert f"```sql\n-- {question}\n{sql.strip()}\n```\n\n```text\n┌" in page("explanation/fields-as-columns.md")


def test_every_query_of_the_docs_is_shown_with_rows() -> None:
    text = "\n".join(path.read_text("utf-8") for path in DOCS.rglob("*.md"))
    queries = sorted((DOCS / "queries").glob("*.sql"))

    assert len(queries) >= 10
    for query in queries:
        shown = text.split(f"```sql\n{query.read_text('utf-8').strip()}\n```\n\n```text\n", 1)
        assert len(shown) == 2, query.name
        assert "\n├" in shown[1].split("```", 1)[0], query.name


def test_the_vocabulary_names_modules_tables_and_settings_that_are_there() -> None:
    named = set(re.findall(r"`([\w./]+)`", page("vocabulary.md")))

    modules = {name for name in named if name.endswith(".py")}
    assert modules
    assert [name for name in modules if not (ROOT / "extend_source" / name).exists()] == []
    settings = re.findall(r"the setting `(\w+)`", page("vocabulary.md"))
    assert set(settings) <= {field.name for field in fields(ExtendSettings)}
    assert {"tombstones", "raw_payloads", "erasures", "replacements", "sync_log"} <= named & TABLES.keys()
