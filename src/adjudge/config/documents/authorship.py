"""Which revision a line of a document came in with."""

from collections.abc import Iterable
from difflib import SequenceMatcher


def line_revisions(versions: Iterable[tuple[int, str]]) -> list[int]:
    """Return for each line of the last version the number of the revision since which it stands there.

    `versions`: number and text, oldest first. A line that went and came back dates from when it came back.
    """
    lines: list[str] = []
    since: list[int] = []
    for number, text in versions:
        new = text.splitlines()
        kept = [number] * len(new)
        for block in SequenceMatcher(None, lines, new, autojunk=False).get_matching_blocks():
            kept[block.b : block.b + block.size] = since[block.a : block.a + block.size]
        lines, since = new, kept
    return since
