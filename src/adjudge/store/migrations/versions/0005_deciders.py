"""Deciders in shadow: what was expected and what was done."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    pass
