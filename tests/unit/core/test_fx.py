"""Amounts are converted through dated rates only: direct, inverse or over the dollar."""

import datetime as dt
from decimal import Decimal

import pytest

from estate.core.fx import Rates

OLD, NEW = dt.date(2026, 1, 1), dt.date(2026, 2, 1)


def rates(**quoted: tuple[dt.date, str]) -> Rates:
    return Rates({(pair[:3], pair[3:]): (day, Decimal(rate)) for pair, (day, rate) in quoted.items()})


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (rates(EURAED=(OLD, "4")), "400"),
        (rates(AEDEUR=(OLD, "0.25")), "400"),
        (rates(EURUSD=(OLD, "2"), AEDUSD=(NEW, "0.5")), "400"),
        (rates(EURAED=(OLD, "5"), AEDEUR=(NEW, "0.25")), "400"),
        (rates(EURAED=(NEW, "4"), AEDEUR=(NEW, "0.2")), "400"),
        (rates(EURUSD=(OLD, "2")), None),
        (rates(EURGBP=(OLD, "2"), GBPAED=(OLD, "2")), None),
        (rates(), None),
    ],
)
def test_the_way_from_euro_to_dirham(known: Rates, expected: str | None) -> None:
    converted = known.convert(Decimal(100), "EUR", "AED")
    assert converted == (None if expected is None else Decimal(expected))


def test_same_currency_needs_no_rate() -> None:
    assert rates().convert(Decimal("1.25"), "AED", "AED") == Decimal("1.25")


def test_dollar_itself_is_not_crossed_over_itself() -> None:
    assert rates(USDAED=(OLD, "4")).convert(Decimal(2), "USD", "AED") == Decimal(8)
    assert rates(USDAED=(OLD, "4")).convert(Decimal(2), "USD", "EUR") is None
