"""Reads the contact rules, a firm's own or those of the package, and tells where a client is from what is on record."""

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Self

import phonenumbers
from phonenumbers import timezone
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from estate.client.schemas import ClientOut
from estate.core.phones import parsed
from estate.core.settings import get_settings
from estate.intelligence.analytics.permission import Callee, ContactRule, ContactRules

__all__ = ["RuleText", "callee", "contact_rules", "parse_rules", "rule_texts"]

FIRST_DAY = dt.date(1970, 1, 1)
UNKNOWN_ZONE = "Etc/Unknown"
NO_COUNTRY = "001"
"""What the numbering plan calls the world, for numbers of no country."""


class RuleText(BaseModel):
    """One rule as it stands in `contact_rules.json`, with where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None
    valid_from: dt.date
    opens: dt.time
    closes: dt.time
    weekdays: Annotated[frozenset[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1)]
    needs_consent: bool
    registry: str | None
    unanswered_per_day: Annotated[int, Field(ge=1)]
    unanswered_per_week: Annotated[int, Field(ge=1)]
    source: Annotated[str, Field(min_length=1)]
    note: str
    reviewed_on: dt.date | None

    @model_validator(mode="after")
    def _is_ever_open(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("a rule opens before it closes")
        return self

    def rule(self) -> ContactRule:
        """Return what decides about a call."""
        return ContactRule(**self.model_dump(exclude={"source", "note", "reviewed_on"}))


@lru_cache(maxsize=1)
def rule_texts() -> tuple[RuleText, ...]:
    """Return the rules of the file that is set, else those of the package.

    Raises
    ------
    ValueError
        See `parse_rules`; also when there is no such file.
    """
    own = get_settings().contact_rules_file
    try:
        packed = (own or files(__package__).joinpath("contact_rules.json")).read_text(encoding="utf-8")
        return parse_rules(packed)
    except (OSError, ValueError) as error:
        raise ValueError(f"The contact rules of {own or 'the package'} cannot be used: {error}") from error


def parse_rules(packed: str) -> tuple[RuleText, ...]:
    """Read rules from JSON.

    Raises
    ------
    ValueError
        When one is malformed, two of a country begin on one day, or none is the default of every day.
    """
    found = TypeAdapter(tuple[RuleText, ...]).validate_json(packed)
    if len({(rule.country, rule.valid_from) for rule in found}) < len(found):
        raise ValueError("two rules of one country begin on the same day")
    if not any(rule.country is None and rule.valid_from == FIRST_DAY for rule in found):
        raise ValueError("a rule without a country that is valid on every day is missing")
    return found


@lru_cache(maxsize=1)
def contact_rules() -> ContactRules:
    """Return what decides about calls."""
    return ContactRules(tuple(text.rule() for text in rule_texts()))


def callee(client: ClientOut) -> Callee:
    """Return the facts on a client that decide about a call.

    The country is the one on record, else that of the phone number. The time zone is that of the number where it
    belongs to that country, else it may be any of the country's.
    """
    number = None if client.phone is None else parsed(client.phone)
    region = None if number is None else _region(number)
    country = client.country or region
    zones = _zones(number) if number is not None and region == country else ()
    return Callee(
        phone=client.phone,
        country=country,
        zones=zones or _country_zones().get(country or "", ()),
        contact_consent=client.contact_consent,
        do_not_contact=client.do_not_contact,
    )


def _region(number: phonenumbers.PhoneNumber) -> str | None:
    """Return the country of a number; of one that no plan knows, the only country with its calling code."""
    found = phonenumbers.region_code_for_number(number)
    if found is None and number.country_code is not None:
        of_code = phonenumbers.region_codes_for_country_code(number.country_code)
        found = of_code[0] if len(of_code) == 1 else None
    return None if found == NO_COUNTRY else found


def _zones(number: phonenumbers.PhoneNumber) -> tuple[str, ...]:
    return tuple(zone for zone in timezone.time_zones_for_number(number) if zone != UNKNOWN_ZONE)


@lru_cache(maxsize=1)
def _country_zones() -> Mapping[str, tuple[str, ...]]:
    """Return the time zones of every country, from the table of the tz database."""
    found: dict[str, list[str]] = {}
    for line in files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in found.items()}
