"""The rules, compiled: payloads in, payloads out in which nothing is left that must not be written anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pyarrow as pa
from dlt.common import logger
from dlt.common.configuration.exceptions import ConfigurationValueError

from extend_source.config.privacy_rules import PrivacyAction
from extend_source.config.settings import API_VERSION, ExtendSettings, resolved_privacy
from extend_source.privacy.columns import PERSONAL_TABLES, clean_rows, column_actions
from extend_source.privacy.documents import Cleaners, Document
from extend_source.privacy.evaluation import EvaluationCleaner
from extend_source.privacy.forms import FormCleaner
from extend_source.privacy.hiding import GONE, Hider
from extend_source.privacy.matching import FieldRule, FieldRules
from extend_source.privacy.objects import ColumnActions, ObjectCleaner, clean_each, replace_member
from extend_source.privacy.parse_outputs import ParseOutputCleaner
from extend_source.privacy.templates import Keys, parse_path, parse_template
from extend_source.privacy.usage import RuleUsage
from extend_source.privacy.verify_runs import VerifyRunCleaner
from extend_source.privacy.workflows import WorkflowCleaner
from extend_source.tables import TABLES, TableSchema, schemas
from extend_source.tables.configs import declared_fields
from extend_source.tables.credits import CREDIT_ATTRIBUTIONS, CREDIT_CHARGES
from extend_source.tables.files import PART_TABLES
from extend_source.tables.objects import LISTED_TABLES, LISTED_TYPES, OBJECT_TYPES
from extend_source.tables.parse_runs import PARSE_RUNS
from extend_source.tables.runs import output_format_of

_MAX_NOTED = 256

_APART = ("processor_run", "parse_run", "file")
_OUTPUTS = ("output", "initialOutput", "reviewedOutput")


class PrivacyRules:
    """What is hidden, and how. Cleaning twice changes nothing more.

    Attributes:
        hides_fields: some fields of documents are hidden, so that the text of files must not land either.
        usage: what the rules for fields have met.
    """

    def __init__(self, fields: FieldRules, columns: ColumnActions, hider: Hider) -> None:
        """Compile the rules; `privacy_rules` makes them of settings."""
        self._fields, self._columns, self._hider = fields, columns, hider
        self.hides_fields = fields.hides
        self.usage = RuleUsage()
        self.usage.expect(fields.rules)
        self._noted: dict[int, Any] = {}
        self._documents = Cleaners(columns, hider, known_only=fields.hides)
        self._run = self._cleaner(schemas.PROCESSOR_RUNS)
        self._merged_processor = self._cleaner(schemas.PROCESSOR_RUN_MERGED_PROCESSORS)
        self._file = self._cleaner(schemas.FILES)
        self._contents = self._cleaner(schemas.FILE_CONTENTS)
        self._parts = {part: self._cleaner(table) for part, table in PART_TABLES.items()}
        self._classification = self._cleaner(schemas.CLASSIFICATIONS)
        self._split = self._cleaner(schemas.SPLITS)
        self._credit_line = self._cleaner(CREDIT_ATTRIBUTIONS)
        self._credit_charge = self._cleaner(CREDIT_CHARGES)
        self._parse_run = self._cleaner(PARSE_RUNS)
        self._parse_outputs = ParseOutputCleaner(columns, hider, hides_fields=fields.hides)
        # each type but the three that `clean` names; those that hold nothing but columns need no cleaner of their own
        self._others: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            name: self._cleaner(kind.table) for name, kind in OBJECT_TYPES.items() if name not in _APART
        }
        self._others |= WorkflowCleaner(columns, hider, hides_fields=fields.hides, clean_files=self._files).cleaners
        of_a_file = {"clean_file": self.clean_file, "clean_usage": self._usage}
        self._others["verify_run"] = VerifyRunCleaner(columns, hider, hides_fields=fields.hides, **of_a_file).clean
        self._others |= FormCleaner(
            columns, hider, hides_fields=fields.hides, clean_document=self._clean_document, **of_a_file
        ).cleaners
        self._others |= EvaluationCleaner(
            columns,
            hider,
            hides_fields=fields.hides,
            clean_files=self._files,
            clean_output=self._clean_expected,
        ).cleaners
        self._is_idle = not fields.rules and not fields.hides and columns.keys() <= PERSONAL_TABLES
        self._listed = {table.name: self._cleaner(table) for table in LISTED_TABLES}

    def _cleaner(self, table: TableSchema) -> ObjectCleaner:
        return ObjectCleaner(table, self._columns, self._hider, known_only=self.hides_fields)

    @property
    def has_field_rules(self) -> bool:
        """Tell whether there are rules for fields."""
        return bool(self._fields.rules)

    def field_action(self, path: Keys, *, scalar: bool) -> PrivacyAction:
        """Say what happens to a field of a document.

        Args:
            path: the object keys from the document down to the field.
            scalar: it is a scalar.

        Returns:
            keep, hash, mask or drop.
        """
        return self._fields.action([path], scalar=scalar)

    def clean(self, object_type: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Clean an object.

        Args:
            object_type: what it is, a key of `OBJECT_TYPES`.
            payload: the canonical object; it is left as it is.

        Returns:
            A copy to be landed, and to be summed.
        """
        if object_type in self._others:
            return self._others[object_type](payload)
        if self._is_idle:  # what is hidden without a rule is in none of these
            return payload
        if object_type == "file":
            return self.clean_file(payload)
        return self._clean_parse_run(payload) if object_type == "parse_run" else self.clean_run(payload)

    def clean_run(self, run: dict[str, Any]) -> dict[str, Any]:
        """Clean a processor run."""
        clean = self._run(run)
        replace_member(clean, "usage", self._usage(clean.get("usage")))
        replace_member(clean, "files", self._files(run.get("files")))
        replace_member(clean, "mergedProcessors", self._merged_processor.all(run.get("mergedProcessors")))
        if self.hides_fields and not isinstance(run.get("config"), dict):
            replace_member(clean, "config", None)
        output_format = output_format_of(run.get("type"), run)
        if output_format in ("schema", "fields"):
            self._clean_extraction(clean, run, output_format)
        else:
            clean.update({key: self._staged_output(run[key], output_format) for key in _OUTPUTS if key in run})
            replace_member(clean, "edits", None if self.hides_fields else self._edits(run.get("edits")))
        return clean

    def _edits(self, edits: Any) -> Any:
        """Clean edits of what is no document by the rules for columns."""
        has_rules = schemas.EXTRACTION_EDITS.name in self._columns
        if not isinstance(edits, dict):
            return None if has_rules else edits
        ruled = self._documents.edit.ruled
        odd = {key: None if has_rules else edit for key, edit in edits.items() if not isinstance(edit, dict)}
        return {key: odd[key] if key in odd else ruled(edit) for key, edit in edits.items()}

    def clean_file(self, file: dict[str, Any]) -> dict[str, Any]:
        """Clean a file; where fields are hidden its text, which shows them, is left out."""
        clean = self._file(file)
        if "contents" not in clean:
            return clean
        if self.hides_fields:
            del clean["contents"]
            return clean
        contents = file["contents"]
        if isinstance(contents, dict):
            parts = {key: part.all(contents[key]) for key, part in self._parts.items() if key in contents}
            clean["contents"] = {**self._contents(contents), **parts}
        return clean

    def _clean_parse_run(self, run: dict[str, Any]) -> dict[str, Any]:
        """Clean a parse run; where fields are hidden what it has read, which shows them, is left out."""
        clean = self._parse_run(run)
        replace_member(clean, "usage", self._usage(clean.get("usage")))
        if isinstance(run.get("file"), dict):
            replace_member(clean, "file", self.clean_file(run["file"]))
        if self.hides_fields:
            if not isinstance(run.get("config"), dict):
                replace_member(clean, "config", None)
            if not isinstance(run.get("file"), dict):
                replace_member(clean, "file", None)
        if isinstance(run.get("output"), dict):
            clean["output"] = self._parse_outputs.clean(clean["output"])
        return clean

    def clean_summary(self, object_type: str, summary: dict[str, Any]) -> dict[str, Any]:
        """Clean what the listing says of an object."""
        listed = LISTED_TYPES[object_type]
        if self._is_idle and listed.table.name not in PERSONAL_TABLES:
            return summary
        clean = self._listed[listed.table.name](summary)
        replace_member(clean, "usage", self._usage(clean.get("usage")))
        for key, table in listed.children.items():
            replace_member(clean, key, self._listed[table.name].all(summary.get(key)))
        return clean

    def clean_tables(self, tables: dict[str, pa.Table]) -> None:
        """Apply the rules for columns to rows, for what is computed or was filled in from the destination."""
        for name, actions in self._columns.items():
            tables[name] = clean_rows(tables[name], actions, TABLES[name], self._hider)

    def clean_earlier(self, rows: pa.Table, schema: TableSchema, *, ruled: TableSchema) -> pa.Table:
        """Hide in copies of rows of earlier payloads what is hidden today.

        Args:
            rows: the copies.
            schema: their table. A value of a document is ``value_type`` and ``value_text``; where it is dropped, NULL.
            ruled: the table that they were copied from.

        Returns:
            The rows, of the same Arrow schema.
        """
        actions = self._columns.get(ruled.name, {})
        copied = {name: action for name, action in actions.items() if name in schema.column_names}
        rows = clean_rows(rows, copied, schema, self._hider)
        names = ("value_type", "value_text")
        if not self.hides_fields or not rows.num_rows or not {*names}.issubset(rows.column_names):
            return rows
        shown = zip(*(rows[name].to_pylist() for name in ("path", *names)), strict=True)
        columns = zip(*(self._hidden_value(*value) for value in shown), strict=True)
        for name, values in zip(names, columns, strict=True):
            place = rows.schema.get_field_index(name)
            rows = rows.set_column(place, rows.schema.field(place), pa.array(values, type=pa.string()))
        return rows

    def _hidden_value(self, path: str, value_type: str | None, text: str | None) -> tuple[str | None, str | None]:
        action = self.field_action(parse_path(path), scalar=value_type not in ("object", "array"))
        if action == "drop":
            return None, None
        if action == "keep" or text is None:
            return value_type, text
        return "string", self._hider.scalar(text, action)

    def _usage(self, usage: Any) -> Any:
        """Clean what things have cost; where fields are hidden nobody knows what unknown keys hold."""
        lines = usage.get("breakdown") if isinstance(usage, dict) else None
        if lines is None or not self.hides_fields:
            return usage
        cleaned = self._credit_line.all(lines)
        for line in cleaned or ():
            replace_member(line, "charges", self._credit_charge.all(line.get("charges")))
        return {**usage, "breakdown": cleaned}

    def _files(self, files: Any) -> Any:
        return clean_each(files, self.clean_file, known_only=self.hides_fields)

    def _clean_extraction(self, clean: dict[str, Any], run: dict[str, Any], output_format: str) -> None:
        """Clean outputs and edits: all values first, as the texts about them must not show those that are hidden."""
        document = Document(self._fields, self._hider, self._documents, run.get("config"))
        self._note_declared(run.get("config"))
        is_schema = output_format == "schema"
        clean_values = document.schema_values if is_schema else document.legacy_values
        clean_texts = document.schema_texts if is_schema else document.legacy_texts
        outputs = {key: run[key] for key in _OUTPUTS if key in run}
        edits = run.get("edits")
        if self.hides_fields:
            outputs = {key: clean_values(out) if isinstance(out, dict) else None for key, out in outputs.items()}
            edits = document.edit_values(edits) if isinstance(edits, dict) else None
        for path in document.fields:
            self.usage.note(path)
        clean.update({key: clean_texts(out) if isinstance(out, dict) else out for key, out in outputs.items()})
        replace_member(clean, "edits", document.edit_texts(edits) if isinstance(edits, dict) else edits)

    def _clean_document(self, value: Any) -> Any:
        """Clean a document that stands alone, by the rules for its fields."""
        document = Document(self._fields, self._hider, self._documents, None)
        clean = document.value(value, ())
        for path in document.fields:
            self.usage.note(path)
        return {} if clean is GONE else clean

    def _clean_expected(self, expected: Any, output_format: str | None) -> Any:
        """Clean what a document is expected to hold, as the output of a run is cleaned."""
        if output_format not in ("schema", "fields"):
            return self._staged_output(expected, output_format)
        if output_format == "fields" and self.hides_fields:
            known = {key: self._unnamed(part) if _is_id(key, part) else part for key, part in expected.items()}
            expected = {key: part for key, part in known.items() if part is not GONE}
        clean: dict[str, Any] = {}
        self._clean_extraction(clean, {"output": expected}, output_format)
        return clean["output"]

    def _unnamed(self, result: dict[str, Any]) -> Any:
        """Hide the value of a legacy field of which the name is not known, so that rules cannot tell."""
        value = self._hider.json(result.get("value"), self._fields.at_least("mask"))
        return value if value is GONE else {**result, "value": value}

    def _note_declared(self, config: Any) -> None:
        """Note the fields that a config declares; decoding gives equal configs as one object."""
        if not isinstance(config, dict) or id(config) in self._noted:
            return
        if len(self._noted) >= _MAX_NOTED:
            self._noted.clear()
        self._noted[id(config)] = config  # kept, so that no other object gets its id
        for path, *_ in declared_fields(config):
            self.usage.note(parse_path(path))

    def _staged_output(self, output: Any, output_format: str | None) -> Any:
        """Clean the output of a classification or a splitting; of any other run nothing is known of it."""
        if isinstance(output, dict) and output_format == "classification":
            clean = self._classification(output)
            replace_member(clean, "insights", self._documents.insight.all(output.get("insights")))
            return clean
        if isinstance(output, dict) and output_format == "splits":
            known = {key: None if self.hides_fields and key != "isExternal" else output[key] for key in output}
            return {**known, "splits": self._split.all(output["splits"])} if "splits" in output else known
        return None if self.hides_fields else output


def _is_id(key: str, result: Any) -> bool:
    """Tell whether the key of a legacy field is its id, as it is where several have one name."""
    return isinstance(result, dict) and result.get("id") == key


def privacy_rules(settings: ExtendSettings) -> PrivacyRules:
    """Compile the rules of the settings, and those that hold without one: names of people are dropped.

    Args:
        settings: the settings of the source.

    Returns:
        The rules.

    Raises:
        ConfigurationValueError: a rule cannot be read, or cannot be kept; one line says why.
    """
    privacy = resolved_privacy(settings.privacy)
    rules = []
    for text, action in (privacy.fields or {}).items():
        try:
            rules.append(FieldRule(parse_template(text), action, text))
        except ValueError as error:
            raise ConfigurationValueError(
                f"privacy.fields {text!r} is no path: {error}. Examples: total, line_items[].iban, **.email, "
                '["net.amount"].'
            ) from None
    fields = FieldRules(rules, cast(PrivacyAction, privacy.default))
    columns = column_actions(privacy.columns or {}, keep_raw=settings.keep_raw)
    if fields.hides and settings.file_contents == "fetch":
        raise ConfigurationValueError(
            'privacy hides fields, which the text of files would show: set file_contents to "none".'
        )
    return PrivacyRules(fields, columns, Hider(privacy.key))


def warn_of_left_out_text(settings: ExtendSettings, rules: PrivacyRules) -> None:
    """Say in the log that the text of documents does not land, where the settings have not said so."""
    if not rules.hides_fields:
        return
    if settings.file_contents == "embedded":
        logger.warning(
            'The text of files is left out, as it would show fields that privacy hides (file_contents: "none").'
        )
    if settings.parse_output != "none" and settings.api_version != API_VERSION:
        logger.warning(
            "The text that parse runs have read is left out, as it would show fields that privacy hides "
            '(parse_output: "none" would save the requests for them).'
        )
