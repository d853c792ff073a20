"""Seeded randomness and identifiers: the same seed gives the same bytes on every machine."""

from __future__ import annotations

import random
import string

_ALPHABET = string.ascii_letters + string.digits + "-_"
_ID_LENGTH = 21


def rng_for(*parts: object) -> random.Random:
    """Return a random generator that depends on nothing but ``parts``.

    Every run and file draws from a generator of its own, so adding one does not change the others.

    Args:
        *parts: Names and numbers that identify what is generated, for example a seed and a run's number.

    Returns:
        A generator seeded with the text of ``parts`` (text seeding is the same on every Python version).
    """
    return random.Random("/".join(str(part) for part in parts))  # noqa: S311 - sample data, not secrets


def make_id(prefix: str, rng: random.Random) -> str:
    """Return an identifier in Extend's style, such as ``dpr_Xj8mK2pL9nR4vT7qY5wZ_``.

    Args:
        prefix: The object's prefix without the underscore: ``dpr``, ``dp``, ``dpv``, ``file``.
        rng: Where the random part comes from.
    """
    return prefix + "_" + "".join(rng.choice(_ALPHABET) for _ in range(_ID_LENGTH))


def chance(rng: random.Random, probability: float) -> bool:
    """Return True with the given probability (0 to 1)."""
    return rng.random() < probability
