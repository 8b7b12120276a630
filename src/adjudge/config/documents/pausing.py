"""Long work is done in small steps with a pause between them; the caller says what a pause is."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

Pause: TypeAlias = Callable[[], None]
"""May take its time, or raise: the work is not wanted any longer."""

T = TypeVar("T")


def no_pause() -> None:
    """Go on at once."""


def stepwise(items: Iterable[T], pause: Pause) -> Iterator[T]:
    """Yield the items, each after a pause."""
    for item in items:
        pause()
        yield item
