"""What dlt's config providers hold: names that nobody reads, and where a value comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationValueError, LookupTraces
from dlt.common.configuration.providers import EnvironProvider
from dlt.common.configuration.providers.doc import BaseDocProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.pipeline import PipelineContext

from extend_source.config.installation import install_command, pip
from extend_source.error_codes import ErrorCode

SOURCES = "sources"

DLT_SECTIONS = frozenset({"credentials", "data_writer", "extract", "schema"})
"""Sections that dlt itself looks for below a source's."""

_SEPARATOR = "__"
_MAX_NAMED = 3

_CLOSE, _VERY_CLOSE = 0.7, 0.85
_SLIPS = frozenset({"extended", "extendai", "extendapi", "extendsource"})
"""What the section is called by mistake, beside typing errors."""

_COMMON = frozenset({"api_key", "api_version", "base_url", "start_date", "workspace_id"})
"""Settings that other sources have too: they do not tell whose a section is."""

_MAX_WORD_LENGTH, _MAX_NAME_LENGTH = 16, 40
_WORDS = re.compile(r"[_.\-]+")
_KEY_STARTS = ("sk", "pk", "ek", "rk")
_SECRET = re.compile(r"key|secret|password|token|credential", re.IGNORECASE)
_MAX_CHARACTERS = 40


@dataclass(frozen=True)
class Entry:
    """A value that a provider holds.

    Attributes:
        path: its sections and its key; of a variable in lower case.
        value: the value.
        file: the file it stands in; None: it is a variable.
        variable: the variable's name; None: it stands in a file.
    """

    path: tuple[str, ...]
    value: Any
    file: str | None = None
    variable: str | None = None

    @property
    def where(self) -> str:
        """Say where it stands, for people."""
        if self.variable is not None:
            return f"{self.variable} in the environment"
        return f"[{'.'.join(self.path[:-1])}] in {self.file}" if len(self.path) > 1 else str(self.file)


def entries() -> Iterator[Entry]:
    """Yield what the providers hold that can be enumerated, in the order in which dlt asks them."""
    for provider in Container()[PluggableRunContext].providers.providers:
        if isinstance(provider, EnvironProvider):
            for name, value in os.environ.items():
                yield Entry(tuple(name.lower().split(_SEPARATOR)), value, variable=name)
        elif isinstance(provider, BaseDocProvider):
            for path, value in _leaves((), provider._config_doc):
                yield Entry(path, value, file=_file_of(provider, path))


def _leaves(sections: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves((*sections, str(key)), value)
        else:
            yield (*sections, str(key)), value


def _file_of(provider: BaseDocProvider, path: tuple[str, ...]) -> str:
    """Name the file of a value; files of the same name, the project's and the user's, are told apart by their paths."""
    location = provider.get_value_location(path[-1], None, *path[:-1])
    name = location.rpartition(":")[2]
    files = [file for file in provider.present_locations if Path(file).name == name]
    if not files:
        return location or provider.name
    return str(Path(files[-1] if location.startswith("global:") else files[0]))


def refuse_unread(section: str, settings: Collection[str], tables: Mapping[str, Collection[str]]) -> None:
    """Refuse settings that nobody reads because of a typing error in their name or in that of their section.

    Args:
        section: the source's section, below ``sources``.
        settings: the names of all settings.
        tables: of settings that are tables, the names in them.

    Raises:
        ConfigurationValueError: one line that names them, where they stand, and what was meant.
    """
    context = Container()[PipelineContext]
    pipeline = context.pipeline().pipeline_name if context.is_active() else None
    reader = _Reader(section, frozenset(settings), tables, pipeline)
    found = list(dict.fromkeys(line for entry in entries() if (line := reader.complaint(entry)) is not None))
    if found:
        raise ErrorCode.UNKNOWN_SETTING.on(ConfigurationValueError(" ".join(found[:_MAX_NAMED])))


def refuse_unknown_arguments(names: Collection[str], settings: Collection[str]) -> None:
    """Refuse keyword arguments that are no settings.

    Args:
        names: the arguments.
        settings: the names of all settings.

    Raises:
        ConfigurationValueError: one line that names the first one, and what was meant.
    """
    for name in names:
        if name not in settings:
            meant = closest(name, settings)
            raise ErrorCode.UNKNOWN_SETTING.on(ConfigurationValueError(_no_setting(name, "an argument", meant, meant)))


def refuse_unknown_sections(section: str, settings: Collection[str], resources: Collection[str]) -> None:
    """Refuse sections below the source's that belong to nothing.

    Args:
        section: the source's section, below ``sources``.
        settings: the names of all settings.
        resources: the names of the source's resources, which may have sections of their own.

    Raises:
        ConfigurationValueError: one line that names the first one and where it stands.
    """
    known = {section, *settings, *resources, *DLT_SECTIONS}
    for entry in entries():
        below = _below(entry.path, section)
        if len(below) > 1 and below[0] not in {name.lower() if entry.variable else name for name in known}:
            raise ErrorCode.UNKNOWN_SETTING.on(ConfigurationValueError(_no_setting(below[0], entry.where, None, None)))


def closest(name: str, names: Collection[str]) -> str | None:
    """Return the name that was meant by another one; None: it is not like any."""
    by_plain = {_plain(each): each for each in names}
    plain = _plain(name)
    if plain in by_plain:
        return by_plain[plain]
    found = get_close_matches(plain, by_plain, n=1, cutoff=_CLOSE)
    return by_plain[found[0]] if found else None


def _plain(name: str) -> str:
    return _WORDS.sub("_", name.strip().lower())


def looks_like_a_name(text: str) -> bool:
    """Tell whether a text is the name of something, and not a secret that was pasted where a name belongs."""
    words = _WORDS.split(text)
    return (
        len(text) <= _MAX_NAME_LENGTH
        and words[0].lower() not in _KEY_STARTS
        and all(
            word.isascii() and word.isalpha() and len(word) <= _MAX_WORD_LENGTH and word in (word.lower(), word.upper())
            for word in words
        )
    )


def _no_setting(name: str, where: str, meant: str | None, suggestion: str | None) -> str:
    """Say that there is no such setting; the name is shown where it is near another one, or looks like a name."""
    if meant is not None:
        return f"There is no setting {name} ({where}); did you mean {suggestion}?"
    if looks_like_a_name(name):
        return f"There is no setting {name} ({where}), and nothing reads it: the docs list all settings."
    where = re.sub(re.escape(name), "...", where, flags=re.IGNORECASE)
    return f"There is no setting of a name that is not shown here, as it may be a secret ({where})."


def _below(path: tuple[str, ...], section: str) -> tuple[str, ...]:
    """Return the part of a path below a source's section; before that may stand the name of a pipeline."""
    if path[1:3] == (SOURCES, section):
        path = path[1:]
    if path[:2] != (SOURCES, section):
        return ()
    # dlt looks into a section of the source's name, below that of the module, first
    return path[3:] if path[2:3] == (section,) and len(path) > 3 else path[2:]


@dataclass(frozen=True)
class _Reader:
    """What the source reads."""

    section: str
    settings: frozenset[str]
    tables: Mapping[str, Collection[str]]
    pipeline: str | None

    def complaint(self, entry: Entry) -> str | None:
        """Say what is wrong with an entry; None: it is read, or is none of the source's."""
        below = _below(entry.path, self.section)
        if below:
            return self._unknown(entry, below) or self._in_lower_case(entry)
        return self._misplaced(entry)

    def _unknown(self, entry: Entry, below: tuple[str, ...]) -> str | None:
        name = below[0]
        if name in self.settings:
            return None
        if len(below) > 1 and name in self.tables:
            return self._unknown_key(entry, below[1], self.tables[name])
        if len(below) > 1:
            return self._unknown_section(entry, below)
        meant = closest(
            name, [*self.settings, *(f"{table}.{key}" for table in self.tables for key in self.tables[table])]
        )
        if meant is None or entry.variable is not None:
            return _no_setting(name, entry.where, meant, meant and f"{meant} ({self._variable(meant)})")
        table, _, key = meant.rpartition(".")
        return _no_setting(name, entry.where, meant, f"{key} under {self._section(table)}" if table else meant)

    def _unknown_key(self, entry: Entry, key: str, keys: Collection[str]) -> str | None:
        return None if key in keys else _no_setting(key, entry.where, meant := closest(key, keys), meant)

    def _unknown_section(self, entry: Entry, below: tuple[str, ...]) -> str | None:
        """Name the section that was meant; another unknown one may be a resource's: only the source knows them."""
        name = below[0]
        meant = None if name in DLT_SECTIONS else closest(name, [*self.tables, *DLT_SECTIONS])
        if meant is None:
            return None
        is_variable = entry.variable is not None
        right = self._variable(".".join((meant, *below[1:]))) if is_variable else self._section(meant)
        return f"Nothing reads {entry.where}; did you mean {right}?"

    def _section(self, table: str) -> str:
        return f"[{SOURCES}.{self.section}.{table}]"

    def _variable(self, setting: str) -> str:
        return _SEPARATOR.join((SOURCES, self.section, *setting.split("."))).upper()

    def _in_lower_case(self, entry: Entry) -> str | None:
        name = entry.variable
        if name is None or name == name.upper():
            return None
        return f"Nothing reads {name} in the environment; did you mean {name.upper()}?"

    def _misplaced(self, entry: Entry) -> str | None:
        """Find the source's settings in a section whose name is nearly that of the source's."""
        rest = self._below_a_near_miss(entry)
        if not rest or not (meant := self._meant(rest[0])):
            return None
        if entry.variable is not None:
            right = self._variable(".".join((meant, *rest[1:])))
            return f"Nothing reads {entry.variable} in the environment; did you mean {right}?"
        sections = ".".join(entry.path[: len(entry.path) - len(rest)])
        return f"Nothing reads [{sections}] in {entry.file}; did you mean [{SOURCES}.{self.section}]?"

    def _meant(self, name: str) -> str | None:
        meant = closest(name, self.settings)
        return meant if meant and _ratio(name, meant) >= _VERY_CLOSE else None

    def _below_a_near_miss(self, entry: Entry) -> tuple[str, ...]:
        path = entry.path
        if path[0] == self.pipeline:
            path = path[1:]
        for start in (0, 1):  # a pipeline's name may stand first
            first, second, rest = path[start : start + 1], path[start + 1 : start + 2], path[start + 2 :]
            if first and second and rest and self._is_near(first[0], second[0], rest[0]):
                return rest
        if len(path) > 1 and self._is_near_section(path[0], path[1]):
            return path[1:]
        if len(path) > 1 and _is_like(_letters(path[0]), SOURCES + self.section):
            return path[1:]
        if entry.variable is not None:  # one underscore in the place of two
            words = [word for word in entry.variable.lower().split("_") if word]
            if len(words) > 2 and _is_like(words[0], SOURCES) and self._is_near_section(words[1], ""):
                return ("_".join(words[2:]),)
        return ()

    def _is_near(self, first: str, second: str, key: str) -> bool:
        if {first.lower(), second.lower()} == {SOURCES, self.section}:
            return True  # in upper case, or the one before the other
        return _is_like(first, SOURCES) and self._is_near_section(second, key)

    def _is_near_section(self, name: str, key: str) -> bool:
        letters = _letters(name)
        if any(mark.isdigit() for mark in name):
            return False  # one of several, for example of a second workspace
        if _is_like(letters, self.section) or letters in _SLIPS:
            return "_" not in name or letters in _SLIPS or letters == self.section
        meant = self._meant(key)
        return meant is not None and meant not in _COMMON and _ratio(letters, self.section) >= 0.8


def _is_like(name: str, wanted: str) -> bool:
    """Tell whether one name is another with a typing error: a letter too many, too few, or two that changed places."""
    name = name.lower()
    return _ratio(name, wanted) >= _VERY_CLOSE or sorted(name) == sorted(wanted)


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one.lower(), other.lower()).ratio()


def _letters(name: str) -> str:
    return "".join(mark for mark in name.lower() if mark.isalpha())


def missing_fields(error: ConfigFieldMissingException) -> str:
    """Say which settings are missing, where they belong, and what a destination needs installed.

    Args:
        error: what dlt raised.

    Returns:
        One line.
    """
    if "api_key" in error.fields:
        where = "SOURCES__EXTEND__API_KEY, or api_key under [sources.extend] in .dlt/secrets.toml"
        return f"No api_key. Set {where} (extend-source init does it)."
    sections = max(_sections(error.traces), key=len, default=())
    names = ", ".join(_missing(error.traces))
    where = f"under [{'.'.join(sections)}] in .dlt/secrets.toml"
    if sections[:1] != ("destination",) or len(sections) < 2:
        return f"Missing: {names}. Set them {where if sections else 'in .dlt/secrets.toml'}."
    name = sections[1]
    variable = _SEPARATOR.join((*sections, "...")).upper()
    return f"The destination {name} needs {names}. Set them {where}, or as {variable}{_extra(name)}."


def _sections(traces: Any) -> Iterator[tuple[str, ...]]:
    for found in traces.values():
        for trace in found:
            if isinstance(trace, LookupTraces):
                yield from _sections(trace.traces)
            else:
                yield tuple(trace.sections)


def _missing(traces: Any, before: str = "") -> Iterator[str]:
    """Yield the missing fields by name; where one of several forms of credentials would do, those of the first."""
    for name, found in traces.items():
        nested = next((trace for trace in found if isinstance(trace, LookupTraces)), None)
        if nested is None:
            yield f"{before}{name}"
        else:
            yield from _missing(nested.traces, f"{before}{name}.")


def _extra(destination: str) -> str:
    """Say what to install for a destination, where that is known."""
    extras = metadata("dlt").get_all("Provides-Extra") or ()
    if destination not in extras:
        return ""
    ours = destination == "sqlalchemy"
    return f", and install what it needs: {install_command(destination) if ours else pip(f'dlt[{destination}]')}"


_TAKES: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def wrong_type(key: str, value: Any, hint: Any) -> str:
    """Say that a value is of the wrong type: the setting, where it stands, and what it takes.

    Args:
        key: the name of the setting.
        value: what dlt found.
        hint: what it was to become.

    Returns:
        One line, without the value where that may be a secret.
    """
    takes = _TAKES.get(hint) or ('a list, for example ["..."]' if hint is list else f"a {_name_of(hint)}")
    entry = next((each for each in entries() if each.path[-1] == key.lower() and each.value == value), None)
    where = f" ({entry.where})" if entry else ""
    text = str(value)
    hidden = _SECRET.search(key) or len(text) > _MAX_CHARACTERS or not text.isprintable() or _is_key(text)
    return f"{key}{where} takes {takes}{'' if hidden else f'; not {text!r}'}."


def _is_key(text: str) -> bool:
    return text[:3] in {f"{start}_" for start in _KEY_STARTS} or (
        len(text) >= _MAX_WORD_LENGTH and any(mark.isdigit() for mark in text) and any(mark.isalpha() for mark in text)
    )


def _name_of(hint: Any) -> str:
    return str(getattr(hint, "__name__", hint))
