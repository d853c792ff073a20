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
        is_dispensable: where a key must not read it, and nobody has asked for it, the others are loaded without it.
    """

    meaning: str
    listed: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    is_dispensable: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """All of them."""
        return self.listed + self.definitions + self.parts


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
    "verification": Group("verify runs; what they have found, as far as verify_details says", listed=("verify_run",)),
    "webhooks": Group("webhook endpoints and subscriptions", definitions=("webhook_endpoint", "webhook_subscription")),
    "files": Group("all files, also those that nothing else names", listed=("file",)),
    "edits": Group(
        "edit runs and what they have filled in, form detection runs, edit templates",
        listed=("edit_run", "form_detection_run"),
        definitions=("edit_template",),
        is_dispensable=True,
    ),
    "evaluation": Group(
        "evaluation sets, their items and runs",
        listed=("evaluation_set_run",),  # by their ids: there is no list
        definitions=("evaluation_set",),
        parts=("evaluation_set_item",),
    ),
}
"""The groups by name."""

GROUP_OF: dict[str, str] = {object_type: name for name, group in GROUPS.items() for object_type in group.types}
"""The groups of object types; what is in none comes with any."""

OF_ANY_GROUP = ("batch_run",)
"""The object types that come with any group: others name them, and where none does they cost nothing."""

DEFAULT_GROUPS: tuple[str, ...] = ("runs", "workflows", "processors", "parsing")
"""Those that are loaded unless others are chosen."""
