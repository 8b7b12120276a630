"""What a location is: its money, its clock and hours, its tags, limits and attributes, from all its layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adjudge.config.documents.cursors import Cursor, described
from adjudge.config.documents.readers import currency, mapping
from adjudge.config.sections.hours import ALWAYS, Hours, read_hours
from adjudge.config.sections.locations import Place, time_zone
from adjudge.config.sections.organisations import Organisation
from adjudge.core.money import InvalidMoney, Stake, parse_stake
from adjudge.core.specifications import Location


@dataclass(frozen=True, slots=True)
class Profile:
    """What locations with the same layers have in common."""

    attributes: Mapping[str, Any]
    currency: str
    time_zone: str
    tags: frozenset[str]
    hours: Hours
    stake_limit: Stake | None

    def at(self, place: Place, dimensions: Mapping[str, str]) -> Location:
        return Location(
            name=place.name,
            groups=place.groups,
            attributes=self.attributes,
            currency=self.currency,
            time_zone=self.time_zone,
            tags=self.tags,
            stake_limit=self.stake_limit,
            dimensions=dimensions,
        )


def read_profile(own: Mapping[str, Cursor], organisation: Organisation, rates: Mapping[str, float]) -> Profile:
    """Read what is effective at a location."""
    usual = own["currency"].read(currency, organisation.currency) if "currency" in own else organisation.currency
    zone = own["time_zone"].read(time_zone, organisation.time_zone) if "time_zone" in own else organisation.time_zone
    return Profile(
        attributes=own["attributes"].read(mapping, {}) if "attributes" in own else {},
        currency=usual,
        time_zone=zone,
        tags=frozenset(own["tags"].node.entries) if "tags" in own else frozenset(),
        hours=read_hours(own["hours"]) if "hours" in own else ALWAYS,
        stake_limit=_limit(own["stake_limit"], usual, rates) if "stake_limit" in own else None,
    )


def _limit(at: Cursor, usual: str, rates: Mapping[str, float]) -> Stake | None:
    """Read `50 USD`."""
    amount, _, code = at.node.text.partition(" ")
    try:
        limit = parse_stake(amount, code)
    except InvalidMoney:
        at.fault(f"{described(at.node)} is not an amount such as `50 USD`")
        return None
    if limit.currency != usual and not {limit.currency, usual} <= rates.keys():
        at.fault(f"stakes here are in {usual}, and organisation.rates has no rate between it and {limit.currency}")
    return limit
