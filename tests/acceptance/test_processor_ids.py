"""A processor that is asked for and was not seen is told, and a name in the place of an id refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from extend_source import plan
from extend_source.cli.errors import explain
from extend_source.errors import InvalidSetting
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

pytestmark = [pytest.mark.thorough, pytest.mark.case("5.2")]

Warnings = Callable[[], list[str]]


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> Warnings:
    """What dlt's logger has said."""
    from dlt.common import logger

    said: list[str] = []
    monkeypatch.setattr(logger, "warning", lambda text, *_: said.append(text))
    return lambda: [text for text in said if "No run of the processor" in text]


def processors_of(warehouse: AnyWarehouse) -> dict[str, str]:
    """Name by id of all processors that have run."""
    workspace = warehouse.server.workspace
    summaries = map(workspace.summary, workspace.run_ids())
    return {summary["processorId"]: summary["processorName"] for summary in summaries}


def choice(processors: dict[str, str]) -> str:
    named = sorted(processors.items(), key=lambda each: (each[1], each[0]))
    return "Those that have run: " + ", ".join(f"{each} ({name})" for each, name in named[:10])


def test_a_name_in_the_place_of_an_id_is_refused_with_the_ids_that_there_are(any_warehouse: AnyWarehouse) -> None:
    processors = processors_of(any_warehouse)
    assert "Supplier Invoices" in processors.values()

    def refused(function: Callable[..., Any], *arguments: Any) -> tuple[int, str]:
        with pytest.raises(InvalidSetting) as caught:
            function(*arguments, processor_ids=["Supplier Invoices"])
        return explain(caught.value)

    line = (
        "EXT-109: processor_ids takes ids, and 'Supplier Invoices' is none of a processor that has run. "
        + choice(processors)
        + "."
    )
    settings = any_warehouse.settings()
    assert refused(any_warehouse.sync) == (2, line)
    assert refused(lambda **more: plan(any_warehouse.pipeline, **settings, **more)) == (2, line)
    assert any_warehouse.server.requests.counts["list_runs"] == 4  # each once more, for what there is
    any_warehouse.sync()
    assert refused(any_warehouse.sync) == (2, line)


def test_one_word_is_a_name_where_a_processor_is_called_that(warehouse: Warehouse) -> None:
    with pytest.raises(InvalidSetting, match="'contracts' is none of a processor that has run"):
        warehouse.sync(processor_ids=["contracts"])


@pytest.mark.slow
@pytest.mark.core
def test_an_id_that_has_no_run_yet_is_warned_of_and_the_others_land(warehouse: Warehouse, warnings: Warnings) -> None:
    processors = processors_of(warehouse)
    invoices = next(each for each, name in processors.items() if name == "Supplier Invoices")

    alone = warehouse.sync(processor_ids=["dp_new"])
    both = warehouse.sync(processor_ids=[invoices, "dp_new"])
    again = warehouse.sync(processor_ids=[invoices])
    name = warehouse.sync(processor_ids=[invoices, "Price Lists"])

    about = "was listed, and none has landed: has it run yet, and is that its id?"
    assert (alone.complete, alone.listed) == (True, 0)
    assert (both.complete, again.complete, name.complete) == (True, True, True)
    assert both.fetched == sum(
        warehouse.server.workspace.summary(run_id)["processorId"] == invoices
        for run_id in warehouse.server.workspace.run_ids()
    )
    first, second, third = warnings()
    assert first == f"EXT-109: No run of the processor 'dp_new' {about} {choice(processors)}."
    assert second.startswith(f"EXT-109: No run of the processor 'dp_new' {about} Those that have run: ")
    assert third == f"EXT-109: No run of the processor 'Price Lists' {about} {choice(processors)}."


def test_a_processor_whose_runs_have_landed_is_known_though_the_listing_has_none_any_more(
    warehouse: Warehouse, warnings: Warnings
) -> None:
    warehouse.sync()
    workspace = warehouse.server.workspace
    invoices = next(each for each, name in processors_of(warehouse).items() if name == "Supplier Invoices")
    for run_id in workspace.run_ids():
        if workspace.summary(run_id)["processorId"] == invoices:
            workspace.delete_run(run_id)

    warehouse.sync(processor_ids=[invoices])

    assert warnings() == []


def test_a_workspace_without_any_run_refuses_what_no_id_can_be(empty_warehouse: Warehouse, warnings: Warnings) -> None:
    with pytest.raises(InvalidSetting) as caught:
        empty_warehouse.sync(processor_ids=["Supplier Invoices"])
    empty_warehouse.sync(processor_ids=["dp_new"])

    assert str(caught.value) == (
        "processor_ids takes ids, and 'Supplier Invoices' is none of a processor that has run. "
        "Give the ids of processors, such as dp_Xj8mK2pL9nR4vT7qY5wZ."
    )
    assert warnings() == [
        "EXT-109: No run of the processor 'dp_new' was listed, and none has landed: has it run yet, and is that its id? "
        "Give the ids of processors, such as dp_Xj8mK2pL9nR4vT7qY5wZ."
    ]


def test_names_that_a_rule_hides_are_not_shown(warehouse: Warehouse) -> None:
    privacy = {"columns": {"processor_runs.processor_name": "drop", "processor_run_summaries.processor_name": "drop"}}

    with pytest.raises(InvalidSetting) as caught:
        warehouse.sync(processor_ids=["Supplier Invoices"], privacy=privacy)

    assert "Contracts" not in str(caught.value)
    assert any(each in str(caught.value) for each in processors_of(warehouse))
