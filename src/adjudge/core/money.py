"""Money: integers with a currency. Never a float, never summed over currencies.

Stakes are in minor units (cents). Costs of single opinions are smaller than a cent and are kept
in micros: millionths of the major unit.
"""

import re
from decimal import Decimal
from typing import Final

import msgspec

from adjudge.core.errors import AdjudgeError

MICROS: Final = 1_000_000
LARGEST_MINOR: Final = 2**53  # beyond it a JSON reader may round

# ISO 4217: currencies whose minor unit is not a hundredth.
_EXPONENTS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("UYI", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_LISTED: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL "
    "GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD "
    "KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
    "NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
    "SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV "
    "WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG "
)
CURRENCIES: Final = frozenset(_LISTED.split())
"""ISO 4217: what money is in. The list's metals, units of account, and the codes for tests and for none are none."""
_CURRENCY = re.compile(r"[A-Z]{3}")
_DECIMAL = re.compile(r"[0-9]{1,16}(\.[0-9]{1,6})?")


class InvalidMoney(AdjudgeError):
    """An amount or a currency that cannot be read exactly."""

    kind = "invalid-money"


class Stake(msgspec.Struct, frozen=True):
    """The money at risk in a decision."""

    minor: int
    """Minor units of `currency`, not negative."""
    currency: str

    @property
    def major(self) -> float:
        """The amount as expressions see it."""
        return self.minor / float(10 ** exponent(self.currency))

    def decimal(self) -> str:
        """The amount as callers see it: a decimal string with all digits of the currency."""
        digits = exponent(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"


def exponent(currency: str) -> int:
    """Return the number of decimal digits of the currency's minor unit."""
    return _EXPONENTS.get(currency, 2)


def parse_stake(amount: str, currency: str) -> Stake:
    """Read a decimal string. Raises InvalidMoney where it is not exact in the currency."""
    if not _CURRENCY.fullmatch(currency):
        raise InvalidMoney(f"{currency!r} is not an ISO 4217 code of three capitals", pointer="#/stake/currency")
    if not _DECIMAL.fullmatch(amount):
        raise InvalidMoney(f"{amount!r} is not a decimal amount such as 2.49, or too long", pointer="#/stake/amount")
    whole, _, fraction = amount.partition(".")
    digits = exponent(currency)
    minor = int(whole + fraction[:digits].ljust(digits, "0"))
    if fraction[digits:].strip("0") or minor > LARGEST_MINOR:
        raise InvalidMoney(f"{amount} is not exact in {currency}, or too large", pointer="#/stake/amount")
    return Stake(minor, currency)


def parse_money(text: str) -> tuple[int, str]:
    """Read configuration such as `0.0005 USD` as (micros, currency). Raises InvalidMoney."""
    amount, _, currency = text.strip().partition(" ")
    if not _CURRENCY.fullmatch(currency) or not _DECIMAL.fullmatch(amount):
        raise InvalidMoney(f"{text!r} is not an amount with a currency, such as 0.0005 USD")
    return int(Decimal(amount) * MICROS), currency


def show_micros(micros: int, currency: str) -> str:
    """Write micros as a person reads them: at most six digits, no trailing zeros beyond cents."""
    text = f"{Decimal(micros) / MICROS:.6f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction:0<2} {currency}"
