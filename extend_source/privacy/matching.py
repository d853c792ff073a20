"""Which rule holds for which field."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from extend_source.config.privacy_rules import PRIVACY_ACTIONS, PrivacyAction
from extend_source.privacy.templates import Keys, Template, Wildcard

STRICTNESS = {action: rank for rank, action in enumerate(PRIVACY_ACTIONS)}

_REMEMBERED = 65_536


class FieldRule(NamedTuple):
    """A rule for fields."""

    template: Template
    action: PrivacyAction
    text: str = ""

    @property
    def named(self) -> Keys:
        """The keys that it names, without the wildcards."""
        return tuple(part for part in self.template if isinstance(part, str))

    @property
    def precision(self) -> tuple[int, int, int]:
        """What decides between rules that name the same keys: the more stars for single keys, the more precise."""
        return self.template.count(Wildcard.ONE), -self.template.count(Wildcard.ANY_NUMBER), STRICTNESS[self.action]


class _Match(NamedTuple):
    covers: bool
    names_below: bool
    reaches_below: bool


class FieldRules:
    """The rules for fields, and what holds where there is none.

    A rule holds for what its template matches and for all below. Of several, the one that names the most keys holds;
    of those that name the same keys, the one with more ``*``; else the strictest: drop, mask, hash, keep.

    Attributes:
        hides: some rule, or the default, hides something.
        rules: the rules.
    """

    def __init__(self, rules: Iterable[FieldRule], default: PrivacyAction) -> None:
        """Compile the rules."""
        self.rules = tuple(rules)
        self._default: PrivacyAction = default
        self.hides = default != "keep" or any(rule.action != "keep" for rule in self.rules)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._chosen)

    def action(self, paths: Iterable[Keys], *, scalar: bool) -> PrivacyAction:
        """Say what happens to a field.

        Args:
            paths: the paths that it goes by. A rule for one of them goes before the default for another one.
            scalar: it is a scalar, where a rule may have expected an object: what the rule says of the object's members
                then holds for the scalar.

        Returns:
            The action.
        """
        found = [action for path in paths if (action := self._remembered(path, scalar)) is not None]
        return max(found, key=STRICTNESS.__getitem__, default=self._default)

    def action_by_name(self, paths: Iterable[Keys]) -> PrivacyAction | None:
        """Say what rules say of a field that is known by its name alone; those of nothing but stars do not count.

        Args:
            paths: the paths that it may go by.

        Returns:
            The strictest action; None: no rule names the field or what it is in.
        """
        found = [action for path in paths if (action := self._remembered(path, True, True)) is not None]
        return max(found, key=STRICTNESS.__getitem__, default=None)

    def at_least(self, action: PrivacyAction) -> PrivacyAction:
        """Return an action, or the default if that is stricter."""
        return max(action, self._default, key=STRICTNESS.__getitem__)

    def may_hide_below(self, path: Keys) -> bool:
        """Tell whether something below a path may be hidden."""
        return self._default != "keep" or any(
            match.covers or match.reaches_below
            for rule in self.rules
            if rule.action != "keep"
            for match in (_match(rule.template, path),)
        )

    def _chosen(self, path: Keys, scalar: bool, by_name: bool = False) -> PrivacyAction | None:
        """The action of the rule that holds for a path; None: there is no such rule."""
        holding = []
        for rule in self.rules:
            if by_name and not rule.named:
                continue
            match = _match(rule.template, path)
            if match.covers or (scalar and match.names_below and rule.action != "keep"):
                holding.append(rule)
        most = max((len(rule.named) for rule in holding), default=0)
        best: dict[Keys, FieldRule] = {}
        for rule in holding:
            if len(rule.named) == most:
                known = best.setdefault(rule.named, rule)
                best[rule.named] = max(known, rule, key=lambda one: one.precision)
        actions = [rule.action for rule in best.values()]
        return max(actions, key=STRICTNESS.__getitem__, default=None)


def covers(template: Template, path: Keys) -> bool:
    """Tell whether a template names a path, or something that the path is in."""
    named = [key for key in template if isinstance(key, str)]
    if len(named) == len(template):
        return path[: len(template)] == template
    return all(key in path for key in named) and _match(template, path).covers


def _match(template: Template, path: Keys) -> _Match:
    """Follow a path along a template: covered, named by the key just passed, or further down at all."""
    places = _with_skips(template, {0})
    just_named: set[int] = set() if path else {0}  # the document is what all rules expect to be an object
    end = len(template)
    for key in path:
        if end in places:
            break
        just_named = {place + 1 for place in places if template[place] == key}
        ahead = {place + 1 for place in places if template[place] is Wildcard.ONE}
        stay = {place for place in places if template[place] is Wildcard.ANY_NUMBER}
        places = _with_skips(template, just_named | ahead | stay)
    return _Match(end in places, bool(just_named - {end}), bool(places))


def _with_skips(template: Template, places: set[int]) -> set[int]:
    """Add the places behind each ``**``, which may stand for no key."""
    for place in sorted(places):
        while place < len(template) and template[place] is Wildcard.ANY_NUMBER:
            place += 1
            places.add(place)
    return places
