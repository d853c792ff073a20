"""dlt's files of schemas, read again only where they have changed.

dlt reads and compiles the file of a schema each time that a pipeline is asked for it, 19 times in a sync of one run: a
sixth of the processor time of that sync. A second look at the same file can only find the same schema.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dlt
from dlt.common.configuration.container import Container
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema import Schema
from dlt.common.storages import LiveSchemaStorage

_Stamp = tuple[object, ...]


@contextmanager
def schemas_read_once(pipeline: dlt.Pipeline) -> Iterator[None]:
    """Have a pipeline read the file of a schema again only after it was written.

    Args:
        pipeline: the pipeline, locked or only read: what is in memory must be what its files say.
    """
    storage = pipeline._schema_storage
    if type(storage) is not LiveSchemaStorage or storage.config.import_schema_path:
        yield
        return
    storage.__class__ = _SchemasReadOnce
    try:
        yield
    finally:
        storage.__class__ = LiveSchemaStorage


class _SchemasReadOnce(LiveSchemaStorage):
    """The storage of a pipeline for the length of a block; the class is all that changes."""

    def __getitem__(self, name: str) -> Schema:
        known: dict[str, _Stamp] = self.__dict__.setdefault("_read", {})
        stamp = self._stamp(name)
        if name in self.live_schemas and stamp is not None and known.get(name) == stamp:
            return self.live_schemas[name]
        schema = super().__getitem__(name)
        known.pop(name, None)
        if stamp is not None:
            known[name] = stamp
        return schema

    def _stamp(self, name: str) -> _Stamp | None:
        """What a schema that is read depends on: its file, and the destination's rules for names."""
        try:
            file = os.stat(self.storage.make_full_path(self._file_name_in_store(name, "json")))
        except FileNotFoundError:
            return None
        rules = Container().get(DestinationCapabilitiesContext)
        lengths = rules and (rules.max_identifier_length, rules.max_column_identifier_length)
        return (file.st_ino, file.st_mtime_ns, file.st_size, rules and rules.naming_convention, lengths)
