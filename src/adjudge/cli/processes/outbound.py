"""How this process may reach other servers: the networks that the operator permits, and its secrets."""

import os
from pathlib import Path

from adjudge.cli.settings import Settings
from adjudge.core.remote import Secret
from adjudge.deciders import Outbound
from adjudge.outbound import parse_permitted


def outbound_of(settings: Settings) -> Outbound:
    return Outbound(
        permitted=parse_permitted(settings.outbound_allow),
        secret=lambda secret: secret_of(secret, Path(settings.secrets_folder)),
    )


def secret_of(secret: Secret, folder: Path) -> str | None:
    """Return a secret's value; None where it is not set, or its file cannot be read."""
    if not secret.is_file:
        return os.environ.get(secret.variable)
    try:
        return (folder / secret.name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
