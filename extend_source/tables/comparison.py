"""Comparing the outputs before and after a review, value by value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from extend_source.tables.pairing import paired_rows
from extend_source.tables.paths import member, removed_item
from extend_source.tables.walking import Node, children, top_nodes, walk_from
from extend_source.text.json_codec import encode_json


class OutputIndex:
    """The nodes of one output, to be found by path and by the names that the API may use.

    Attributes:
        tops: the outermost nodes by path.
        nodes: all nodes by path.
    """

    def __init__(self, output: Any, output_format: str | None) -> None:
        """Index an output.

        Args:
            output: an extraction output of either shape; anything else has no nodes.
            output_format: ``schema`` or ``fields``.
        """
        self.tops: dict[str, Node] = {}
        self.nodes: dict[str, Node] = {}
        self._by_name: dict[str, str] = {}
        self._entries: dict[str, Any] = {}
        if not isinstance(output, dict):
            return
        if output_format == "fields":
            for name, result in output.items():
                path = member("", name)
                value = result.get("value") if isinstance(result, dict) else result
                self._index(top_nodes(value, path, None if path == name else name, name))
                if isinstance(result, dict) and isinstance(result.get("id"), str):
                    self._by_name.setdefault(result["id"], path)
                self._entries[path] = result
        elif "value" in output:
            self._index(top_nodes(output["value"]))
            metadata = output.get("metadata")
            for key, entry in metadata.items() if isinstance(metadata, dict) else ():
                self._entries[self.path_of(key) or key] = entry

    def _index(self, tops: list[Node]) -> None:
        self.tops.update((node.path, node) for node in tops)
        for node in walk_from(tops):
            self.nodes[node.path] = node
            if node.raw_path is not None:
                self._by_name.setdefault(node.raw_path, node.path)

    def node_of(self, reported_key: str) -> Node | None:
        """Return the node that a key of the API's edits means, or None."""
        path = self.path_of(reported_key)
        return None if path is None else self.nodes.get(path)

    def path_of(self, reported_key: str) -> str | None:
        """Return the path that a key of the API's edits means, or None."""
        return reported_key if reported_key in self.nodes else self._by_name.get(reported_key)

    def entry_at(self, path: str) -> Any:
        """Return what the API says of the value at a path, or None."""
        return self._entries.get(path)


class Pair(NamedTuple):
    """What one value was before a review, and what it is after it; None where it is not there."""

    before: Node | None
    after: Node | None

    @property
    def texts(self) -> tuple[str | None, str | None]:
        """Both values as JSON text."""
        one, other = (None if node is None else encode_json(node.value) for node in self)
        return one, other


class Comparison:
    """What became of each value of a document.

    Attributes:
        differences: the values that differ, without the objects and arrays around them. An object or array that was
            filled or emptied is one, and so is each value in it.
    """

    def __init__(self, before: OutputIndex, after: OutputIndex) -> None:
        """Compare two outputs.

        Rows of arrays are paired by what they hold (`paired_rows`), members of objects by their keys.

        Args:
            before: the output before the review.
            after: the one after it.
        """
        self._before, self._after = before, after
        self._partners: dict[str, str] = {}
        self._former: dict[str, str] = {}
        self._removed: dict[str, str] = {}
        self.differences: list[Pair] = []
        pairs = _paired(before.tops, after.tops)
        # a stack of our own, as in a walk
        while pairs:
            pair = pairs.pop()
            if pair.before is not None and pair.after is not None:
                self._partners[pair.before.path] = pair.after.path
                self._former[pair.after.path] = pair.before.path
            elif pair.before is not None:
                self._removed[pair.before.path] = self._path_of_removed(pair.before)
            if _is_difference(pair):
                self.differences.append(pair)
            pairs += _pairs_below(pair)

    def meant_by(self, reported_key: str, original: Any, edited: Any) -> Pair:
        """Find the value that a key of the API's edits means.

        Rows have one index before the review and may have another one after it, and the API does not say which a key
        counts by: the values that come with the edit tell. Where they do not, it is the one after the review.

        Args:
            reported_key: the key.
            original: the value before it, as reported.
            edited: the value after it, as reported.

        Returns:
            The value; two times None where the key means none.
        """
        before, after = self._before.node_of(reported_key), self._after.node_of(reported_key)
        by_old = Pair(before, self._node(self._after, self._partners, before))
        by_new = Pair(self._node(self._before, self._former, after), after)
        if before is None or after is None or by_old == by_new:
            return by_new if before is None else by_old
        reported = (encode_json(original), encode_json(edited))

        def fit(pair: Pair) -> int:
            return sum(found == said for found, said in zip(pair.texts, reported, strict=True))

        return by_old if fit(by_old) > fit(by_new) else by_new

    @staticmethod
    def _node(document: OutputIndex, paths: dict[str, str], node: Node | None) -> Node | None:
        path = None if node is None else paths.get(node.path)
        return None if path is None else document.nodes[path]

    def path_of(self, pair: Pair) -> str | None:
        """Return the path that a value goes by, as no other one does; None for no value.

        It is that in the reviewed output. A removed value is below what is left of its surroundings; where another row
        has the index of a removed one, that is marked (`removed_item`).
        """
        if pair.after is not None:
            return pair.after.path
        return None if pair.before is None else self._removed[pair.before.path]

    def _path_of_removed(self, node: Node) -> str:
        if node.parent_path is None:
            return node.path
        own = node.path[len(node.parent_path) :]
        if node.parent_path in self._removed:
            return self._removed[node.parent_path] + own
        parent = self._partners[node.parent_path]
        is_taken = parent + own in self._after.nodes
        return removed_item(parent, node.row_index) if is_taken and node.row_index is not None else parent + own


def _paired(before: dict[str, Node], after: dict[str, Node]) -> list[Pair]:
    """Pair nodes by their names, the last one first."""
    pairs = [Pair(node, after.get(name)) for name, node in before.items()]
    pairs += [Pair(None, node) for name, node in after.items() if name not in before]
    pairs.reverse()
    return pairs


def _pairs_below(pair: Pair) -> list[Pair]:
    """The pairs right below one, the last one first."""
    before, after = (_children(node) for node in pair)
    if not before and not after:
        return []
    if pair.before is not None and pair.after is not None and before and after:
        one, other = pair.before.value, pair.after.value
        if isinstance(one, dict) and isinstance(other, dict):
            return _paired(dict(zip(one, before, strict=True)), dict(zip(other, after, strict=True)))
        if isinstance(one, list) and isinstance(other, list):
            # equal ones need no pairing: what Python takes for equal is in the same place at least
            places: Iterable[tuple[int | None, int | None]] = (
                ((index, index) for index in range(len(one))) if one == other else paired_rows(one, other)
            )
            pairs = [
                Pair(None if here is None else before[here], None if there is None else after[there])
                for here, there in places
            ]
            pairs.reverse()
            return pairs
    return [*(Pair(None, node) for node in reversed(after)), *(Pair(node, None) for node in reversed(before))]


def _children(node: Node | None) -> list[Node]:
    return [] if node is None else children(node)


def _is_difference(pair: Pair) -> bool:
    """Tell whether a value differs and has no rows below it on one side at least."""
    if all(node is None or (isinstance(node.value, (dict, list)) and node.value) for node in pair):
        return False
    before, after = pair
    if before is None or after is None:
        return True
    if isinstance(before.value, str) and isinstance(after.value, str):
        return before.value != after.value
    return encode_json(before.value) != encode_json(after.value)  # to Python 1, 1.0 and True are equal; in JSON not
