"""Secrets: documents only name where a process finds them. So no secret is in a revision, a diff or a log."""

import re
from typing import Any, Final

from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.readers import text
from adjudge.core.remote import SECRET_PREFIX, Secret

SECRETIVE: Final = re.compile(
    r"authorization|cookie|(api|access|private)[-_]?key|passw(or)?d|secret|token$|credential", re.IGNORECASE
)
"""Names of what is nobody else's business."""
_LOOKS_LIKE_ONE: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|^(Bearer|Basic) \S{8,}|^(sk-|ghp_|github_pat_|xox[abp]-|AKIA[0-9A-Z]{16})"
)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_VARIABLE: Final = re.compile(rf"{SECRET_PREFIX}[A-Z][A-Z0-9_]{{0,62}}")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_EXAMPLES: Final = f"`{{env: {SECRET_PREFIX}NAME}}` or `{{file: name}}`"
_FORMS: Final = frozenset({"env", "file", "secret"})


def is_reference(at: Cursor) -> bool:
    """Return whether a value says where a secret is."""
    return len(at.node.entries) == 1 and not _FORMS.isdisjoint(at.node.entries)


def read_reference(at: Cursor, before: str = "") -> Secret:
    """Read `{env: ADJUDGE_SECRET_VISION}`, `{file: vision}` or the short `{secret: vision}`."""
    with at.fields() as fields:
        variable, file = fields.get("env"), fields.get("file")
        if variable is not None:
            found = variable.read(text, "")
            if not _VARIABLE.fullmatch(found):
                variable.fault(f"only a variable such as {SECRET_PREFIX}VISION is read: no other can be sent anywhere")
            return Secret(found.removeprefix(SECRET_PREFIX).lower().replace("_", "-"), before)
        if file is not None:
            found = file.read(text, "")
            if not _FILE.fullmatch(found):
                file.fault("a file in the folder of secrets is named, such as `vision`: no path leads out of it")
            return Secret(found, before, is_file=True)
        named = fields.need("secret", "env: ADJUDGE_SECRET_VISION")
        return Secret(read_name(named) if named is not None else "", before)


def read_name(at: Cursor) -> str:
    found = at.read(text, "")
    if not _NAME.fullmatch(found):
        at.fault("the name of a secret has small letters, digits and `-`; the secret itself never stands here")
    return found


def refuse_inline(name: str, at: Cursor) -> None:
    """Note a fault where a secret seems to stand in the document: by its name, or by how it looks."""
    node = at.node
    for key, child in node.entries.items():
        if not is_reference(at):
            refuse_inline(key, Cursor(child, f"{at.path}.{key}", at.faults))
    for number, item in enumerate(node.items):
        refuse_inline("", Cursor(item, f"{at.path}[{number}]", at.faults))
    if isinstance(node.value, str) and node.value and (SECRETIVE.search(name) or _LOOKS_LIKE_ONE.search(node.value)):
        at.fault(f"no secret is written into configuration; say where it is: {_EXAMPLES}")


def with_references(at: Cursor) -> Any:
    """Return a value in which every reference is a `Secret`."""
    if is_reference(at) and "secret" not in at.node.entries:
        return read_reference(at)
    if at.node.entries:
        return {key: with_references(child) for key, child in at.entries().items()}
    if at.node.items:
        return [with_references(child) for child in at.items()]
    return at.node.plain()
