"""What this process may reach other servers with: networks that the operator lists, secrets of its environment."""

import os

from adjudge.cli.settings import Settings
from adjudge.core.remote import Secret
from adjudge.deciders import Outbound
from adjudge.outbound import parse_permitted


def outbound_of(settings: Settings) -> Outbound:
    return Outbound(
        permitted=parse_permitted(settings.outbound_allow), secret=lambda name: os.environ.get(Secret(name).variable)
    )
