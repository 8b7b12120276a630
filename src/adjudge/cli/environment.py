"""`adjudge settings`: the settings of a process that is started here, and where each value is from."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from adjudge.cli.output import Column, as_json, table
from adjudge.cli.settings import PREFIX, VARIABLES, Settings, read_settings
from adjudge.core.remote import SECRET_PREFIX

MASK = "****"
OF_COMMANDS: Mapping[str, str] = {
    "ADJUDGE_URL": "Where commands find the API; unset: that of `adjudge up` in this folder or one above.",
    "ADJUDGE_KEY": "The key that commands show it.",
    "ADJUDGE_DEBUG": "1: where a command failed is shown.",
}
"""What is no setting of a process."""
SECRET = {"ADJUDGE_KEY"}
IN_QUERY = re.compile(r"(?<=[?&]password=)[^&]*")
BEFORE_HOST = re.compile(r"(?:(?<=://)|^(?!\w+://))([^/@:?]*):.*(?=@)")
"""Up to the last `@`: a password with a `/` that should have been written `%2F` is one, too; and without a scheme."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as it may be seen by whoever looks over a shoulder."""

    name: str
    value: str
    source: Literal["environment", "default", "secret", "unknown"]


def settings(json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every setting of a process, its value and its source; passwords and keys are masked."""
    shown = list(listed(read_settings(), os.environ))
    if json_:
        print(as_json(shown))
        return
    print("\n".join(table([Column("NAME"), Column("VALUE"), Column("SOURCE")], [_row(one) for one in shown])))


def listed(read: Settings, environment: Mapping[str, str]) -> Iterator[Shown]:
    """List all settings, those of commands, the secrets that configuration may name, then what is none of them.

    Nobody knows what stands in the last: it may be a secret whose name is misspelt.
    """
    known = {variable: getattr(read, name) for name, variable in VARIABLES.items()}
    given = {name.upper() for name in environment}  # they are read in any case
    for name, value in known.items():
        yield Shown(name, masked(name, _text(value)), "environment" if name in given else "default")
    for name in OF_COMMANDS:
        yield Shown(name, masked(name, environment.get(name, "")), "environment" if name in environment else "default")
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known and name not in OF_COMMANDS:
            yield Shown(name, MASK, "secret" if name.startswith(SECRET_PREFIX) else "unknown")


def masked(name: str, value: str) -> str:
    """Return a value without what nobody may see."""
    if name in SECRET and value:
        return MASK
    return BEFORE_HOST.sub(rf"\1:{MASK}", IN_QUERY.sub(MASK, value))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _row(shown: Shown) -> tuple[str, str, str]:
    if shown.source == "secret":
        return (shown.name, shown.value, "environment, for configuration that names it")
    if shown.source != "unknown":
        return (shown.name, shown.value, shown.source)
    near = difflib.get_close_matches(shown.name, VARIABLES.values(), n=1)
    return (shown.name, shown.value, f"not a setting; {near[0]}?" if near else "not a setting")
