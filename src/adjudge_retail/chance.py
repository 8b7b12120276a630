"""Chance that is the same in every run with the same seed, whoever comes first."""

import random


def seeded(*parts: object) -> random.Random:
    """Return a generator of its own for whatever `parts` name. Not for secrets."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311
