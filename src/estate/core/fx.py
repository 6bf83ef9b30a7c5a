"""Amounts in another currency, only ever through a dated rate."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from estate.core.models import ExchangeRate

__all__ = ["Rates", "load_rates"]

PIVOT = "USD"


@dataclass(frozen=True, slots=True)
class Rates:
    """The newest rates of a day.

    Parameters
    ----------
    quoted : mapping
        (base, quote) to (day of the rate, units of quote that one unit of base was worth).
    """

    quoted: Mapping[tuple[str, str], tuple[dt.date, Decimal]]

    def convert(self, amount: Decimal, base: str, quote: str) -> Decimal | None:
        """Return an amount of `base` in `quote`, not rounded; None when no rate leads there.

        The newer of the direct and the inverse rate is used (the direct one on the same day), else the way
        over the US dollar.

        Examples
        --------
        >>> rates = Rates({("USD", "AED"): (dt.date(2026, 1, 1), Decimal("4"))})
        >>> rates.convert(Decimal("100"), "AED", "USD")
        Decimal('25')
        """
        if base == quote:
            return amount
        one_step = self._one_step(amount, base, quote)
        if one_step is not None or PIVOT in (base, quote):
            return one_step
        in_pivot = self._one_step(amount, base, PIVOT)
        return None if in_pivot is None else self._one_step(in_pivot, PIVOT, quote)

    def _one_step(self, amount: Decimal, base: str, quote: str) -> Decimal | None:
        direct, inverse = self.quoted.get((base, quote)), self.quoted.get((quote, base))
        if direct is not None and (inverse is None or direct[0] >= inverse[0]):
            return amount * direct[1]
        return None if inverse is None else amount / inverse[1]

    def in_every_currency(self, amount: Decimal, base: str) -> dict[str, Decimal]:
        """Return an amount of `base` in its own and in every currency that a rate leads to.

        Examples
        --------
        >>> rates = Rates({("USD", "AED"): (dt.date(2026, 1, 1), Decimal("4"))})
        >>> sorted(rates.in_every_currency(Decimal("100"), "USD").items())
        [('AED', Decimal('400')), ('USD', Decimal('100'))]
        """
        amounts = {code: self.convert(amount, base, code) for code in self.currencies() | {base}}
        return {code: converted for code, converted in amounts.items() if converted is not None}

    def currencies(self) -> set[str]:
        """Return every currency that some rate names."""
        return {code for pair in self.quoted for code in pair}


def load_rates(session: Session, on: dt.date) -> Rates:
    """Read the newest rate of each pair on or before a day, in one query."""
    newest = (
        select(ExchangeRate.base, ExchangeRate.quote, ExchangeRate.as_of, ExchangeRate.rate)
        .where(ExchangeRate.as_of <= on)
        .ext(distinct_on(ExchangeRate.base, ExchangeRate.quote))
        .order_by(ExchangeRate.base, ExchangeRate.quote, ExchangeRate.as_of.desc())
    )
    return Rates({(base, quote): (day, rate) for base, quote, day, rate in session.execute(newest)})
