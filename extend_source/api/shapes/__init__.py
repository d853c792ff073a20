"""What the API is expected to send, as data, and how a body differs from that.

``<version>.json`` has the types of a version's bodies by name, from the models of the vendor's SDKs (0.2.0 and 1.20.0):

- a list: an enum, with its members;
- ``{"id": "string", "usage?": "RunUsage"}``: an object with its keys; one with ``?`` may be absent, null or empty, and
  ``*`` says that further keys may be the user's own;
- ``{"by": "type", "A": "TypeOfA", "else": "any"}``: the type of an object is told by that member of it;
- ``{"with": "Json", "without": "Legacy"}``: an extraction with ``value`` and ``metadata``, or one by
  the names of fields.

The type of a value is the name of such a type, ``string``, ``number``, ``boolean``, ``time``, a constant in single
quotes, ``any`` (the user's own, never looked into), ``X[]`` (an array), or ``{X}`` (an object, the keys of which are
the user's).
"""

from extend_source.api.shapes.comparison import Difference, differences
from extend_source.api.shapes.files import Types, types_of

__all__ = ["Difference", "Types", "differences", "types_of"]
