"""Money is exact or refused."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adjudge.core.money import LARGEST_MINOR, InvalidMoney, Stake, parse_money, parse_stake, show_micros
from adjudge.core.specifications import PoolSpec

UNTIMED = settings(deadline=None)  # the machine may be busy


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("2.49", "USD", 249),
        ("2", "USD", 200),
        ("2.5", "USD", 250),
        ("2.500", "USD", 250),
        ("0.29", "EUR", 29),
        ("1200", "JPY", 1200),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12345),
        ("90071992547409.92", "USD", LARGEST_MINOR),
    ],
)
def test_a_decimal_is_read_exactly_in_minor_units(amount, currency, minor):
    assert parse_stake(amount, currency) == Stake(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("2.499", "USD"), ("1.5", "JPY"), ("1.2345", "KWD"), ("90071992547409.93", "USD")],
)
def test_what_is_not_exact_in_the_currency_is_refused(amount, currency):
    with pytest.raises(InvalidMoney, match="not exact") as refusal:
        parse_stake(amount, currency)

    assert refusal.value.pointer == "#/stake/amount"


@pytest.mark.parametrize("amount", ["", "-1", "+1", "1e3", "1,5", "NaN", "Infinity", " 1", "1.", ".5", "٣", "1" * 17])
def test_what_is_no_plain_decimal_is_refused(amount):
    with pytest.raises(InvalidMoney):
        parse_stake(amount, "USD")


@pytest.mark.parametrize("currency", ["usd", "US", "USDT", "", "U$D"])
def test_a_currency_is_three_capitals(currency):
    with pytest.raises(InvalidMoney) as refusal:
        parse_stake("1", currency)

    assert refusal.value.pointer == "#/stake/currency"


@UNTIMED
@given(minor=st.integers(0, LARGEST_MINOR), currency=st.sampled_from(("USD", "JPY", "KWD", "CLF")))
def test_a_stake_written_and_read_again_is_the_same(minor, currency):
    stake = Stake(minor, currency)

    assert parse_stake(stake.decimal(), currency) == stake


@pytest.mark.parametrize(
    ("stake", "text", "major"),
    [(Stake(249, "USD"), "2.49", 2.49), (Stake(1200, "JPY"), "1200", 1200.0), (Stake(1, "KWD"), "0.001", 0.001)],
)
def test_a_stake_shows_all_digits_of_its_currency(stake, text, major):
    assert stake.decimal() == text
    assert stake.major == major


@pytest.mark.parametrize(
    ("text", "micros", "shown"),
    [
        ("0.0005 USD", 500, "0.0005 USD"),
        ("12 USD", 12_000_000, "12.00 USD"),
        ("0.045 EUR", 45_000, "0.045 EUR"),
        (" 1.000001 JPY ", 1_000_001, "1.000001 JPY"),
        ("0 USD", 0, "0.00 USD"),
    ],
)
def test_costs_are_kept_in_millionths(text, micros, shown):
    assert parse_money(text) == (micros, text.split()[1])
    assert show_micros(micros, text.split()[1]) == shown


@pytest.mark.parametrize(
    "text",
    ["", "1", "USD", "1 usd", "-1 USD", "0.0000001 USD", "NaN USD", "Infinity USD", "1e999999999 USD", "1 USD/h"],
)
def test_costs_that_cannot_be_kept_exactly_are_refused(text):
    with pytest.raises(InvalidMoney):
        parse_money(text)


def test_a_vote_costs_the_wage_of_its_seconds_and_of_those_that_are_paid_and_not_worked():
    agents = PoolSpec(name="agents", wage_micros_per_hour=18_000_000)

    assert agents.cost_micros(10) == 50_000
    assert replace(agents, utilisation=0.8).cost_micros(10) == 62_500


@UNTIMED
@given(micros=st.integers(0, 10**12))
def test_shown_costs_lose_nothing(micros):
    amount, currency = show_micros(micros, "USD").split()

    assert Decimal(amount) * 1_000_000 == micros
    assert parse_money(f"{amount} {currency}") == (micros, "USD")
