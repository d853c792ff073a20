"""Cleaning what a run has read from its document: the values, what is said about them, and their edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from extend_source.config.privacy_rules import PrivacyAction
from extend_source.privacy.hiding import GONE, Hider
from extend_source.privacy.matching import FieldRules
from extend_source.privacy.objects import ColumnActions, ObjectCleaner, replace_member, without_texts
from extend_source.privacy.places import Place, Places
from extend_source.privacy.templates import Keys, parse_path
from extend_source.privacy.texts import HiddenTexts
from extend_source.tables import TableSchema, schemas
from extend_source.tables.walking import walk


class Cleaners:
    """The cleaners of the objects that are found in a document's output."""

    def __init__(self, actions: ColumnActions, hider: Hider, *, known_only: bool) -> None:
        """Compile them; see `ObjectCleaner`."""

        def cleaner(table: TableSchema, *handled: str) -> ObjectCleaner:
            return ObjectCleaner(table, actions, hider, known_only=known_only, handled=handled)

        self.known_only = known_only
        self.entry = cleaner(schemas.EXTRACTION_FIELDS, "citations", "insights")
        self.result = cleaner(schemas.EXTRACTION_FIELDS, "value", "references", "insights")
        self.citation = cleaner(schemas.EXTRACTION_CITATIONS)
        self.reference = cleaner(schemas.EXTRACTION_CITATIONS, "boundingBoxes")
        self.insight = cleaner(schemas.OUTPUT_INSIGHTS)
        self.edit = cleaner(schemas.EXTRACTION_EDITS)


class Document:
    """The document of one extraction run.

    Values are cleaned first, all of the run; then it is known what the texts about them must not show.
    """

    def __init__(self, rules: FieldRules, hider: Hider, cleaners: Cleaners, config: Any) -> None:
        """Begin.

        Args:
            rules: the rules for fields.
            hider: applies them.
            cleaners: the cleaners of objects.
            config: the run's config: it declares fields, and names legacy ones, whose ids can stand for them.
        """
        self._rules, self._hider, self._clean, self._aliases = rules, hider, cleaners, legacy_names(config)
        self._texts = HiddenTexts()
        self._places = Places(config)
        self._above_hidden: set[Keys] = set()
        self._edit_places: dict[str, Place] = {}

    @property
    def fields(self) -> set[Keys]:
        """The paths of all values that were cleaned, by the names of legacy fields."""
        return {tuple(self._aliases.get(key, key) for key in path) for path in self._places.present}

    # ---- values

    def value(self, value: Any, *paths: Keys) -> Any:
        """Clean a value; `GONE` if nothing is left of it.

        Args:
            value: any JSON value.
            *paths: the paths that it may go by, one as a rule.
        """
        self._places.present.update(paths)
        if isinstance(value, dict):
            members = ((key, self.value(item, *((*path, key) for path in paths))) for key, item in value.items())
            clean: Any = {key: item for key, item in members if item is not GONE}
        elif isinstance(value, list):
            items = [self.value(item, *paths) for item in value]
            gone = all(item is GONE for item in items)
            # the others keep their places, as paths count them
            clean = (
                [] if gone else [_emptied(old) if new is GONE else new for old, new in zip(value, items, strict=True)]
            )
        else:
            return self._scalar(value, paths)
        if not clean and (action := self._action(paths, scalar=False)) != "keep":
            self._note_hidden(paths)
            return GONE if action == "drop" else clean
        return clean

    def _scalar(self, value: Any, paths: tuple[Keys, ...]) -> Any:
        action = self._action(paths, scalar=True)
        if action == "keep":
            return value
        self._note_hidden(paths)
        self._texts.add(value)
        return self._hider.scalar(value, action)

    def _note_hidden(self, paths: tuple[Keys, ...]) -> None:
        for path in paths:
            above = path
            while above and (above := above[:-1]) not in self._above_hidden:
                self._above_hidden.add(above)

    def _action(self, paths: Sequence[Keys], *, scalar: bool) -> PrivacyAction:
        return self._rules.action(self._with_names(paths), scalar=scalar)

    def _with_names(self, paths: Sequence[Keys]) -> Sequence[Keys]:
        if not self._aliases:
            return paths
        return [*paths, *(tuple(self._aliases.get(key, key) for key in path) for path in paths)]

    # ---- outputs

    def schema_values(self, output: dict[str, Any]) -> dict[str, Any]:
        """Clean the values of ``{"value": ..., "metadata": ...}``; the metadata come later."""
        clean: dict[str, Any] = dict.fromkeys(output)
        if isinstance(output.get("metadata"), dict):
            clean["metadata"] = output["metadata"]
        if "value" in output:
            self._note_odd_paths(output["value"])
            value = self.value(output["value"], ())
            clean["value"] = {} if value is GONE else value
        return clean

    def legacy_values(self, output: dict[str, Any]) -> dict[str, Any]:
        """Clean the values of ``{name: {"value": ...}}``; the rest of the results comes later."""
        clean: dict[str, Any] = {}
        for name, result in output.items():
            paths = self._legacy_paths(name, result)
            for path in paths:
                self._places.add_name(name, path)
                if isinstance(result, dict) and isinstance(result.get("id"), str):
                    self._places.add_name(result["id"], path)
            if not isinstance(result, dict):
                value = self.value(result, *paths)
                if value is not GONE:
                    clean[name] = value
            elif "value" not in result:
                if self._action(paths, scalar=True) != "drop":
                    clean[name] = result
            elif (value := self.value(result["value"], *paths)) is not GONE:
                clean[name] = {**result, "value": value}
        return clean

    def _legacy_paths(self, name: str, result: Any) -> list[Keys]:
        """The path of a legacy result: its key, and what the config calls the field of its id."""
        named = (
            self._aliases.get(result["id"]) if isinstance(result, dict) and isinstance(result.get("id"), str) else None
        )
        return [(name,)] if named in (None, name) else [(name,), (named,)]

    def _note_odd_paths(self, value: Any) -> None:
        """Note how the API may write the paths of keys that need quotes."""
        for node in walk(value):
            if node.raw_path is not None:
                self._places.add_name(node.raw_path, parse_path(node.template))

    # ---- what is said about values

    def schema_texts(self, output: dict[str, Any]) -> dict[str, Any]:
        """Clean the metadata of an output whose values are clean."""
        metadata = output.get("metadata")
        if not isinstance(metadata, dict):
            return output
        places = (
            {key: self._places.place(key) for key in metadata} if self._rules.hides else dict.fromkeys(metadata, _ANY)
        )
        for key, entry in metadata.items() if self._rules.hides else ():
            if isinstance(entry, dict) and _is_objects(entry.get("citations")) and self._level(places[key]) != "keep":
                for citation in entry["citations"]:
                    self._texts.add_citation(citation.get("referenceText"))
        entries = ((key, self._entry(entry, places[key])) for key, entry in metadata.items())
        return {**output, "metadata": {key: entry for key, entry in entries if entry is not GONE}}

    def legacy_texts(self, output: dict[str, Any]) -> dict[str, Any]:
        """Clean what the results of a legacy output say beside their values."""
        return {
            name: self._result(result, self._legacy_paths(name, result)) if isinstance(result, dict) else result
            for name, result in output.items()
        }

    def _level(self, place: Place) -> PrivacyAction | None:
        """What happens to texts about a value: an action, or None where they may show a hidden part of it.

        What stands under a key that no field goes by is masked: nobody knows what it is.
        """
        if not self._rules.hides:
            return "keep"
        paths = place.paths
        if not place.is_known and (action := self._action_of_unknown(paths)) != "keep":
            return action
        action = self._action(paths, scalar=not any(path in self._above_hidden for path in paths))
        if action != "keep":
            return action
        if any(path in self._above_hidden for path in paths):
            return None
        absent = [path for path in paths if path not in self._places.present]
        if absent and any(self._rules.may_hide_below(path) for path in self._with_names(absent)):
            return None
        return "keep"

    def _action_of_unknown(self, paths: list[Keys]) -> PrivacyAction:
        """What happens to all that is under a key that no field goes by: what a rule says of its words, else masked."""
        return self._rules.action_by_name(self._with_names(paths)) or self._rules.at_least("mask")

    def _entry(self, entry: Any, place: Place) -> Any:
        level = self._level(place)
        if level == "drop":
            return GONE
        if not isinstance(entry, dict):
            return None if self._rules.hides else entry
        clean = self._clean.entry(entry)
        replace_member(clean, "citations", self._citations(entry.get("citations"), level, self._clean.citation))
        replace_member(clean, "insights", self._insights(entry.get("insights"), level))
        return clean

    def _result(self, result: dict[str, Any], paths: list[Keys]) -> dict[str, Any]:
        level = self._level(Place(paths, is_known=True))
        clean = self._clean.result(result)
        replace_member(clean, "references", self._citations(result.get("references"), level, self._clean.reference))
        replace_member(clean, "insights", self._insights(result.get("insights"), level))
        return clean

    def _citations(self, citations: Any, level: PrivacyAction | None, cleaner: ObjectCleaner) -> Any:
        if not _is_objects(citations):
            return None if self._rules.hides else citations
        clean = []
        for citation in citations:
            known = cleaner.known(citation)
            if self._rules.hides:
                for key in ("polygon", "boundingBoxes"):
                    if key in known:
                        known[key] = without_texts(known[key])
                if "referenceText" in known:
                    known["referenceText"] = self._text(known["referenceText"], level)
                for key in _NAMES.intersection(known):
                    known[key] = self._text(known[key], "keep")
            clean.append(cleaner.ruled(known))
        return clean

    def _insights(self, insights: Any, level: PrivacyAction | None) -> Any:
        if not _is_objects(insights):
            return None if self._rules.hides else insights
        clean = []
        for insight in insights:
            known = self._clean.insight.known(insight)
            if "content" in known:
                known["content"] = self._text(known["content"], level if level == "keep" else None)
            clean.append(self._clean.insight.ruled(known))
        return clean

    def _text(self, text: Any, level: PrivacyAction | None) -> Any:
        """Clean a text about a value: hidden like the value, or left out where it shows what is hidden."""
        if not self._rules.hides:
            return text
        if level is None or level == "drop" or not isinstance(text, str):
            return None
        if level != "keep":
            return self._hider.scalar(text, level)
        return None if self._texts.are_in(text) else text

    # ---- edits

    def edit_values(self, edits: dict[str, Any]) -> dict[str, Any]:
        """Clean the values of reported edits; their notes come later."""
        self._edit_places = {key: self._places.place(key) for key in edits}
        present, self._places.present = self._places.present, set()  # that it was edited does not make it a value
        clean = {key: self._edit_values(edit, self._edit_places[key]) for key, edit in edits.items()}
        self._places.present = present
        return clean

    def _edit_values(self, edit: Any, place: Place) -> Any:
        if not isinstance(edit, dict):
            return None
        clean = self._clean.edit.known(edit)
        for key in ("originalValue", "editedValue"):
            if key in clean and (value := self._edit_value(clean[key], place)) is not GONE:
                clean[key] = value
            else:
                clean.pop(key, None)
        return clean

    def _edit_value(self, value: Any, place: Place) -> Any:
        if place.is_known or (action := self._action_of_unknown(place.paths)) == "keep":
            return self.value(value, *place.paths)
        self._texts.add_all(value)
        return self._hider.json(value, action)

    def edit_texts(self, edits: dict[str, Any]) -> dict[str, Any]:
        """Leave out dropped edits and clean the texts of the others, whose values are clean."""
        clean: dict[str, Any] = {}
        for key, edit in edits.items():
            level = self._level(self._edit_places[key]) if self._rules.hides else "keep"
            if level == "drop":
                continue
            if isinstance(edit, dict):
                edit = dict(edit)
                if "notes" in edit:
                    edit["notes"] = self._text(edit["notes"], level if level == "keep" else None)
                if "fieldType" in edit and edit["fieldType"] not in _FIELD_TYPES:
                    edit["fieldType"] = self._text(edit["fieldType"], level if level == "keep" else None)
                edit = self._clean.edit.ruled(edit)
            clean[key] = edit
        return clean


_NAMES = frozenset({"cellRange", "fieldName", "id"})
"""The names in a citation, which show a value of the document only by accident."""

_ANY = Place([()], is_known=True)

_FIELD_TYPES = frozenset(
    {
        *("any", "array", "boolean", "currency", "date", "datetime", "enum", "integer", "null", "number", "object"),
        *("section", "signature", "string", "table"),
    }
)
"""What an edit may call the type of its field; anything else may be a text of the document."""


def _emptied(value: Any) -> Any:
    """What stays of an array's item that is dropped while others are not."""
    if isinstance(value, dict):
        return {}
    return [] if isinstance(value, list) else None


def _is_objects(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def legacy_names(config: Any) -> dict[str, str]:
    """The names of legacy fields by their ids, nested ones included."""
    return dict(_ids_and_names(config.get("fields"))) if isinstance(config, dict) else {}


def _ids_and_names(fields: Any) -> Iterator[tuple[str, str]]:
    for entry in fields if isinstance(fields, list) else ():
        if isinstance(entry, dict):
            field_id, name = entry.get("id"), entry.get("name")
            if isinstance(field_id, str) and isinstance(name, str):
                yield field_id, name
            yield from _ids_and_names(entry.get("schema"))
