"""Random clients, histories, rules and moments, and a second judge of whether a call is lawful, written on its own."""

import datetime as dt
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from estate.intelligence.analytics.permission import Callee, CallRecord, ContactRule, ContactRules
from estate.intelligence.contact_rules import contact_rules

__all__ = ["State", "is_lawful", "states"]

ZONES = (
    "Asia/Dubai",
    "Africa/Cairo",
    "Europe/London",
    "America/New_York",
    "America/Adak",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Asia/Kolkata",
    "UTC",
)
COUNTRIES = ("AE", "EG", "GB", None)
PHONES: tuple[str | None, ...] = ("+971501234567", "+201001234567", None)
State = tuple[Callee, CallRecord, ContactRules, dt.datetime]
MINUTES = 24 * 60
FIRST, BEGIN = dt.date(2025, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ALWAYS = dt.date(1970, 1, 1)


def _rule(rng: Random, country: str | None, valid_from: dt.date) -> ContactRule:
    opens, closes = sorted(rng.sample(range(MINUTES), 2))
    per_day = rng.randint(1, 3)
    return ContactRule(
        country=country,
        valid_from=valid_from,
        opens=dt.time(*divmod(opens, 60)),
        closes=dt.time(*divmod(closes, 60)),
        weekdays=frozenset(rng.sample(range(1, 8), rng.randint(1, 7))),
        needs_consent=rng.random() < 0.5,
        registry=None,
        unanswered_per_day=per_day,
        unanswered_per_week=per_day + rng.randint(0, 2),
    )


def _rules(rng: Random) -> ContactRules:
    if rng.random() < 0.5:
        return contact_rules()
    days = rng.sample(range(1_000), rng.randint(0, 4))  # No two rules of a country begin on one day.
    starts = [FIRST + dt.timedelta(days=day) for day in days]
    return ContactRules((_rule(rng, None, ALWAYS), *(_rule(rng, rng.choice(COUNTRIES[:3]), day) for day in starts)))


def _state(seed: int) -> State:
    """Make a client, what came of earlier calls, rules and a moment; about a quarter may be called."""
    rng = Random(seed)
    now = BEGIN + dt.timedelta(seconds=rng.randrange(500 * MINUTES * 60))
    if rng.random() < 0.2:  # On the hour, where hours begin and end.
        now = now.replace(minute=0, second=0)
    client = Callee(
        phone=rng.choices(PHONES, (20, 20, 1))[0],
        country=rng.choices(COUNTRIES, (6, 2, 1, 1))[0],
        zones=tuple(rng.sample(ZONES, rng.choices((0, 1, 2, 3), (1, 30, 3, 3))[0])),
        contact_consent=rng.choices((True, None, False), (12, 4, 1))[0],
        do_not_contact=rng.random() < 0.05,
    )
    ages = [
        rng.choice((rng.randint(-60, 9 * MINUTES), MINUTES, 7 * MINUTES)) for _ in range(rng.choice((0, 0, 1, 2, 4)))
    ]
    history = CallRecord(
        unanswered=tuple(now - dt.timedelta(minutes=age) for age in ages),
        refused=rng.random() < 0.05,
        wrong_numbers=frozenset({"+971501234567"}) if rng.random() < 0.05 else frozenset(),
    )
    return client, history, _rules(rng), now


states = st.integers(0, 2**64 - 1).map(_state)


def is_lawful(state: State) -> bool:
    """Judge a call by counting minutes and hours in plain numbers."""
    client, history, rules, now = state
    rule = _rule_in_force(rules, client.country, now)
    forbidden = (
        client.phone is None,
        client.phone in history.wrong_numbers,
        client.do_not_contact,
        client.contact_consent is False,
        history.refused,
        rule.needs_consent and client.contact_consent is not True,
        client.zones == (),
        _calls_within(24, history, now) >= rule.unanswered_per_day,
        _calls_within(168, history, now) >= rule.unanswered_per_week,
    )
    return not any(forbidden) and all(_is_open(rule, now, zone) for zone in client.zones)


def _rule_in_force(rules: ContactRules, country: str | None, now: dt.datetime) -> ContactRule:
    by_age = sorted(rules.rules, key=lambda rule: rule.valid_from.toordinal())
    begun = [rule for rule in by_age if rule.valid_from.toordinal() <= now.toordinal()]
    own = [rule for rule in begun if country is not None and rule.country == country]
    return own[-1] if own else [rule for rule in begun if rule.country is None][-1]


def _calls_within(hours: int, history: CallRecord, now: dt.datetime) -> int:
    return sum((now - call).total_seconds() / 3_600 < hours for call in history.unanswered)


def _is_open(rule: ContactRule, now: dt.datetime, zone: str) -> bool:
    offset = now.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    days, left = divmod((now.timestamp() + offset.total_seconds()), 86_400)
    opens, closes = (60 * (60 * clock.hour + clock.minute) for clock in (rule.opens, rule.closes))
    weekday = (days + 3) % 7 + 1  # 1 January 1970 was a Thursday.
    return weekday in rule.weekdays and opens <= left < closes
