"""Documents as a caller posts them: they may hold only what a folder of YAML documents could."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from adjudge.api import unstorable
from adjudge.api.problems import Problem

MOST_FAULTS: Final = 20
_UNPRINTABLE: Final = ("Cc", "Cs")
"""Categories of control characters and of half a character, of which no file's name is made."""


def check_documents(documents: Mapping[str, str]) -> None:
    """Raise Problem where there are none, with a pointer to each that could be neither stored nor written as a file."""
    if not documents:  # as `adjudge config apply` refuses an empty folder: every question would be refused from then on
        raise Problem("invalid-body", "there are no documents", pointer="#/documents")
    faults = [
        (f"#/documents/{_shown(name)}", why) for name, text in documents.items() for why in _faults_of(name, text)
    ]
    if faults:
        raise Problem("invalid-body", "these could not be the documents of a folder", faults=faults[:MOST_FAULTS])


def _faults_of(name: str, text: str) -> Iterator[str]:
    if any(unicodedata.category(each) in _UNPRINTABLE for each in name):
        yield "its name holds a control character or half a character"
    elif not name.endswith(".yaml"):
        yield "its name does not end in `.yaml`"
    elif any(not part or part.startswith(".") for part in name.split("/")):
        yield "its name is no path below the folder: relative, without `..`, empty or hidden parts"
    if not unstorable.is_text(text):
        yield "its text holds half a character (a lone surrogate)"


def _shown(name: str) -> str:
    """Return a name as a part of a JSON pointer; what cannot be sent, escaped."""
    return name.encode(errors="backslashreplace").decode().replace("~", "~0").replace("/", "~1")[:200]
