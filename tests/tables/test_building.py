"""Rows are built by the names of their columns: one that is left out or unknown is told at once."""

import pytest

from extend_source.tables.bookkeeping import ERASURES
from extend_source.tables.building import TableBuilder


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"id": "dpr_1", "resource_type": "processor_run"}, "erased_at"),
        ({"id": "dpr_1", "resource_type": "processor_run", "erased_at": None, "erased_by": None}, "erased_by"),
    ],
)
def test_a_row_names_each_of_its_columns_and_no_other(values: dict[str, str], wrong: str) -> None:
    builder = TableBuilder(ERASURES)
    with pytest.raises(TypeError, match=f"^erasures: {wrong}$"):
        builder.add(**values)
    assert len(builder) == 0
