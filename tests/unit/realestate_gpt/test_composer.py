"""The composer says what the fields say, and the verifier, which knows nothing of it, lets all of that through."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.realestate_gpt.composer import compose, render
from estate.realestate_gpt.confidence import confidence, features, judge
from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.facts import FACTS
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.naming import NO_MATCH, Match
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.verifier import Verified, verify


def agent(**fields: Any) -> Record:
    known: dict[str, Any] = {"name": "Omar Saleh", "closing_rate": 0.31, "deals_closed": 24, "avg_response_time": 540.0}
    return Record("agent", "a", 1.0, known | {"rank": 3, "rank_lower": 2, "rank_upper": 6} | fields)


def client(**fields: Any) -> Record:
    known: dict[str, Any] = {
        "name": "Layla Haddad",
        "budget": "1500000.00",
        "currency": "AED",
        "qualification_score": 0.42,
        "qualification_lower": 0.3,
        "qualification_upper": 0.55,
        "qualification_band": "hot",
        "qualification_n": 120,
        "qualification_basis": "A documented score card moved by 120 closed deals.",
        "qualification_why": "Decision speed is fast.",
        "closing_probability": 0.37,
        "closing_lower": 0.2,
        "closing_upper": 0.5,
        "last_step": "site visit",
        "likely_step": "payment plan",
        "likely_step_share": 0.31,
        "ask": "Ask which areas the client wants.",
    }
    return Record("client", "c", 1.0, known | fields)


def unit(**fields: Any) -> Record:
    known: dict[str, Any] = {
        "title": "Pearl Gate 12",
        "price": "1250000.00",
        "currency": "AED",
        "bedrooms": 2,
        "area_sqm": 104.5,
        "status": "available",
        "payment_plan": "60/40",
        "paid_before_handover_pct": "60.00",
        "delivery_date": "2027-03-01",
        "reason_1": "AED 1,250,000 is within the budget of AED 1,500,000.",
        "trade_off": "It has 1 bathroom.",
        "fair_value": 1_210_000.0,
        "fair_value_lower": 1_100_000.0,
        "fair_value_upper": 1_330_000.0,
        "comparables": 14,
    }
    return Record("property", "p:u", 1.0, known | fields)


def area(**fields: Any) -> Record:
    known: dict[str, Any] = {
        "area_name": "Qamar Quay",
        "price_avg": "1300000.00",
        "currency": "AED",
        "as_of": "2026-10-31",
        "snapshot_count": 12,
        "heat_score": 71.6,
        "heat_band": "very hot",
        "heat_confidence": 0.37,
        "forecast_month": "2027-10-01",
        "forecast_price": 1_350_000.4,
        "forecast_price_lower": 1_290_000.0,
        "forecast_price_upper": 1_410_000.0,
    }
    return Record("market", "m", 1.0, known | fields)


TRIGGER = Record(
    "behavior",
    "t",
    1.0,
    {"term": "payment plan", "evidence": "proven", "lift": 1.84, "lift_lower": 1.3, "lift_upper": 2.4, "n_with": 88},
)
DEAL = Record("behavior", "d", 1.0, {"stage": "negotiation"})


def everything(**changes: Any) -> Evidence:
    known: dict[str, Any] = {
        "agent": agent(),
        "client": client(),
        "unit": unit(),
        "units": (unit(),),
        "areas": (area(),),
        "triggers": (TRIGGER,),
        "deals": (DEAL,),
        "calls": (client(last_contact="The last contact was 12 days ago."),),
        "named": (),
    }
    return Evidence(**known | changes).joined()


def checked(evidence: Evidence, *intents: Intent) -> Verified:
    return verify(compose(intents, evidence, for_client=True), evidence.records())


@pytest.mark.parametrize("intent", set(Intent) - {Intent.FACT})
def test_every_sentence_of_every_topic_is_supported(intent: Intent) -> None:
    verified = checked(everything(), intent)
    assert verified.dropped == ()
    assert {cite.layer for s in verified.kept for cite in s.cites} == {
        "market",
        "agent",
        "client",
        "property",
        "behavior",
    }


@given(
    price=st.integers(0, 10**12),
    score=st.floats(0, 1),
    seconds=st.floats(0, 10**7),
    size=st.floats(1, 10**5),
    bedrooms=st.integers(0, 20),
    heat=st.floats(0, 100),
    n=st.integers(0, 10**7),
    day=st.dates(),
)
def test_every_value_is_written_as_it_is_checked(
    price: int, score: float, seconds: float, size: float, bedrooms: int, heat: float, n: int, day: Any
) -> None:
    evidence = everything(
        agent=agent(closing_rate=score, deals_closed=n, avg_response_time=seconds),
        client=client(qualification_score=score, budget=str(price), qualification_n=n),
        unit=unit(price=str(price), area_sqm=size, bedrooms=bedrooms, delivery_date=day.isoformat()),
        units=(),
        areas=(area(heat_score=heat, price_avg=str(price), as_of=day.isoformat()),),
    )
    assert checked(evidence, *Intent).dropped == ()


@given(st.text(max_size=80), st.text(max_size=80))
def test_names_of_any_kind_do_no_harm(name: str, title: str) -> None:
    evidence = everything(client=client(name=name), unit=unit(title=title))
    verified = checked(evidence, Intent.UNIT)
    assert verified.kept


def test_scores_and_tactics_are_not_for_the_client() -> None:
    kept = checked(everything(), Intent.PRICE, Intent.OBJECTION).kept
    told = {cite.field for s in kept if s.audience == "client" for cite in s.cites}
    private = {"qualification_score", "closing_probability", "lift", "term", "rank", "fair_value", "likely_step"}
    assert told
    assert not told & private


def test_client_who_refuses_contact_gets_no_message() -> None:
    kept = checked(everything(client=client(do_not_contact=True), calls=()), Intent.UNIT).kept
    assert {s.audience for s in kept} == {"agent"}
    assert any(cite.field == "do_not_contact" for s in kept for cite in s.cites)


def test_agent_who_asks_whom_to_call_gets_no_message_for_a_client() -> None:
    assert {s.audience for s in checked(everything(), Intent.CALL, Intent.NEXT_STEP).kept} == {"agent"}


def test_sold_unit_is_not_offered_to_the_client() -> None:
    kept = checked(everything(unit=unit(status="sold"), units=()), Intent.UNIT).kept
    told = [s.text for s in kept if s.audience == "client"]
    assert "Pearl Gate 12 is sold." in told
    assert not any("costs" in text for text in told)


def test_question_about_paying_is_answered_with_the_plan() -> None:
    text = render(checked(everything(), Intent.PRICE).kept)
    assert "The payment plan is 60/40, with 60% paid before handover." in text


@pytest.mark.parametrize(("today", "said"), [("2027-02-28", True), ("2027-03-01", False)])
def test_handover_in_the_past_is_not_announced(today: str, said: bool) -> None:
    evidence = everything(today=dt.date.fromisoformat(today))
    assert ("planned for 1 March 2027" in render(checked(evidence, Intent.UNIT).kept)) is said


def test_candidate_trigger_is_said_with_doubt() -> None:
    candidate = Record("behavior", "t", 1.0, {**TRIGGER.fields, "evidence": "candidate", "lift_lower": 0.9})
    assert "- Bring up “payment plan”" in render(checked(everything(), Intent.NEXT_STEP).kept)
    doubted = render(checked(everything(triggers=(candidate,)), Intent.NEXT_STEP).kept)
    assert "- Not certain, but worth a try: bring up “payment plan”" in doubted


def test_unproven_trigger_is_not_offered_unasked() -> None:
    candidate = Record("behavior", "t", 1.0, {**TRIGGER.fields, "evidence": "candidate", "lift_lower": 0.9})
    assert "payment plan”" in render(checked(everything(), Intent.UNIT).kept)
    assert "payment plan”" not in render(checked(everything(triggers=(candidate,)), Intent.UNIT).kept)


def test_a_word_that_is_proven_to_lose_is_not_advised() -> None:
    losing = Record("behavior", "t", 1.0, {**TRIGGER.fields, "lift": 0.6, "lift_lower": 0.45, "lift_upper": 0.8})
    for intent in (Intent.UNIT, Intent.NEXT_STEP):
        assert "ring up “" not in render(checked(everything(triggers=(losing,)), intent).kept)


def test_wide_interval_is_called_wide() -> None:
    wide = everything(client=client(closing_lower=0.0, closing_upper=0.99))
    assert "anything from 0% to 99% is possible" in render(checked(wide, Intent.UNIT).kept)


def test_budget_is_compared_in_one_currency_only() -> None:
    within = render(checked(everything(), Intent.PRICE).kept)
    above = render(checked(everything(unit=unit(price="1600000")), Intent.PRICE).kept)
    other = render(checked(everything(client=client(currency="USD")), Intent.PRICE).kept)
    assert "within your budget of AED 1,500,000" in within
    assert "above your budget of AED 1,500,000" in above
    assert "your budget" not in other


def test_sentence_without_its_value_is_not_said() -> None:
    text = render(checked(everything(unit=unit(price=None), units=()), Intent.PRICE).kept)
    assert "None" not in text
    assert "AED 1,250,000" not in text


def test_question_without_topic_is_not_answered() -> None:
    evidence = everything()
    judgement = judge((), evidence, checked(evidence))
    assert judgement.abstained
    assert confidence(judgement, evidence, checked(evidence)) == 0


@pytest.mark.parametrize("intent", [Intent.MARKET, Intent.UNIT, Intent.PRICE])
def test_unknown_place_is_not_answered_with_another(intent: Intent) -> None:
    evidence = everything(unknown_place=True)
    judgement = judge((intent,), evidence, checked(evidence, intent))
    assert judgement.abstained
    assert "place" in judgement.missing[0]


def test_half_answered_question_says_what_is_missing() -> None:
    evidence = everything(unit=None, units=(), named=())
    verified = checked(evidence, Intent.UNIT, Intent.MARKET)
    judgement = judge((Intent.UNIT, Intent.MARKET), evidence, verified)
    assert not judgement.abstained
    assert judgement.answered_share == 0.5
    assert len(judgement.missing) == 1


def test_units_that_miss_the_question_are_offered_as_such() -> None:
    evidence = everything(unit=None, fits=False)
    judgement = judge((Intent.UNIT,), evidence, checked(evidence, Intent.UNIT))
    assert not judgement.abstained
    assert "profile" in judgement.missing[0]


def test_of_all_units_only_what_was_counted_is_said() -> None:
    for fits, said in ((True, "No unit was found"), (False, "No available unit on record meets what was asked within")):
        evidence = everything(unit=None, units=(), fits=fits)
        assert judge((Intent.UNIT,), evidence, checked(evidence, Intent.UNIT)).missing[0].startswith(said)


def test_without_a_budget_none_is_spoken_of() -> None:
    evidence = everything(unit=None, units=(), fits=False, budgeted=False)
    missing = judge((Intent.UNIT,), evidence, checked(evidence, Intent.UNIT)).missing
    assert missing == ("No available unit on record meets what was asked.",)


def test_who_is_first_at_the_next_free_moment_is_told_while_nobody_may_be_called() -> None:
    held = agent(calls_held="outside hours (2)", calls_from="2026-06-04 05:00 UTC")
    later = (client(), Record("client", "c2", 1.0, {**client().fields, "name": "Dana Khoury"}))
    evidence = everything(agent=held, client=None, calls=(), later=later)
    verified = checked(evidence, Intent.CALL)
    text = render(verified.kept)

    assert verified.dropped == ()
    assert not judge((Intent.CALL,), evidence, verified).abstained
    assert text.index("Ask again from 2026-06-04 05:00 UTC.") < text.index("First to call then: Layla Haddad, score ")
    assert text.index("First to call then: Layla Haddad") < text.index("To call then: Dana Khoury, score ")


def sure(evidence: Evidence, *intents: Intent) -> float:
    verified = checked(evidence, *intents)
    return confidence(judge(intents, evidence, verified), evidence, verified)


def test_confidence_falls_with_gaps_and_odd_words() -> None:
    intents = (Intent.UNIT, Intent.MARKET)
    values = [sure(everything(**changes), *intents) for changes in ({}, {"odd": 2}, {"unit": None, "units": ()})]
    assert 1 > values[0] > values[1]
    assert values[0] >= values[2] > 0


def fact(key: str, *asked: Record, match: Match = NO_MATCH) -> Evidence:
    today = dt.date(2026, 11, 26)
    found = Evidence(agent(), asked=asked, fact=FACTS[key], intents=(Intent.FACT,), match=match, today=today)
    return found.joined()


def test_plain_question_gets_a_plain_answer() -> None:
    verified = checked(fact("client.budget", client()), Intent.FACT)
    assert render(verified.kept) == "For you:\n- Layla Haddad has a budget of AED 1,500,000."


def test_every_fact_is_answered_in_words_that_stand_up() -> None:
    fields: dict[str, Any] = {
        **agent().fields, **client().fields, **unit().fields, **area().fields, **TRIGGER.fields, "lower": 1.3,
        "upper": 2.4, "decision_speed": "fast", "emotional_type": "driver", "objections": "timing", "stage": "viewing",
        "opened_at": "2026-01-02T00:00:00+00:00", "calls_per_day": 12, "avg_closing_price": "900000", "bathrooms": 2,
        "developer": "Oryx Lane", "amenities": "pool", "heat_direction": "rising", "sales_volume": 69,
        "demand_score": 74.6, "supply_score": 12.5, "days_on_market": 41.0, "outcome": "lost",
        "closed_at": "2026-08-01T09:00:00+00:00", "lost_reason": "the handover", "expected_deals": 0.8,
        "expected_deals_lower": 0.0, "expected_deals_upper": 2.0, "horizon_days": 30,
    }  # fmt: skip
    for key, asked in FACTS.items():
        verified = checked(fact(key, Record(asked.layer, "x", 1.0, fields)), Intent.FACT)
        assert verified.dropped == (), key
        assert any(cite.field == asked.field for sentence in verified.kept for cite in sentence.cites), key


def test_old_record_is_told_and_trusted_less() -> None:
    fresh = fact("client.budget", client(updated_at="2026-11-20T00:00:00+00:00"))
    old = fact("client.budget", client(updated_at="2025-02-01T00:00:00+00:00"))
    assert "last confirmed on 1 February 2025" in render(checked(old, Intent.FACT).kept)
    assert "confirmed" not in render(checked(fresh, Intent.FACT).kept)
    assert sure(old, Intent.FACT) < sure(fresh, Intent.FACT)


def test_lasting_fact_of_an_old_record_is_as_good_as_new() -> None:
    old = fact("property.area_sqm", unit(updated_at="2025-02-01T00:00:00+00:00"))
    fresh = fact("property.area_sqm", unit(updated_at="2026-11-20T00:00:00+00:00"))
    assert sure(old, Intent.FACT) == sure(fresh, Intent.FACT)


def test_several_of_one_name_are_told_apart_and_none_is_chosen() -> None:
    twins = fact("client.budget", client(), Record("client", "c2", 1.0, {**client().fields, "budget": "900000.00"}))
    verified = checked(twins, Intent.FACT)
    judgement = judge((Intent.FACT,), twins, verified)
    assert judgement.abstained
    text = render(verified.kept, judgement.missing)
    assert "Several records bear this name" in text
    assert "AED 900,000" in text
    assert "AED 1,500,000" in text


@pytest.mark.parametrize("asked", [(), (client(budget=None),)])
def test_missing_person_or_value_is_declined(asked: tuple[Record, ...]) -> None:
    evidence = fact("client.budget", *asked)
    assert judge((Intent.FACT,), evidence, checked(evidence, Intent.FACT)).abstained


def test_name_that_was_misspelt_is_corrected_and_trusted_less() -> None:
    near = fact("client.budget", client(), match=Match((), likeness=0.9, margin=0.4))
    exact = fact("client.budget", client())
    assert "Layla Haddad comes closest" in render(checked(near, Intent.FACT).kept)
    assert sure(near, Intent.FACT) < sure(exact, Intent.FACT)


def test_one_slip_in_a_long_name_already_makes_it_the_name_of_somebody_else() -> None:
    almost = fact("client.budget", client(), match=Match((), likeness=0.995))
    farther = fact("client.budget", client(), match=Match((), likeness=0.95))
    exact = fact("client.budget", client())
    verified = checked(almost, Intent.FACT)
    at = [sure(evidence, Intent.FACT) for evidence in (exact, almost, farther)]

    assert features(judge((Intent.FACT,), almost, verified), almost, verified)["misspelt"] == 1
    assert at[0] - at[1] > at[1] - at[2] > 0
