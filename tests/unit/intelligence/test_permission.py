"""No unlawful call is suggested, and none is held back without a rule that says so."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA
from tests.call_states import State, is_lawful, states

from estate.core.settings import get_settings
from estate.intelligence.analytics.permission import Callee, CallRecord, may_call
from estate.intelligence.contact_rules import _country_zones, contact_rules, parse_rules, rule_texts

DUBAI = Callee("+971501234567", "AE", ("Asia/Dubai",), None, False)
CAIRO = Callee("+201001234567", "EG", ("Africa/Cairo",), True, False)
NOON = dt.datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("Asia/Dubai"))
NOBODY = CallRecord()
HOUR = dt.timedelta(hours=1)
CLOCKS_CHANGE_BEFORE = dt.time(4)
PACKED = [json.loads(rule.model_dump_json()) for rule in rule_texts()]


def check(state: State, part: float) -> None:
    """Compare the permission with the second judge, now, when the call comes free, and at a moment between."""
    client, history, rules, now = state
    found = may_call(*state)
    assert found.allowed == is_lawful(state), found
    assert found.allowed == (found.reason is None)
    if found.from_when is None:
        assert not found.allowed
        return
    assert found.from_when >= now
    assert is_lawful((client, history, rules, found.from_when))
    begins = any(now.date() < rule.valid_from <= found.from_when.date() for rule in rules.rules)
    is_skipped = any(rule.opens < CLOCKS_CHANGE_BEFORE for rule in rules.rules)
    if not found.allowed and not begins and not is_skipped:
        between = min(now + part * (found.from_when - now), found.from_when - dt.timedelta.resolution)
        assert not is_lawful((client, history, rules, between))


parts = st.floats(0, 1, exclude_max=True)


@settings(max_examples=1_000, deadline=None)
@given(states, parts)
def test_no_unlawful_call_is_suggested(state: State, part: float) -> None:
    check(state, part)


@pytest.mark.parametrize(
    ("clock", "allowed"), [("08:59:59", False), ("09:00:00", True), ("17:59:59", True), ("18:00:00", False)]
)
def test_the_hours_are_those_of_the_client(clock: str, allowed: bool) -> None:
    at = dt.datetime.fromisoformat(f"2026-11-27T{clock}").replace(tzinfo=ZoneInfo("Asia/Dubai"))
    assert may_call(DUBAI, NOBODY, contact_rules(), at).allowed is allowed
    assert may_call(DUBAI, NOBODY, contact_rules(), at.astimezone(ZoneInfo("America/New_York"))).allowed is allowed


def test_outside_the_hours_the_next_opening_is_told() -> None:
    found = may_call(DUBAI, NOBODY, contact_rules(), NOON + 9 * HOUR)
    assert (found.reason, found.from_when) == ("outside_hours", NOON + 21 * HOUR)
    assert found.why == (
        "It is Wednesday 21:00 where the client is (Asia/Dubai); calls are made from 09:00 to 18:00 on every day."
    )


def test_a_weekend_is_waited_out() -> None:
    friday = dt.datetime(2026, 11, 27, 12, tzinfo=ZoneInfo("Africa/Cairo"))
    found = may_call(CAIRO, NOBODY, contact_rules(), friday)
    assert found.from_when == dt.datetime(2026, 11, 29, 10, tzinfo=ZoneInfo("Africa/Cairo"))


def test_unanswered_calls_are_capped_by_day_and_week() -> None:
    once = CallRecord(unanswered=(NOON - 2 * HOUR,))
    assert may_call(DUBAI, once, contact_rules(), NOON).from_when == NOON + 22 * HOUR
    twice = CallRecord(unanswered=(NOON - 2 * HOUR, NOON - 50 * HOUR))
    assert may_call(DUBAI, twice, contact_rules(), NOON).from_when == NOON + 118 * HOUR
    late = CallRecord(unanswered=(NOON + 7 * HOUR - 24 * HOUR,))
    assert may_call(DUBAI, late, contact_rules(), NOON).from_when == NOON + 21 * HOUR, "the cap ends outside the hours"


@pytest.mark.parametrize(
    ("change", "record", "reason"),
    [
        ({"contact_consent": False}, {}, "refused"),
        ({"contact_consent": True}, {"refused": True}, "refused"),
        ({"do_not_contact": True}, {}, "do_not_contact"),
        ({"phone": None}, {}, "no_phone"),
        ({}, {"wrong_numbers": frozenset({"+971501234567"})}, "wrong_number"),
        ({"zones": ()}, {}, "local_time_unknown"),
        ({"country": None}, {}, "consent_needed"),
        ({"country": "EG"}, {}, "consent_needed"),
    ],
)
def test_what_lasts_has_no_end(change: dict[str, object], record: dict[str, object], reason: str) -> None:
    found = may_call(replace(DUBAI, **change), replace(NOBODY, **record), contact_rules(), NOON)  # type: ignore[arg-type]
    assert (found.allowed, found.reason, found.from_when) == (False, reason, None)


def test_another_number_after_a_wrong_one_may_be_called() -> None:
    wrong = CallRecord(wrong_numbers=frozenset({"+971509999999"}))
    assert may_call(DUBAI, wrong, contact_rules(), NOON).allowed


def test_every_zone_that_the_client_may_be_in_must_be_open() -> None:
    somewhere = replace(DUBAI, country="US", zones=("America/New_York", "America/Los_Angeles"), contact_consent=True)
    morning = dt.datetime(2026, 11, 24, 11, tzinfo=ZoneInfo("America/New_York"))
    found = may_call(somewhere, NOBODY, contact_rules(), morning)
    assert found.from_when == dt.datetime(2026, 11, 24, 10, tzinfo=ZoneInfo("America/Los_Angeles"))
    apart = replace(somewhere, zones=("Asia/Dubai", "America/Los_Angeles"))
    assert may_call(apart, NOBODY, contact_rules(), morning).from_when is None


def test_a_rule_begins_on_its_day() -> None:
    before = dt.datetime(2024, 8, 26, 12, tzinfo=dt.UTC)
    assert may_call(DUBAI, NOBODY, contact_rules(), before).reason == "consent_needed"
    assert may_call(DUBAI, NOBODY, contact_rules(), before + 24 * HOUR).allowed


def test_the_default_is_the_strictest() -> None:
    default = contact_rules().of(None, NOON.date())
    assert contact_rules().of("ZZ", NOON.date()) == default
    for rule in contact_rules().rules:
        assert default.needs_consent >= rule.needs_consent
        assert default.weekdays <= rule.weekdays
        assert rule.opens <= default.opens < default.closes <= rule.closes
        assert default.unanswered_per_day <= rule.unanswered_per_day
        assert default.unanswered_per_week <= rule.unanswered_per_week


def test_every_rule_says_where_it_is_from_and_that_no_lawyer_has_read_it() -> None:
    assert all(rule.source and rule.note for rule in rule_texts())
    assert {rule.reviewed_on for rule in rule_texts()} == {None}


def test_rules_that_leave_something_open_are_refused() -> None:
    written = [json.loads(rule.model_dump_json()) for rule in rule_texts()]
    assert parse_rules(json.dumps(written)) == rule_texts()
    with pytest.raises(ValueError, match="begin on the same day"):
        parse_rules(json.dumps([*written, written[0] | {"opens": "08:00"}]))
    with pytest.raises(ValueError, match="without a country"):
        parse_rules(json.dumps([rule for rule in written if rule["country"]]))
    with pytest.raises(ValueError, match="opens before it closes"):
        parse_rules(json.dumps([written[0] | {"opens": "19:00"}]))


def test_every_zone_is_known_here() -> None:
    zones = {zone for zones in (*TIMEZONE_DATA.values(), *_country_zones().values()) for zone in zones}
    assert len(zones - {"Etc/Unknown"}) > 300
    for zone in zones - {"Etc/Unknown"}:
        ZoneInfo(zone)


@pytest.fixture
def own_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    file = tmp_path / "rules.json"
    monkeypatch.setenv("ESTATE_CONTACT_RULES_FILE", str(file))
    get_settings.cache_clear()
    rule_texts.cache_clear()
    yield file
    monkeypatch.undo()
    get_settings.cache_clear()
    rule_texts.cache_clear()


def test_a_firm_may_bring_rules_of_its_own(own_rules: Path) -> None:
    own_rules.write_text(json.dumps([PACKED[-1] | {"opens": "11:00"}]))
    assert [rule.opens for rule in rule_texts()] == [dt.time(11)]


@pytest.mark.parametrize("wrong", ["", "[]", "[{}]", "no file"])
def test_rules_that_cannot_be_used_are_named(own_rules: Path, wrong: str) -> None:
    if wrong != "no file":
        own_rules.write_text(wrong)
    with pytest.raises(ValueError, match=f"The contact rules of {own_rules} cannot be used"):
        rule_texts()
