"""The README says what the code says."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from extend_source.cli.demo import QUERIES
from extend_source.config import ExtendSettings
from extend_source.tables import TABLES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
VOCABULARY = (ROOT / "docs" / "vocabulary.md").read_text("utf-8")


def table_below(heading: str) -> list[list[str]]:
    """The cells of the first table with a heading row, without its two top rows."""
    lines = README.split(heading, 1)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_every_table_is_in_the_table_map_with_its_grain_and_key() -> None:
    assert table_below("| table | one row per | key |") == [
        [f"`{table.name}`", table.grain, ", ".join(f"`{name}`" for name in table.key)] for table in TABLES.values()
    ]


def test_every_setting_is_in_the_settings_table_with_its_default() -> None:
    documented = {row[0].strip("`"): row[1].strip("`") for row in table_below("| setting | default | meaning |")}

    def shown(value: object) -> str:
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    assert documented.pop("api_key") == "required"
    assert documented == {
        field.name: shown(field.default)
        for field in fields(ExtendSettings)
        if not field.name.startswith("_") and field.name != "api_key"
    }


def test_every_relation_of_the_diagram_names_real_tables_and_columns() -> None:
    relations = re.findall(r'^ {4}(\w+) \S+ (\w+) : "([^"]+)"$', README, flags=re.MULTILINE)

    assert len(relations) == 22
    for left, right, columns in relations:
        for pair in columns.split(", "):
            left_column, _, right_column = pair.partition(" = ")
            assert left_column in TABLES[left].column_names, (left, left_column)
            assert (right_column or left_column) in TABLES[right].column_names, (right, right_column)


def test_every_column_is_listed_with_its_type_and_meaning() -> None:
    for table in TABLES.values():
        assert f"**{table.name}**: {table.description}" in README
        listed = table_below(f"**{table.name}**: {table.description}\n\n| column | type | meaning |")
        assert listed == [[f"`{column.name}`", column.kind.name, column.description] for column in table.columns]


def test_the_questions_that_the_demo_suggests_are_answered() -> None:
    for question, sql in QUERIES.items():
        assert f"```sql\n-- {question}\n{sql.strip()}\n```\n\n```text\n┌" in README


def test_the_vocabulary_names_modules_tables_and_settings_that_are_there() -> None:
    named = set(re.findall(r"`([\w./]+)`", VOCABULARY))

    modules = {name for name in named if name.endswith(".py")}
    assert modules
    assert [name for name in modules if not (ROOT / "extend_source" / name).exists()] == []
    settings = re.findall(r"the setting `(\w+)`", VOCABULARY)
    assert set(settings) <= {field.name for field in fields(ExtendSettings)}
    assert {"tombstones", "raw_payloads", "erasures", "replacements", "sync_log"} <= named & TABLES.keys()
