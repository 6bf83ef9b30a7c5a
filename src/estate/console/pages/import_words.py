"""What imports are called for people: states, kinds, fields, and how values are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import phonenumbers
from htpy import Node, span

from estate.console import text
from estate.sdk.models.imports import Column

__all__ = [
    "ANSWERS",
    "ASKED",
    "BECAME",
    "DELIMITERS",
    "ENCODINGS",
    "FIELDS",
    "KINDS",
    "QUESTIONS",
    "STATED",
    "STATES",
    "Field",
    "answers_of",
    "country",
    "kind_words",
    "kinds_of",
    "read_as",
    "rows",
    "stated_answers",
    "target_words",
]

STATED = "Somebody said so."
"""How the API says that nothing was found out, since a person decided it."""

KINDS = {"clients": "Clients", "units": "Units", "agents": "Agents", "market": "Market snapshots"}
STATES = {
    "read": ("Checked, not taken yet", "warn"),
    "committing": ("Being taken", "warn"),
    "committed": ("Taken", "good"),
    "undoing": ("Being taken back", "warn"),
    "undone": ("Taken back", ""),
}
BECAME = {
    "waiting": ("Ready", ""),
    "created": ("Created", "good"),
    "updated": ("Updated", "good"),
    "unchanged": ("Unchanged", ""),
    "rejected": ("Rejected", "bad"),
    "ignored": ("Ignored", ""),
}
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16, big end first",
    "cp1256": "Windows Arabic (1256)",
    "cp1252": "Windows Western (1252)",
}
DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Vertical bar"}
QUESTIONS = {
    "kind": "What does each row of the file stand for?",
    "observed_on": "On which day was the market like this?",
    "decimal": "Which mark sets off the decimals?",
    "date_order": "Which comes first in its dates?",
    "day_numbers": "What are its numbers of five digits?",
    "region": "From which country are numbers without a country code?",
    "unit": "In which unit is it?",
    "percent": "Is 0.5 a half of one percent or a half of all?",
    "bad_values": "Its values are not what its name says. What becomes of those that cannot be read?",
}
ANSWERS: Mapping[str, Mapping[str, str]] = {
    "decimal": {".": "Point (1,250.5)", ",": "Comma (1.250,5)"},
    "date_order": {"dmy": "Day first", "mdy": "Month first"},
    "day_numbers": {"spreadsheet": "Days as a spreadsheet counts them", "refuse": "No days"},
    "unit": {
        "sqm": "Square metres",
        "sqft": "Square feet",
        "seconds": "Seconds",
        "minutes": "Minutes",
        "hours": "Hours",
    },
    "percent": {"hundred": "Out of a hundred (0.5 is 0.5 %)", "one": "Shares of one (0.5 is 50 %)"},
}
ASKED = {
    "decimal": "Decimal mark",
    "date_order": "Order of dates",
    "day_numbers": "Numbers of five digits",
    "region": "Country of phone numbers (two letters)",
    "unit": "Unit",
    "percent": "Shares",
}
UNITS_SQM = {1.0: "sqm", 0.09290304: "sqft"}
UNITS_S = {1.0: "seconds", 60.0: "minutes", 3_600.0: "hours"}
MONEY, DAY = ("decimal",), ("date_order", "day_numbers")
SIZE, SHARE = ("decimal", "unit"), ("decimal", "percent")


@dataclass(frozen=True)
class Field:
    """A field of a record, and what may be said of a column that is brought to it."""

    name: str
    asks: Sequence[str] = ()


FIELDS: Mapping[str, Mapping[str, Field]] = {
    "clients": {
        "client_id": Field("Client number"),
        "name": Field("Name"),
        "first_name": Field("First name"),
        "last_name": Field("Last name"),
        "phone": Field("Phone", ("region",)),
        "email": Field("E-mail"),
        "budget": Field("Budget", MONEY),
        "currency": Field("Currency"),
        "owner_agent_id": Field("Agent"),
        "contact_consent": Field("Agreed to contact"),
        "do_not_contact": Field("Do not contact"),
        "location_targets": Field("Wants to live in"),
        "purpose": Field("Purpose"),
        "unit_types": Field("Kinds of home"),
        "bedrooms": Field("Bedrooms", MONEY),
        "objections": Field("Objections"),
        "decision_speed": Field("Speed of decision"),
        "emotional_type": Field("Temper"),
    },
    "units": {
        "unit_id": Field("Unit number"),
        "project_id": Field("Project number"),
        "title": Field("Title"),
        "price": Field("Price", MONEY),
        "currency": Field("Currency"),
        "area": Field("Area"),
        "project_name": Field("Project"),
        "developer": Field("Developer"),
        "unit_type": Field("Kind of home"),
        "segment": Field("Ready or off plan"),
        "bedrooms": Field("Bedrooms", MONEY),
        "bathrooms": Field("Bathrooms", MONEY),
        "area_sqm": Field("Size", SIZE),
        "status": Field("Status"),
        "delivery_date": Field("Delivery", DAY),
        "listed_at": Field("Listed on", DAY),
        "sold_at": Field("Sold on", DAY),
        "payment_plan": Field("Payment plan"),
        "amenities": Field("Amenities"),
    },
    "agents": {
        "agent_id": Field("Agent number"),
        "name": Field("Name"),
        "first_name": Field("First name"),
        "last_name": Field("Last name"),
        "team_name": Field("Team"),
        "calls_per_day": Field("Calls a day", MONEY),
        "lead_responses": Field("Leads answered", MONEY),
        "deals_closed": Field("Deals closed", MONEY),
        "closing_rate": Field("Closing rate", SHARE),
        "avg_response_time": Field("Response time", SIZE),
        "avg_closing_price": Field("Average deal", MONEY),
        "currency": Field("Currency"),
    },
    "market": {
        "area": Field("Area"),
        "observed_on": Field("Day", DAY),
        "price_avg": Field("Average price", MONEY),
        "currency": Field("Currency"),
        "segment": Field("Ready or off plan"),
        "demand_score": Field("Demand", MONEY),
        "supply_score": Field("Supply", MONEY),
        "sales_volume": Field("Sales", MONEY),
        "days_on_market": Field("Days on the market", MONEY),
        "inventory": Field("Homes on offer", MONEY),
        "views_per_listing": Field("Views a listing", MONEY),
        "agent_density": Field("Agents per 100 sales", MONEY),
    },
}


def country(region: str) -> Node:
    """Write a country of telephone numbers with its code; the page's script puts its name for the two letters."""
    code = phonenumbers.country_code_for_region(region)
    return [span(data_region=region)[region], f" (+{code})" if code else None]


def rows(n: int) -> str:
    """Write a number of rows."""
    return f"{text.number(n)} {'row' if n == 1 else 'rows'}"


def kinds_of(role: str) -> Mapping[str, str]:
    """Return the kinds of records that a role may take."""
    return KINDS if role in ("admin", "ingest") else {"clients": KINDS["clients"]}


def kind_words(kind: str | None) -> str:
    """Return what the records of a file are."""
    return "Open" if kind is None else KINDS.get(kind, text.words(kind))


def target_words(kind: str | None, target: str | None) -> str:
    """Return the name of the field that a column is brought to."""
    if target is None:
        return "No field"
    known = FIELDS.get(kind or "", {}).get(target)
    return known.name if known else text.words(target)


def answers_of(question: str, target: str | None) -> Mapping[str, str]:
    """Return the answers that may be chosen for a column."""
    answers = ANSWERS.get(question, {})
    if question != "unit":
        return answers
    names = UNITS_S if target == "avg_response_time" else UNITS_SQM
    return {name: answers[name] for name in names.values()}


def stated_answers(column: Column) -> Mapping[str, str]:
    """Return what a person said of how a column is read: these answers have to be sent again with any other."""
    said = {name: _as_said(name, value, column) for name, value in column.decided.items()}
    return {name: value for name, value in said.items() if _is_stated(name, column)}


def _is_stated(name: str, column: Column) -> bool:
    return name == "day_numbers" or column.decided_by.get(name) == STATED


def _as_said(name: str, value: Any, column: Column) -> str:
    if name == "percent":
        return "hundred" if value else "one"
    return _unit(value, column) if name == "unit" else str(value)


def _unit(size: float, column: Column) -> str:
    return (UNITS_S if column.target == "avg_response_time" else UNITS_SQM).get(size, str(size))


def read_as(column: Column) -> Sequence[str]:
    """Say how the values of a column are read, and what decided it."""
    return [
        " ".join(filter(None, (f"{_read_as(name, value, column)}.", column.decided_by.get(name))))
        for name, value in column.decided.items()
    ]


def _read_as(name: str, value: Any, column: Column) -> str:
    if name == "region":
        return f"Numbers of {value} (+{phonenumbers.country_code_for_region(value)})"
    if name == "currency":
        return f"In {value}"
    if name == "times":
        return f"Times {value:,}"
    said = _as_said(name, value, column)
    return ANSWERS.get(name, {}).get(said, said)
