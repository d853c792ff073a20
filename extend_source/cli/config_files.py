"""The files of a dlt project: config.toml, secrets.toml and .gitignore. What stands in them is never changed."""

from __future__ import annotations

import inspect
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from extend_source.config.settings import FILE_CONTENTS, PARSE_OUTPUTS, SECTION, ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError

CONFIG, SECRETS, IGNORED = Path(".dlt/config.toml"), Path(".dlt/secrets.toml"), Path(".gitignore")

_SOURCES = "sources"
_MARK = "\ufeff"
_MAX_COMMENT = 110
_CHOICES = {"file_contents": FILE_CONTENTS, "parse_output": PARSE_OUTPUTS}
_EXAMPLES: dict[str, Any] = {
    "workspace_id": "ws_...",
    "start_date": "2026-01-31",
    "processor_ids": ["dp_..."],
    "max_requests": 5000,
    "credit_budget": 10000,
}
"""What stands for a setting that has no default."""

_CHANGED = (
    *("base_url", "api_version", "workspace_id", "start_date", "processor_ids", "requests_per_second"),
    *("file_contents", "parse_output", "typed_tables", "keep_raw", "reconcile_hours", "review_window_days"),
    *("max_requests", "credit_budget"),
)
"""The settings that people change, in the order in which the file has them."""

_ANYWHERE = frozenset(
    {".dlt", ".dlt/", "secrets.toml", "*secrets.toml", "*.toml", "**/.dlt/*", "**/.dlt/**", "**/.dlt/secrets.toml"}
)
"""Lines of a .gitignore that keep the secrets of all projects below it out."""

_HERE = (".dlt", ".dlt/", ".dlt/*", ".dlt/**", ".dlt/*.toml", ".dlt/secrets.toml")
"""What keeps the secrets of one project out, after the way to it: a line with a slash before its end is a path."""


def meanings_of(documented: type[Any]) -> dict[str, str]:
    """Read the meanings of settings.

    Args:
        documented: a class with a section `Attributes` in its docstring, in Google's style.

    Returns:
        The meanings by name, each on one line.
    """
    section = (inspect.getdoc(documented) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()).replace("``", "`") for name, text in entries}


def config_section(chosen: Mapping[str, Any]) -> str:
    """Write the section of the source for a config.toml.

    Args:
        chosen: the settings that it has; all others are there as comments, with their defaults.

    Returns:
        TOML.
    """
    meanings = meanings_of(ExtendSettings)
    defaults = {field.name: field.default for field in fields(ExtendSettings)}
    lines = [f"[{_SOURCES}.{SECTION}]"]
    for name in dict.fromkeys((*_CHANGED, *chosen)):
        default = _EXAMPLES.get(name, defaults[name])
        value = chosen.get(name, default)
        lines += ["", f"# {_short(name, meanings[name])}"]
        lines.append(f"{'' if name in chosen else '# '}{name} = {tomlkit.item(value).as_string()}")
    return "\n".join(lines) + "\n"


def _short(name: str, meaning: str) -> str:
    """Cut a meaning to one line, at the end of a sentence."""
    meaning = meaning[0].upper() + meaning[1:].replace("`", "").replace("None:", "Not set:")
    if name in _CHOICES:
        return f"{re.split('[.:(]', meaning)[0].strip()}: {', '.join(_CHOICES[name])}."
    sentences = re.split(r"(?<=[.;]) ", meaning)
    line = sentences[0]
    for sentence in sentences[1:]:
        if len(line) + len(sentence) >= _MAX_COMMENT:
            break
        line = f"{line} {sentence}"
    return line.rstrip(".;") + "."


@dataclass(frozen=True)
class Project:
    """The folder of a dlt project.

    Attributes:
        folder: where ``.dlt`` is, or will be.
    """

    folder: Path

    def write_config(self, chosen: Mapping[str, Any]) -> str | None:
        """Write the section of the source, or what it lacks of some settings.

        Args:
            chosen: the settings that it must have.

        Returns:
            What was done; None: all was there.

        Raises:
            UsageError: it has another value for one of them, or is not to be added to.
        """
        path = self.folder / CONFIG
        if not path.exists():
            head = "# Settings of this project for dlt-source-extend. The key is a secret: .dlt/secrets.toml.\n\n"
            _create(path, head + config_section(chosen))
            return f"Wrote {CONFIG}: all that is usually set, as comments with the defaults."
        section = _section(_read(path))
        if section is None:
            text = _text(path)
            gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
            _replace(path, text + gap + config_section(chosen), chosen)
            return f"Added [{_SOURCES}.{SECTION}] to {CONFIG}, below what was there."
        other = [name for name, value in chosen.items() if section.get(name, value) != value]
        if other:
            name = other[0]
            raise UsageError(
                f"{CONFIG} has another {name}",
                f"Set {name} = {tomlkit.item(chosen[name]).as_string()} there",
                error_code=ErrorCode.SETTINGS_FILE,
            )
        return self._add(CONFIG, {name: value for name, value in chosen.items() if name not in section})

    def write_key(self, api_key: str) -> str:
        """Put the key into the secrets, which only their owner may read.

        Args:
            api_key: the key.

        Returns:
            What was done.

        Raises:
            UsageError: there is another key, or the file is not to be added to.
        """
        path = self.folder / SECRETS
        if not path.exists():
            _create(path, f"[{_SOURCES}.{SECTION}]\napi_key = {tomlkit.item(api_key).as_string()}\n", mode=0o600)
            return f"Wrote {SECRETS} with the key; only you may read it."
        if (section := _section(_read(path))) is not None and "api_key" in section:
            raise UsageError(f"{SECRETS} has another key", "Correct it there", error_code=ErrorCode.SETTINGS_FILE)
        path.chmod(0o600)
        self._add(SECRETS, {"api_key": api_key})
        return f"Added the key to {SECRETS}; only you may read it."

    def keep_secrets_out_of_git(self) -> str | None:
        """Have git ignore the secrets.

        Returns:
            What was done; None: it does already, or this is no work tree.
        """
        folder = self.folder.resolve()
        tree = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
        if tree is None:
            return None
        if self._are_secrets_ignored(tree):
            return None
        path = folder / IGNORED
        before = path.read_bytes() if path.exists() else b""
        end = b"\r\n" if b"\r\n" in before else b"\n"
        gap = b"" if not before or before.endswith(b"\n") else end
        with path.open("ab") as file:
            file.write(gap + SECRETS.as_posix().encode() + end)
        return f"Added {SECRETS} to {IGNORED}: git must never have it."

    def _are_secrets_ignored(self, tree: Path) -> bool:
        """Tell whether a line of a .gitignore keeps the secrets out, and none below it lets them in again."""
        folder = self.folder.resolve()
        ignored = False
        for each in reversed([each for each in (folder, *folder.parents) if each == tree or tree in each.parents]):
            if not (each / IGNORED).is_file():
                continue
            way = "" if each == folder else f"{folder.relative_to(each).as_posix()}/"
            here = {f"{start}{way}{pattern}" for start in ("", "/") for pattern in _HERE}
            for line in (each / IGNORED).read_text("utf-8", errors="replace").splitlines():
                pattern = line.strip()
                if pattern.removeprefix("!") in _ANYWHERE | here:
                    ignored = not pattern.startswith("!")
        return ignored

    def _add(self, name: Path, chosen: Mapping[str, Any]) -> str | None:
        """Add settings to the section of the source, or that to the file."""
        if not chosen:
            return None
        path = self.folder / name
        document = _read(path)
        section = _section(document)
        if section is None:
            text = "".join(f"{key} = {tomlkit.item(value).as_string()}\n" for key, value in chosen.items())
            _replace(path, f"{_text(path).rstrip()}\n\n[{_SOURCES}.{SECTION}]\n{text}".lstrip(), chosen)
        else:
            for key, value in chosen.items():
                section[key] = value
            _replace(path, document.as_string(), chosen)
        return f"Added {', '.join(chosen)} to {name}."


def _read(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(_text(path))
    except TOMLKitError as error:
        raise UsageError(f"{path.name} is no TOML: {error}", "Correct it", error_code=ErrorCode.SETTINGS_FILE) from None


def _text(path: Path) -> str:
    """Read a file as it is, with the ends of its lines."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        text = _MARK
    if text.startswith(_MARK):  # dlt cannot read it either
        raise UsageError(
            f"{path.name} is no UTF-8 without a byte order mark",
            "Save it as that",
            error_code=ErrorCode.SETTINGS_FILE,
        )
    return text


def _section(document: Mapping[str, Any]) -> Any | None:
    """Return the section of the source; None: there is none."""
    sources = document.get(_SOURCES)
    section = sources.get(SECTION) if isinstance(sources, Mapping) else None
    return section if isinstance(section, Mapping) else None


def _create(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a new file, with its permissions from the first byte on."""
    path.parent.mkdir(exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)


def _replace(path: Path, text: str, chosen: Mapping[str, Any]) -> None:
    """Write a file anew, if it still says all that it said, and what was chosen as well."""
    before = _read(path).unwrap()
    text = _with_ends_of(_text(path), text)
    try:
        after = tomlkit.parse(text).unwrap()
    except TOMLKitError:
        after = {}
    sources = before.get(_SOURCES, {})
    expected = before
    if isinstance(sources, Mapping):
        expected = {**before, _SOURCES: {**sources, SECTION: {**(_section(before) or {}), **chosen}}}
    if after != expected:
        values = ", ".join(chosen)
        raise UsageError(
            f"{path.name} cannot be added to",
            f"Put {values} under [{_SOURCES}.{SECTION}] there by hand",
            error_code=ErrorCode.SETTINGS_FILE,
        )
    real = path.resolve()  # a link stays one
    fresh = real.with_name(f".{real.name}.new")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text.encode("utf-8"))
        shutil.copymode(real, fresh)
        os.replace(fresh, real)  # what was there is lost at no moment
    finally:
        fresh.unlink(missing_ok=True)


def _with_ends_of(before: str, text: str) -> str:
    """End the lines of a text as those of a file end, if these all end alike."""
    is_windows = "\r\n" in before and "\n" not in before.replace("\r\n", "")
    return text.replace("\r\n", "\n").replace("\n", "\r\n") if is_windows else text
