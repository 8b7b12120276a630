"""`adjudge streams asyncapi`: what our own processes say to each other."""

from typing import Any

import yaml

from adjudge.engine import asyncapi


class _Plain(yaml.SafeDumper):
    """Writes a value that stands in two places twice, for people."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def print_asyncapi() -> None:
    """Print the AsyncAPI 3 document of Adjudge's own streams."""
    print(written(), end="")


def written() -> str:
    """Return the document as YAML, in the order in which it reads best."""
    text = yaml.dump(asyncapi.document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
    return f"# Written by `adjudge streams asyncapi`. Do not edit.\n{text}"
