"""What the setting `objects` chooses between: groups of object types."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Types of objects that are loaded together: those whose endpoints name the group.

    Attributes:
        meaning: what they are.
        is_dispensable: a key that must not read it loads the others without it; where the group was asked for, that is
            an error all the same.
    """

    meaning: str
    is_dispensable: bool = False


GROUPS: dict[str, Group] = {
    "runs": Group("processor runs, and what they have extracted, classified and split"),
    "workflows": Group("workflow runs with their steps, and the workflows themselves", is_dispensable=True),
    "processors": Group("processors and their versions with their configs", is_dispensable=True),
    "parsing": Group("parse runs, as far as parse_output says"),
    "verification": Group("verify runs; what they have found, as far as verify_details says", is_dispensable=True),
    "webhooks": Group("webhook endpoints and subscriptions", is_dispensable=True),
    "files": Group("all files, also those that nothing else names"),
    "edits": Group(
        "edit runs and what they have filled in, form detection runs, edit templates",
        is_dispensable=True,
    ),
    "evaluation": Group("evaluation sets, their items and runs", is_dispensable=True),
}
"""The groups by name."""

DEFAULT_GROUPS: tuple[str, ...] = ("runs", "workflows", "processors", "parsing")
"""Those that are loaded unless others are chosen."""
