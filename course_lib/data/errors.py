"""What can be wrong with data, and how it is said."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches


class CorruptDataError(RuntimeError):
    """A data file is there but does not hold what its format promises."""


def expect_name(kind: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that is not on the list, and offer the one that looks most like it.

    Raises:
        ValueError: the name is not known.
    """
    if name not in tuple(known):  # whatever type it has
        close = get_close_matches(str(name).lower(), known, n=1)
        hint = f"did you mean {close[0]!r}? There are" if close else "choose one of"
        raise ValueError(f"There is no {kind} {name!r}; {hint}: {', '.join(known)}.")
