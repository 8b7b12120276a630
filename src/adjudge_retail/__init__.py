"""The retail pack: question types, evidence and demo of checkout-free stores.

Found through the entry point group `adjudge.packs`. Knows of adjudge only the public client and the
types of its core; adjudge knows nothing of it and works without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TABLES: Final = Path(__file__).with_name("tables")
"""The labelled sets that are shipped."""
EXAMPLES: Final = Path(__file__).with_name("examples")
"""A working configuration for 120 stores, to read and to copy from."""


@dataclass(frozen=True, slots=True)
class Pack:
    """What a pack offers: configuration documents and a command."""

    name: str
    config: Path | None

    @property
    def demo(self) -> Callable[..., Any]:
        """The function behind `adjudge demo`; imported only when it is asked for."""
        from adjudge_retail.demo.command import demo  # noqa: PLC0415  other commands must start fast

        return demo


pack: Final = Pack(name="retail", config=Path(__file__).with_name("config"))
