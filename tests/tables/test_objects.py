"""Which rows go with which object: erasing, current views, row counts and privacy rules follow it."""

from extend_source.api import GROUP_OF, OF_ANY_GROUP
from extend_source.tables import TABLES
from extend_source.tables.objects import LISTED_TYPES, OBJECT_TYPES, group_of, rows_about, rows_owned_by, tables_of

ABOUT_A_RUN = {
    ("processor_runs", "id", None),
    ("processor_run_files", "run_id", None),
    ("processor_run_merged_processors", "run_id", None),
    ("extraction_fields", "run_id", None),
    ("extraction_citations", "run_id", None),
    ("output_insights", "run_id", None),
    ("extraction_edits", "run_id", None),
    ("classifications", "run_id", None),
    ("splits", "run_id", None),
    ("credit_usage", "resource_id", "processor_run"),
    ("credit_attributions", "run_id", None),
    ("credit_charges", "resource_id", "processor_run"),
    ("processor_run_history", "run_id", None),
    ("extraction_field_history", "run_id", None),
    ("processor_run_summaries", "id", None),
    ("tombstones", "id", "processor_run"),
    ("webhook_events", "object_id", "processor_run"),
    ("fetch_errors", "id", "processor_run"),
    ("erasures", "id", "processor_run"),
    ("replacements", "id", "processor_run"),
    ("raw_payloads", "id", "processor_run"),
    ("migrated_ids", "new_id", "processor_run"),
}
ABOUT_A_FILE = {
    ("files", "id", None),
    ("processor_run_files", "file_id", None),
    ("workflow_run_files", "file_id", None),
    ("workflow_step_run_files", "file_id", None),
    ("file_contents", "file_id", None),
    ("file_pages", "file_id", None),
    ("file_sheets", "file_id", None),
    ("file_sections", "file_id", None),
    ("parse_run_summaries", "file_id", None),
    ("parse_runs", "file_id", None),
    ("file_summaries", "id", None),
    ("verify_run_summaries", "file_id", None),
    ("verify_runs", "file_id", None),
    ("credit_usage", "resource_id", "file"),
    ("credit_charges", "resource_id", "file"),
    ("fetch_errors", "id", "file"),
    ("erasures", "id", "file"),
    ("replacements", "id", "file"),
    ("tombstones", "id", "file"),
    ("webhook_events", "object_id", "file"),
    ("raw_payloads", "id", "file"),
    ("migrated_ids", "new_id", "file"),
    ("edit_runs", "file_id", None),
    ("edit_runs", "edited_file_id", None),
    ("edit_run_summaries", "file_id", None),
    ("form_detection_runs", "file_id", None),
}
ABOUT_A_PARSE_RUN = {
    ("parse_runs", "id", None),
    ("parse_pages", "parse_run_id", None),
    ("parse_chunks", "parse_run_id", None),
    ("parse_blocks", "parse_run_id", None),
    ("parse_lines", "parse_run_id", None),
    ("parse_words", "parse_run_id", None),
    ("parse_run_summaries", "id", None),
    ("credit_usage", "resource_id", "parse_run"),
    ("credit_charges", "resource_id", "parse_run"),
    ("fetch_errors", "id", "parse_run"),
    ("erasures", "id", "parse_run"),
    ("migrated_ids", "new_id", "parse_run"),
    ("replacements", "id", "parse_run"),
    ("tombstones", "id", "parse_run"),
    ("webhook_events", "object_id", "parse_run"),
    ("raw_payloads", "id", "parse_run"),
}
ABOUT_A_WORKFLOW_RUN = {
    ("workflow_runs", "id", None),
    ("workflow_run_files", "workflow_run_id", None),
    ("workflow_step_runs", "workflow_run_id", None),
    ("workflow_step_run_files", "workflow_run_id", None),
    ("workflow_step_checks", "workflow_run_id", None),
    ("workflow_run_summaries", "id", None),
    ("credit_usage", "resource_id", "workflow_run"),
    ("credit_charges", "resource_id", "workflow_run"),
    ("fetch_errors", "id", "workflow_run"),
    ("erasures", "id", "workflow_run"),
    ("migrated_ids", "new_id", "workflow_run"),
    ("replacements", "id", "workflow_run"),
    ("tombstones", "id", "workflow_run"),
    ("webhook_events", "object_id", "workflow_run"),
    ("raw_payloads", "id", "workflow_run"),
    ("webhook_events", "object_id", "workflow_run"),
}
ABOUT_A_PROCESSOR = {
    ("processors", "id", None),
    ("processor_versions", "processor_id", None),
    ("credit_usage", "resource_id", "processor"),
    ("credit_charges", "resource_id", "processor"),
    ("fetch_errors", "id", "processor"),
    ("erasures", "id", "processor"),
    ("migrated_ids", "new_id", "processor"),
    ("replacements", "id", "processor"),
    ("tombstones", "id", "processor"),
    ("webhook_events", "object_id", "processor"),
    ("raw_payloads", "id", "processor"),
    ("webhook_events", "object_id", "processor"),
}
ABOUT_A_WORKFLOW_VERSION = {
    ("workflow_versions", "id", None),
    ("workflow_steps", "workflow_version_id", None),
    ("workflow_step_links", "workflow_version_id", None),
    ("credit_usage", "resource_id", "workflow_version"),
    ("credit_charges", "resource_id", "workflow_version"),
    ("fetch_errors", "id", "workflow_version"),
    ("erasures", "id", "workflow_version"),
    ("migrated_ids", "new_id", "workflow_version"),
    ("replacements", "id", "workflow_version"),
    ("tombstones", "id", "workflow_version"),
    ("webhook_events", "object_id", "workflow_version"),
    ("raw_payloads", "id", "workflow_version"),
    ("webhook_events", "object_id", "workflow_version"),
}


ABOUT_AN_EVALUATION_SET = {
    ("evaluation_sets", "id", None),
    ("evaluation_set_items", "evaluation_set_id", None),
    ("credit_usage", "resource_id", "evaluation_set"),
    ("credit_charges", "resource_id", "evaluation_set"),
    ("fetch_errors", "id", "evaluation_set"),
    ("erasures", "id", "evaluation_set"),
    ("migrated_ids", "new_id", "evaluation_set"),
    ("replacements", "id", "evaluation_set"),
    ("tombstones", "id", "evaluation_set"),
    ("webhook_events", "object_id", "evaluation_set"),
    ("raw_payloads", "id", "evaluation_set"),
}


def places(rows):
    return {(one.table.name, one.column, one.resource_type) for one in rows}


def test_rows_in_these_tables_go_with_a_run():
    assert places(rows_about("processor_run")) == ABOUT_A_RUN


def test_rows_in_these_tables_go_with_a_file():
    assert places(rows_about("file")) == ABOUT_A_FILE


def test_rows_in_these_tables_go_with_a_parse_run():
    assert places(rows_about("parse_run")) == ABOUT_A_PARSE_RUN


def test_rows_in_these_tables_go_with_a_workflow_run_a_processor_and_a_workflow_version():
    assert places(rows_about("workflow_run")) == ABOUT_A_WORKFLOW_RUN
    assert places(rows_about("processor")) == ABOUT_A_PROCESSOR
    assert places(rows_about("workflow_version")) == ABOUT_A_WORKFLOW_VERSION


def test_rows_in_these_tables_go_with_an_evaluation_set_and_with_its_runs():
    assert places(rows_about("evaluation_set")) == ABOUT_AN_EVALUATION_SET
    assert {one.table.name for one in rows_owned_by("evaluation_set_run")} >= {"evaluation_set_run_metrics"}
    assert {one.table.name for one in rows_owned_by("evaluation_set_item")} >= {"evaluation_set_item_files"}


def test_each_kind_of_object_belongs_to_one_group_of_the_setting_or_to_all():
    assert {*OBJECT_TYPES, *LISTED_TYPES} == {*GROUP_OF, *OF_ANY_GROUP}
    assert group_of(TABLES["batch_runs"]) == ""
    assert {table.name for table in TABLES.values() if group_of(table) == "processors"} == {
        "processors",
        "processor_versions",
    }


def test_what_is_fetched_and_listed_has_a_table_for_each():
    assert [table.name for table in tables_of("edit_template")] == ["edit_templates"]
    assert [table.name for table in tables_of("edit_run")] == ["edit_runs", "edit_run_summaries"]


def test_the_list_of_files_is_chosen_by_itself_and_what_else_is_said_of_files_comes_with_any_group():
    assert {table.name for table in TABLES.values() if group_of(table) == "files"} == {"file_summaries"}
    assert group_of(TABLES["files"]) == group_of(TABLES["file_pages"]) == ""


def test_a_payload_gives_rows_of_its_own_in_these_tables_beside_its_first():
    assert {one.table.name for one in rows_owned_by("file")} == {
        "file_contents",
        "file_pages",
        "file_sheets",
        "file_sections",
        "credit_usage",
        "credit_charges",
        "raw_payloads",
    }
    assert {one.table.name for one in rows_owned_by("config")} == {
        "run_config_classifications",
        "run_config_fields",
        "run_config_page_ranges",
    }


def test_every_column_with_the_id_of_a_run_file_or_config_says_so():
    silent = {
        f"{table.name}.{column.name}"
        for table in TABLES.values()
        for column in table.columns
        if column.name.endswith(("run_id", "file_id", "config_id")) and not (column.about or column.references)
    }
    assert silent == set()
