"""Readers of single values. Each raises Misread with what is wanted instead."""

import math
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Literal, TypeVar

from adjudge.config.documents.cursors import Cursor, Misread, Slip, described, one_of
from adjudge.config.documents.durations import parse_duration
from adjudge.config.documents.nodes import Node
from adjudge.core.answers import Json
from adjudge.core.money import CURRENCIES, InvalidMoney, Stake, parse_money, parse_stake
from adjudge.core.plans import LONGEST_DEADLINE

LONGEST_TEXT: Final = 20_000
LONGEST_NAME: Final = 100

C = TypeVar("C", bound=str)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PERCENT: Final = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s?%")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def text(node: Node) -> str:
    """Read a string. A number or true/false is not one: quotes make it one."""
    if not isinstance(node.value, str):
        hint = "" if isinstance(node.value, dict | list | None) else f'; to mean the text, write "{node.text}"'
        raise Misread(f"a text is wanted here, not {described(node)}{hint}")
    if len(node.value) > LONGEST_TEXT or "\0" in node.value:
        raise Misread(f"a text has at most {LONGEST_TEXT} characters, none of them NUL")
    return node.value


def is_name(found: str) -> bool:
    """Return whether something may be called so."""
    return _NAME.fullmatch(found) is not None and len(found) <= LONGEST_NAME


def check_name(at: Cursor, found: str, what: str) -> None:
    """Note a fault where something is declared under what is no name."""
    if not is_name(found):
        at.fault(f"`{found[:80]}` is not a name for {what}: letters, digits, `.`, `_`, `-`, at most {LONGEST_NAME}")


def texts(node: Node) -> tuple[str, ...]:
    """Read a list of strings, none of them twice."""
    if not isinstance(node.value, list):
        raise Misread(f"a list is wanted here, not {described(node)}")
    found: dict[str, None] = {}
    for item in node.value:
        try:
            word = text(item)
        except Misread as misread:
            raise Misread(str(misread), node=item) from None
        if word in found:
            raise Misread(f"`{word}` stands twice in the list", node=item)
        found[word] = None
    return tuple(found)


def flag(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise Misread(f"{described(node)} is not true or false")
    return node.value


def whole(least: int, most: int = 2**31 - 1) -> Callable[[Node], int]:
    """Make a reader for a whole number, both bounds included."""

    def reader(node: Node) -> int:
        if isinstance(node.value, int) and not isinstance(node.value, bool) and least <= node.value <= most:
            return node.value
        raise Misread(f"{described(node)} is not a whole number from {least} to {most}")

    return reader


def number(above: float, below: float, wanted: str) -> Callable[[Node], float]:
    """Make a reader for a number between the bounds, both excluded; `wanted` says so to people."""

    def reader(node: Node) -> float:
        found = node.value
        if isinstance(found, int | float) and not isinstance(found, bool) and above < found < below:
            return float(found)
        raise Misread(f"{described(node)} is not {wanted}")

    return reader


def share(node: Node) -> float:
    """Read a share above 0, at most 1."""
    return number(0, math.nextafter(1, 2), "a number above 0, at most 1")(node)


def percentage(node: Node) -> float:
    """Read `5%`, or 0.05: from 0 to 1."""
    found = node.value
    if isinstance(found, str) and (written := _PERCENT.fullmatch(found)):
        found = float(written[1]) / 100
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= 1:
        return float(found)
    raise Misread(f"{described(node)} is not a share such as `5%`, from 0% to 100%")


def share_up_to(most: float) -> Callable[[Node], float]:
    """Make a reader for a share from 0 to `most`."""

    def reader(node: Node) -> float:
        found = percentage(node)
        if found > most:
            raise Misread(f"{described(node)} is more than {most:.0%}")
        return found

    return reader


def stake(node: Node) -> Stake:
    """Read `50 USD`, of more than nothing."""
    amount, _, code = node.text.partition(" ") if isinstance(node.value, str) else ("", "", "")
    try:
        found = parse_stake(amount, code)
    except InvalidMoney:
        raise Misread(f"{described(node)} is not an amount such as `50 USD`") from None
    if not found.minor:
        raise Misread(f"{described(node)} is nothing")
    return found


def choice(*valid: C) -> Callable[[Node], C]:
    """Make a reader for one of a few words."""
    shown = ", ".join(f"`{word}`" for word in valid)

    def reader(node: Node) -> C:
        found = one_of(node, valid, f"one of {shown}")
        return next(word for word in valid if word == found)

    return reader


def duration(node: Node) -> timedelta:
    """Read `10m`; at most 30 days, the longest that a decision lives."""
    try:
        found = parse_duration(node.text)
    except ValueError as error:
        raise Misread(str(error) if node.text else f"a duration is wanted here, not {described(node)}") from None
    if found > LONGEST_DEADLINE:
        raise Misread(f"`{node.text}` is longer than {LONGEST_DEADLINE.days} days, the longest that a decision lives")
    return found


def currency(node: Node) -> str:
    if not isinstance(node.value, str) or not _CURRENCY.fullmatch(node.value):
        raise Misread(f"{described(node)} is not an ISO 4217 code of three capitals")
    if node.value not in CURRENCIES:
        raise unlisted(node.value, node.value)
    return node.value


def unlisted(code: str, value: object) -> Slip:
    """Return what is said of a currency that ISO 4217 does not list; `value` is what was read with it."""
    return Slip(f"`{code}` is no currency of ISO 4217", value)


def money(unit: Literal["", "/h"] = "") -> Callable[[Node], tuple[int, str]]:
    """Make a reader for `0.0005 USD` or `12 USD/h`, as (micros, currency)."""

    def reader(node: Node) -> tuple[int, str]:
        example = "12 USD/h" if unit else "0.0005 USD"
        if not node.text.endswith(unit):
            raise Misread(f"{described(node)} is not an amount such as `{example}`")
        try:
            micros, code = parse_money(node.text.removesuffix(unit))
        except InvalidMoney:
            raise Misread(f"{described(node)} is not an amount such as `{example}`") from None
        if code not in CURRENCIES:
            raise unlisted(code, (micros, code))
        return micros, code

    return reader


def mapping(node: Node) -> dict[str, Json]:
    """Read a mapping of anything."""
    plain = node.plain()
    if not isinstance(plain, dict):
        raise Misread(f"a mapping is wanted here, not {described(node)}")
    return plain
