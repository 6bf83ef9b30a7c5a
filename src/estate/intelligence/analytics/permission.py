"""Whether a client may be called for marketing at a moment, why not, and from when: rules are data, time is given."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

__all__ = ["CallRecord", "Callee", "ContactRule", "ContactRules", "Hold", "Permission", "may_call"]

DAY, WEEK = dt.timedelta(hours=24), dt.timedelta(hours=168)
MOST_STEPS = 200
"""A step goes to the next opening or the end of a cap; where zones lie so far apart that they never are open
together, there is no end."""

Hold = Literal[
    "no_phone",
    "do_not_contact",
    "refused",
    "wrong_number",
    "consent_needed",
    "local_time_unknown",
    "unanswered",
    "outside_hours",
]


@dataclass(frozen=True, slots=True)
class ContactRule:
    """What one country asks of a marketing call, from one day on.

    Parameters
    ----------
    country : str or None
        ISO 3166-1 alpha-2; None stands for every country without a rule, and for one that is not known.
    valid_from : date
        First day, UTC.
    opens, closes : time
        Calls begin at `opens` or later, and before `closes`, in the local time of the client.
    weekdays : frozenset of int
        1 is Monday.
    needs_consent : bool
        Whether consent must be on record; otherwise it is enough that there is no refusal.
    registry : str or None
        Do-not-contact registry that has to be looked up; who is on it has `do_not_contact`.
    unanswered_per_day, unanswered_per_week : int
        Most calls without an answer within 24 and 168 hours.
    """

    country: str | None
    valid_from: dt.date
    opens: dt.time
    closes: dt.time
    weekdays: frozenset[int]
    needs_consent: bool
    registry: str | None
    unanswered_per_day: int
    unanswered_per_week: int


@dataclass(frozen=True, slots=True)
class ContactRules:
    """Every rule that is known.

    Parameters
    ----------
    rules : sequence of ContactRule
        In any order, no two of a country from one day on; one without a country is valid on every day.
    """

    rules: Sequence[ContactRule]

    def of(self, country: str | None, day: dt.date) -> ContactRule:
        """Return the rule of a country on a day: its newest that is valid by then, else the default."""
        fitting = [rule for rule in self.rules if rule.country in (country, None) and rule.valid_from <= day]
        return max(fitting, key=lambda rule: (rule.country is not None, rule.valid_from))


@dataclass(frozen=True, slots=True)
class Callee:
    """Facts on a client that decide about a call.

    Parameters
    ----------
    phone : str or None
        The number that would be called.
    country : str or None
        Where the client is.
    zones : tuple of str
        Every time zone that the client may be in; empty when not known.
    contact_consent : bool or None
        False is a refusal, None is not known.
    do_not_contact : bool
        On a registry, or asked for.
    """

    phone: str | None
    country: str | None
    zones: tuple[str, ...]
    contact_consent: bool | None
    do_not_contact: bool


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What came of earlier calls to a client, whoever made them.

    Parameters
    ----------
    unanswered : tuple of datetime
        Calls that nobody answered; those older than a week count no more.
    refused : bool
        Whether the client ever refused to be called.
    wrong_numbers : frozenset of str
        Numbers that turned out to be somebody else's.
    """

    unanswered: tuple[dt.datetime, ...] = ()
    refused: bool = False
    wrong_numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether to call.

    Parameters
    ----------
    allowed : bool
        Whether a call may begin now.
    reason : Hold or None
        What forbids it, the first of several.
    why : str
        The same in words.
    from_when : datetime or None
        First moment at which nothing that is known now forbids a call; None: there is none in sight. A rule that opens
        in an hour which a change of the clocks skips or repeats, or that begins meanwhile, may make it later than the
        first; it is never too early.
    """

    allowed: bool
    reason: Hold | None
    why: str
    from_when: dt.datetime | None


@dataclass(frozen=True, slots=True)
class _Held:
    reason: Hold
    why: str
    until: dt.datetime | None = None


def may_call(client: Callee, history: CallRecord, rules: ContactRules, now: dt.datetime) -> Permission:
    """Say whether a marketing call to a client may begin.

    Parameters
    ----------
    client : Callee
        Who would be called.
    history : CallRecord
        What came of earlier calls.
    rules : ContactRules
        What the countries ask.
    now : datetime
        With its zone.
    """
    held = _hold(client, history, rules, now)
    if held is None:
        return Permission(True, None, "May be called now.", now)
    return Permission(False, held.reason, held.why, _first_free(client, history, rules, held))


def _first_free(client: Callee, history: CallRecord, rules: ContactRules, held: _Held) -> dt.datetime | None:
    """Return when nothing holds a client back any more, going from the end of one hold to that of the next."""
    for _ in range(MOST_STEPS):
        if held.until is None:
            return None
        later = _hold(client, history, rules, held.until)
        if later is None:
            return held.until
        held = later
    return None


def _hold(client: Callee, history: CallRecord, rules: ContactRules, at: dt.datetime) -> _Held | None:
    """Return the first thing that forbids a call at a moment; what lasts comes before what passes."""
    rule = rules.of(client.country, at.astimezone(dt.UTC).date())
    return next(_lasting(client, history, rule), None) or next(_passing(client, history, rule, at), None)


def _lasting(client: Callee, history: CallRecord, rule: ContactRule) -> Iterator[_Held]:
    if client.phone is None:
        yield _Held("no_phone", "No phone number is on record.")
    if client.do_not_contact:
        where = f" ({rule.registry})" if rule.registry else ""
        yield _Held("do_not_contact", f"Asked not to be contacted, or is on a do-not-contact registry{where}.")
    if client.contact_consent is False or history.refused:
        yield _Held("refused", "Refused to be contacted; who refused once is not called again.")
    if client.phone in history.wrong_numbers:
        yield _Held("wrong_number", "The number is somebody else's; another one is needed.")
    if rule.needs_consent and client.contact_consent is None:
        yield _Held("consent_needed", f"{_place(client.country)} asks for consent, and none is on record.")
    if not client.zones:
        yield _Held("local_time_unknown", "The client's country is not known, and so not the local time: ask for it.")


def _passing(client: Callee, history: CallRecord, rule: ContactRule, at: dt.datetime) -> Iterator[_Held]:
    for window, most, name in ((WEEK, rule.unanswered_per_week, "week"), (DAY, rule.unanswered_per_day, "day")):
        recent = sorted(call for call in history.unanswered if call > at - window)
        if len(recent) >= most:
            why = f"Calls without an answer within a {name}: {len(recent)}; at most {most} may be made."
            yield _Held("unanswered", why, recent[-most] + window)
    for zone in map(ZoneInfo, client.zones):
        local = at.astimezone(zone)
        if not _is_open(rule, local):
            yield _Held("outside_hours", _hours(rule, local), _next_opening(rule, local))


def _place(country: str | None) -> str:
    return "A country that is not known" if country is None else f"The rule for {country}"


def _is_open(rule: ContactRule, local: dt.datetime) -> bool:
    return local.isoweekday() in rule.weekdays and rule.opens <= local.time() < rule.closes


def _hours(rule: ContactRule, local: dt.datetime) -> str:
    asked = f"calls are made from {rule.opens:%H:%M} to {rule.closes:%H:%M}"
    return f"It is {local:%A %H:%M} where the client is ({local.tzinfo}); {asked} on {_days(rule)}."


def _days(rule: ContactRule) -> str:
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    return "every day" if len(rule.weekdays) == 7 else ", ".join(names[day - 1] for day in sorted(rule.weekdays))


def _next_opening(rule: ContactRule, local: dt.datetime) -> dt.datetime:
    """Return the next opening after a local time that is not open, in UTC."""
    days = (local.date() + dt.timedelta(days=n) for n in range(8))
    openings = (dt.datetime.combine(day, rule.opens, local.tzinfo) for day in days if day.isoweekday() in rule.weekdays)
    return next(at for opening in openings if (at := opening.astimezone(dt.UTC)) > local)
