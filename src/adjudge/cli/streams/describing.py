"""`adjudge streams asyncapi`: what our own processes say to each other.

What it needs is imported when it runs: the other commands know nothing of the engine, nor do users' workers.
"""

from typing import Any


def print_asyncapi() -> None:
    """Print the AsyncAPI 3 document of Adjudge's own streams."""
    print(written(), end="")


def written() -> str:
    """Return the document as YAML, in the order in which it reads best."""
    import yaml

    from adjudge.engine import asyncapi

    class Plain(yaml.SafeDumper):
        """Writes a value that stands in two places twice, for people."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    text = yaml.dump(asyncapi.document(), Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)
    return f"# Written by `adjudge streams asyncapi`. Do not edit.\n{text}"
