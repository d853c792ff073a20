"""What the setting `objects` chooses between: groups of object types."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Types of objects that are loaded together.

    Attributes:
        meaning: what they are.
        listed: the types whose lists are read by each sync.
        definitions: the types of which there are few, which seldom change: their lists are read now and then.
        parts: the types of what the definitions are made of.
        named: the types without a list, which other objects or the user name.
        is_dispensable: a key that must not read it loads the others without it; where the group was asked for, that is
            an error all the same.
    """

    meaning: str
    listed: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    is_dispensable: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """All of them."""
        return self.listed + self.definitions + self.parts + self.named


GROUPS: dict[str, Group] = {
    "runs": Group("processor runs, and what they have extracted, classified and split", listed=("processor_run",)),
    "workflows": Group(
        "workflow runs with their steps, and the workflows themselves",
        listed=("workflow_run",),
        definitions=("workflow",),
        parts=("workflow_version",),
        is_dispensable=True,
    ),
    "processors": Group(
        "processors and their versions with their configs",
        definitions=("processor",),
        parts=("processor_version",),
        is_dispensable=True,
    ),
    "parsing": Group("parse runs, as far as parse_output says", listed=("parse_run",)),
    "verification": Group(
        "verify runs; what they have found, as far as verify_details says",
        listed=("verify_run",),
        is_dispensable=True,
    ),
    "webhooks": Group(
        "webhook endpoints and subscriptions",
        definitions=("webhook_endpoint", "webhook_subscription"),
        is_dispensable=True,
    ),
    "files": Group("all files, also those that nothing else names", listed=("file",)),
    "edits": Group(
        "edit runs and what they have filled in, form detection runs, edit templates",
        listed=("edit_run",),
        definitions=("edit_template",),
        named=("form_detection_run",),
        is_dispensable=True,
    ),
    "evaluation": Group(
        "evaluation sets, their items and runs",
        definitions=("evaluation_set",),
        parts=("evaluation_set_item",),
        named=("evaluation_set_run",),
        is_dispensable=True,
    ),
}
"""The groups by name."""

GROUP_OF: dict[str, str] = {object_type: name for name, group in GROUPS.items() for object_type in group.types}
"""The groups of object types; what is in none comes with any."""

OF_ANY_GROUP = ("batch_run",)
"""The object types that come with any group: others name them, and where none does they cost nothing."""

DISPENSABLE_TYPES: frozenset[str] = frozenset(
    [*OF_ANY_GROUP, *(name for group in GROUPS.values() if group.is_dispensable for name in group.types)]
)
"""The object types without which the others are loaded, where a key must not read them."""

DEFAULT_GROUPS: tuple[str, ...] = ("runs", "workflows", "processors", "parsing")
"""Those that are loaded unless others are chosen."""
