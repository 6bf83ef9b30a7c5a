"""Judges the sentences of a reply by the rows of the database; it shares no code with the product's verifier.

A number, a date, a sum, a name or a state in a sentence has to be the value of a field that the sentence cites.
Stored fields are read from the tables, and computed ones from what was kept with the reply. That no unit is as asked
cites nothing: it is held against a count of the units that are.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

__all__ = ["Checker", "Limits"]

Cite = Mapping[str, str]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
MONTH = "|".join(MONTHS)
STATES = frozenset(
    (
        "hot", "warm", "balanced", "cool", "cold", "rising", "falling", "steady", "available", "reserved", "sold",
        "withdrawn", "proven", "candidate", "won", "lost", "new", "qualified", "viewing", "negotiation", "slow",
        "medium", "fast", "impulsive", "analytical", "amiable", "expressive", "driver",
    )
)  # fmt: skip
NUMBER_WORDS = frozenset(
    (
        "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "hundred",
        "thousand", "million",
    )
)  # fmt: skip
UNITS_OF_TIME = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
TOLERANCE = Decimal("1e-9")
LEADS = ("To the client:", "For you:")
ABSENCE = re.compile(r"No available unit on record [^.]*\.")
COUNT_UNITS = """
SELECT count(*) FROM properties
WHERE status = 'available' AND (%s::int IS NULL OR bedrooms BETWEEN %s::int AND %s::int)
    AND (%s::numeric IS NULL OR price <= %s::numeric AND currency = %s::text)
    AND (%s::uuid[] = '{}' OR area_id = ANY (%s::uuid[]))
"""
NAMED_AREAS = "SELECT area_id FROM market_insights WHERE position(lower(area_name) IN lower(%s)) > 0"

_DATE = re.compile(rf"\b(\d{{1,2}}) ({MONTH}) (\d{{4}})\b")
_MONTH = re.compile(rf"\b({MONTH}) (\d{{4}})\b")
_MONEY = re.compile(r"\b([A-Z]{3}) (\d+(?:,\d{3})*(?:\.\d+)?)")
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_PLAIN = re.compile(r"[^\W_]+")
_OPENS = re.compile(r"(?:^|[.:;!?•“(–-])\s*$")

TABLES = {
    "market": ("SELECT area_id::text, m.* FROM market_insights m", {}),
    "agent": ("SELECT agent_id::text, a.* FROM agent_activity a", {}),
    "client": ("SELECT client_id::text, c.* FROM client_profiles c", {}),
    "property": (
        "SELECT project_id || ':' || unit_id, p.*, j.name AS project_name, j.developer,"
        " p.payment_plan ->> 'name' AS plan FROM properties p JOIN projects j USING (project_id)",
        {"payment_plan": "plan"},
    ),
    "behavior": ("SELECT deal_id::text, d.* FROM deals d", {}),
}
COMPUTED = frozenset(
    {
        "qualification_score", "qualification_lower", "qualification_upper",
        "amenities", "objections", "interest", "location_targets",
    }
)  # fmt: skip
"""Columns that a reply shows in another form than they are stored in, or computes anew."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a question asks of units, as it was made: not read from its words.

    Parameters
    ----------
    least, most : int
        Bedrooms.
    price, currency : int, str
        The most that a unit may cost.
    """

    least: int
    most: int
    price: int
    currency: str


class Checker:
    """The rows, as they are when it is made.

    Parameters
    ----------
    connection : psycopg.Connection
        Sees all rows.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        for layer, (query, renamed) in TABLES.items():
            cursor = connection.execute(query.encode())
            columns = [column.name for column in cursor.description or ()][1:]
            for record_id, *values in cursor.fetchall():
                row = dict(zip(columns, values, strict=True))
                self._rows[layer, record_id] = row | {name: row[source] for name, source in renamed.items()}
        self._names = self._all_names()

    def _all_names(self) -> set[str]:
        queries = (
            "SELECT name FROM client_profiles", "SELECT name FROM agent_activity",
            "SELECT area_name FROM market_insights", "SELECT name FROM projects", "SELECT developer FROM projects",
            "SELECT title FROM properties",
        )  # fmt: skip
        found = (row[0] for query in queries for row in self._connection.execute(query.encode()).fetchall())
        return {_plain(name) for name in found if name and len(name) > 3}

    def unsupported(self, response_id: str, limits: Limits | None = None) -> list[tuple[str, str]]:
        """Return the sentences of a stored reply that say more than their fields, with what they say.

        Where the question states limits, a unit beyond them may be offered only when it is said that none is within.
        """
        row = self._connection.execute(
            "SELECT r.text, r.reasoning, r.records, r.client_input, c.budget, c.currency FROM gpt_responses r"
            " LEFT JOIN client_profiles c USING (client_id) WHERE r.response_id = %s",
            (response_id,),
        ).fetchone()
        assert row is not None
        text, reasoning, records, question, *budget = row
        kept = {(record["layer"], record["id"]): record["fields"] for record in records}
        found = [] if limits is None or ABSENCE.search(text) else list(self._beyond(reasoning, limits))
        for claim in reasoning:
            values = [self._value(kept, cite) for cite in claim["cites"]]
            found += [(claim["claim"], said) for said in self._unfounded(claim["claim"], values)]
            text = text.replace(claim["claim"], " ", 1)
        for lead in LEADS:
            text = text.replace(lead, " ")
        if self._has_none(question, limits, budget):
            text = ABSENCE.sub(" ", text)
        text = " ".join(text.replace("\n- ", " ").split())
        return found + [(text, said) for said in self._unfounded(text, [])]

    def _beyond(self, reasoning: Iterable[Mapping[str, Any]], limits: Limits) -> Iterator[tuple[str, str]]:
        """Yield the claims about units that do not meet limits."""
        for claim in reasoning:
            units = [self._rows.get(("property", c["id"]), {}) for c in claim["cites"] if c["layer"] == "property"]
            if any(not _meets(unit, limits) for unit in units):
                yield claim["claim"], "a unit beyond the limits"

    def _has_none(self, question: str, limits: Limits | None, budget: Sequence[Any]) -> bool:
        """Tell whether a question states limits or an area, and no available unit on record is such.

        Where it leaves the price open, the budget of the client bounds it.
        """
        areas = [row[0] for row in self._connection.execute(NAMED_AREAS.encode(), (question,)).fetchall()]
        if limits is None and not areas:
            return False
        least, most = (limits.least, limits.most) if limits else (None, None)
        price, currency = (limits.price, limits.currency) if limits else budget
        values = (least, least, most, price, price, currency, areas, areas)
        row = self._connection.execute(COUNT_UNITS.encode(), values).fetchone()
        return row is not None and row[0] == 0

    def cited_texts(self, response_id: str) -> set[str]:
        """Return the texts of the fields that a stored reply cites."""
        row = self._connection.execute(
            "SELECT reasoning, records FROM gpt_responses WHERE response_id = %s", (response_id,)
        ).fetchone()
        assert row is not None
        kept = {(record["layer"], record["id"]): record["fields"] for record in row[1]}
        values = (self._value(kept, cite)[0] for claim in row[0] for cite in claim["cites"])
        return {value for value in values if isinstance(value, str)}

    def _value(self, kept: Mapping[tuple[str, str], Mapping[str, Any]], cite: Cite) -> tuple[Any, str | None]:
        """Return a cited value and the currency of its record."""
        key = cite["layer"], cite["id"]
        row = self._rows.get(key, {})
        if cite["field"] in row and cite["field"] not in COMPUTED:
            return row[cite["field"]], row.get("currency")
        fields = kept.get(key, {})
        return fields.get(cite["field"]), fields.get("currency")

    def _unfounded(self, said: str, values: Sequence[tuple[Any, str | None]]) -> Iterator[str]:
        """Yield what a sentence says that none of the values says."""
        texts = [str(value) for value, _ in values if isinstance(value, str)]
        for name in self._names:
            if name in _plain(said) and not any(name in _plain(text) for text in texts):
                yield f"name {name}"
        rest = said
        for text in sorted(texts, key=len, reverse=True):
            rest = rest.replace(text.strip().rstrip("."), " ")
        rest, bad = _take_dates(rest, values)
        yield from bad
        rest, bad = _take_money(rest, values)
        yield from bad
        for match in _NUMBER.finditer(rest):
            if not _numbered(match, rest, values):
                yield f"number {match[0]}"
        yield from _states(rest, values)


def _meets(unit: Mapping[str, Any], limits: Limits) -> bool:
    if unit.get("bedrooms") is None or unit.get("price") is None:
        return False
    is_within = limits.least <= unit["bedrooms"] <= limits.most and unit["price"] <= limits.price
    return bool(is_within and unit["currency"] == limits.currency)


def _plain(text: str) -> str:
    return " " + " ".join(_PLAIN.findall(text.casefold())) + " "


def _take_dates(said: str, values: Iterable[tuple[Any, str | None]]) -> tuple[str, list[str]]:
    days = [day for value, _ in values if (day := _day(value))]
    months = {(day.year, day.month) for day in days}
    bad = [
        f"date {found[0]}"
        for found in _DATE.finditer(said)
        if dt.date(int(found[3]), MONTHS.index(found[2]) + 1, int(found[1])) not in days
    ]
    said = _DATE.sub(" ", said)
    bad += [
        f"month {found[0]}"
        for found in _MONTH.finditer(said)
        if (int(found[2]), MONTHS.index(found[1]) + 1) not in months
    ]
    return _MONTH.sub(" ", said), bad


def _day(value: object) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _take_money(said: str, values: Iterable[tuple[Any, str | None]]) -> tuple[str, list[str]]:
    sums = [(number, currency) for value, currency in values if (number := _number(value)) is not None]
    bad = [
        f"sum {match[0]}"
        for match in _MONEY.finditer(said)
        if not any(code == match[1] and _rounds(number, match[2]) for number, code in sums)
    ]
    return _MONEY.sub(" ", said), bad


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _rounds(number: Decimal, shown: str) -> bool:
    """Tell whether a number is shown, rounded to as many places as are shown."""
    plain = shown.replace(",", "")
    step = Decimal(1).scaleb(-len(plain.partition(".")[2]))
    return abs(number - Decimal(plain)) <= step / 2 + TOLERANCE


def _numbered(match: re.Match[str], said: str, values: Iterable[tuple[Any, str | None]]) -> bool:
    after = said[match.end() :]
    if match[0] == "100" and said[: match.start()].endswith(" of "):
        return True
    factors = [Decimal(1), Decimal(100)] if after.startswith("%") else [Decimal(1)]
    unit = next((s for name, s in UNITS_OF_TIME.items() if after.lstrip().startswith(name)), None)
    if unit is not None:
        factors.append(1 / Decimal(unit))
    for value, _ in values:
        number = _number(value)
        if number is not None and any(_rounds(number * factor, match[0]) for factor in factors):
            return True
    return False


def _states(rest: str, values: Sequence[tuple[Any, str | None]]) -> Iterator[str]:
    """Yield states, number words and names that are left when what the cited texts say is taken out."""
    cited = {word.casefold() for value, _ in values if isinstance(value, str) for word in _WORD.findall(value)}
    for match in _WORD.finditer(rest):
        word = match[0]
        if word.casefold() in cited:
            continue
        if word.casefold() in NUMBER_WORDS:
            yield f"number {word}"
        elif word.casefold() in STATES:
            yield f"state {word}"
        elif (not word.isascii() and word.replace("’", "").isalpha() and not word.replace("’", "").isascii()) or (
            word[0].isupper() and word != "I" and not _OPENS.search(rest[: match.start()])
        ):
            yield f"name {word}"
