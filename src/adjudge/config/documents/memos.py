"""What was made from which nodes: parts that layers share are the same objects, and are compiled once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adjudge.config.documents.nodes import Node

V = TypeVar("V")


@dataclass(slots=True)
class Memo:
    """Known by the identity of nodes; these are kept, so that no other gets their identity."""

    _made: dict[tuple[object, ...], tuple[tuple[Node, ...], Any]] = field(default_factory=dict)

    def get(self, nodes: tuple[Node, ...], make: Callable[[], V], *keys: object) -> V:
        """Return what was made from these nodes and keys before, or make it."""
        key = (*map(id, nodes), *keys)
        if key not in self._made:
            self._made[key] = (nodes, make())
        made: V = self._made[key][1]
        return made
