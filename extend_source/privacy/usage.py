"""Which rules have met a field, so that a rule that hides nothing does not go unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import NamedTuple

from dlt.common import logger
from dlt.common.configuration.exceptions import ConfigurationValueError

from extend_source.error_codes import ErrorCode
from extend_source.privacy.matching import FieldRule, covers
from extend_source.privacy.places import essence
from extend_source.privacy.templates import Keys
from extend_source.tables.paths import member
from extend_source.text.wording import one_line

_MAX_PATHS = 10_000
"""Most paths that are remembered, to name the nearest one; a field beyond them still counts for its rule."""

_CLOSE = 0.75


class Unmatched(NamedTuple):
    """A rule that no field has matched, and the path of the field that it nearly names, if there is one."""

    rule: str
    nearest: str | None

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else "."
        return f"privacy.fields {self.rule!r} matches no field: nothing is hidden by it{hint}"


class RuleUsage:
    """What the rules for fields have met, in one sync or in one check."""

    def __init__(self) -> None:
        """Start with nothing met."""
        self._waiting: dict[str, FieldRule] = {}
        self._matched: set[str] = set()
        self._paths: dict[Keys, None] = {}

    def expect(self, rules: Iterable[FieldRule]) -> None:
        """Add the rules that are to be met."""
        self._waiting.update((rule.text, rule) for rule in rules if rule.text not in self._matched)

    def note(self, path: Keys) -> None:
        """Note a field."""
        if not path or path in self._paths:
            return
        if len(self._paths) < _MAX_PATHS:
            self._paths[path] = None
        for text in [text for text, rule in self._waiting.items() if covers(rule.template, path)]:
            self._matched.add(text)
            del self._waiting[text]

    def add(self, other: RuleUsage) -> None:
        """Add what was met by others."""
        for path in other._paths:
            self.note(path)
        self._matched |= other._matched
        self._waiting = {
            text: rule for text, rule in {**self._waiting, **other._waiting}.items() if text not in self._matched
        }

    @property
    def has_met_fields(self) -> bool:
        """Tell whether there was any field at all."""
        return bool(self._paths)

    def unmatched(self) -> list[Unmatched]:
        """Name the rules that no field has matched."""
        if not self._waiting:
            return []
        paths = {essence(path): path for path in reversed(self._paths)}
        ends = {essence(path[-1:]): path for path in reversed(self._paths)}
        return [Unmatched(text, _nearest(rule, paths, ends)) for text, rule in self._waiting.items()]


def _nearest(rule: FieldRule, paths: dict[str, Keys], ends: dict[str, Keys]) -> str | None:
    """Return the path that a rule nearly names: as a whole, or by its last key."""
    if not rule.named:
        return None
    for name, known in ((essence(rule.named), paths), (essence(rule.named[-1:]), ends)):
        found = get_close_matches(name, known, n=1, cutoff=_CLOSE)
        if found:
            return _text_of(known[found[0]])
    return None


def _text_of(path: Keys) -> str:
    text = ""
    for key in path:
        text = member(text, key)
    return text


def report_unmatched(
    usage: RuleUsage, landed_paths: Callable[[], Iterable[Keys]], *, is_error: bool, is_over: bool
) -> None:
    """Say which rules no field has matched.

    Args:
        usage: what the rules have met in the sync so far.
        landed_paths: the fields that have landed before; asked only where rules are unmatched.
        is_error: an unmatched rule is an error, not a warning.
        is_over: nothing more is fetched. Before that only near misses are errors, as the field may yet come.

    Raises:
        ConfigurationValueError: a rule is unmatched and that is an error; one line.
    """
    if not usage.has_met_fields or not (is_over or is_error) or not usage.unmatched():
        return
    for path in landed_paths():
        usage.note(path)
    unmatched = [rule for rule in usage.unmatched() if is_over or rule.nearest]
    if unmatched and is_error:
        raise ErrorCode.UNMATCHED_RULE.on(ConfigurationValueError(" ".join(map(str, unmatched))))
    for rule in unmatched:
        logger.warning(
            ErrorCode.UNMATCHED_RULE.line(
                one_line(f"{rule} Rules are paths of the document, as in extraction_fields.path_template.")
            )
        )
