"""What an endpoint of the API is: how objects of one type are read in one API version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from extend_source.api.adapters import Adapt, Payload, as_it_is


@dataclass(frozen=True)
class LinkedMember:
    """A member that comes by a signed link where the whole object is too large.

    Attributes:
        name: the member.
        link: the member that holds the link in its place.
        parameters: the query that asks for the link.
        has: a key of what the link leads to, by which it is known.
    """

    name: str
    link: str
    parameters: Mapping[str, str]
    has: str


@dataclass(frozen=True)
class Endpoint:
    """How objects of one type are read in one API version.

    Attributes:
        object_type: what is read, by its canonical name.
        group: the name of its group in `GROUPS`; empty: it comes with any, as others name it.
        is_definition: there are few, which seldom change: their list is read now and then, not by each sync.
        get_name: the name of the GET of one object in the request statistics; no two endpoints of a version share it.
        get_path: its path, with ``{id}`` for the id, and ``{parent}`` for that of what it is a part of; empty: there is
            no such GET, and the list has all there is.
        get_key: the member of the answer that holds the object; None: the answer is the object.
        list_name: the name of the GET of a page in the request statistics; empty where nothing is listed.
        list_path: its path, with ``{parent}`` where parts of one object are listed.
        list_key: the member of a page that holds the rows.
        sorts: the parameters of its order that the list takes, of ``sortBy`` and ``sortDir``.
        is_paged: the list comes in pages; else all at once.
        parent_key: the member of a part that names what it is a part of, filled in where the API leaves it out.
        filters: the fields of `RunFilters` that the list knows, and the query parameters they become.
        parameters: the query of each GET of an object.
        changes_what_it_reads: such a GET may have Extend delete something: none is sent to find anything out.
        linked: the member that comes by a link where the object is too large; None: there is none.
        run_type: the only type of runs that it has; empty: all of them, or it has none.
        id_prefix: what ids of such objects begin with, as a rule.
        second_prefix: what some of them begin with instead; empty: none do.
        processor_prefix: what ids of their processors begin with, as a rule; empty: there are several.
        shared: the member of an object that many objects have alike: it is decoded only once.
        holds: tells whether an answer is such an object: where two types share a path, one of them is not there.
        adapt: makes a full object canonical.
        adapt_shared: makes that member canonical; `adapt` leaves it as it is then.
        adapt_summary: makes a row of the list canonical.
    """

    object_type: str
    group: str
    get_name: str
    get_path: str
    get_key: str | None
    is_definition: bool = False
    list_name: str = ""
    list_path: str = ""
    list_key: str = ""
    sorts: tuple[str, ...] = ("sortBy", "sortDir")
    is_paged: bool = True
    parent_key: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    changes_what_it_reads: bool = False
    linked: LinkedMember | None = None
    run_type: str = ""
    id_prefix: str = ""
    second_prefix: str = ""
    processor_prefix: str = ""
    shared: str | None = None
    holds: Callable[[Payload], bool] = lambda _: True
    adapt: Adapt = as_it_is
    adapt_shared: Adapt = as_it_is
    adapt_summary: Adapt = as_it_is

    def may_have(self, object_id: str) -> bool:
        """Tell whether an id begins as those of such objects do, as a rule."""
        return any(prefix and object_id.startswith(prefix) for prefix in (self.id_prefix, self.second_prefix))

    @property
    def is_listed(self) -> bool:
        """There is a list of all such objects, not of the parts of one alone."""
        return bool(self.list_path) and not self.parent_key

    @property
    def is_sortable(self) -> bool:
        """The list can be read from the newest change on."""
        return "sortBy" in self.sorts
