"""Names are found although they are misspelt, and never one for another that differs in a number."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.realestate_gpt.asking import understand
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.naming import match
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.retrieval.lexical import words

LAYLA = Record("client", "1", 1.0, {"name": "Layla Haddad"})
LAYAL = Record("client", "2", 1.0, {"name": "Layal Haddow"})
TWIN = Record("client", "3", 1.0, {"name": "Layla Haddad"})
QUAY = Record("market", "4", 1.0, {"area_name": "Qamar Quay"})
FLOOR_5 = Record("property", "5", 1.0, {"title": "Villa in Pearl Gate, floor 5", "project_name": "Pearl Gate"})
FLOOR_6 = Record("property", "6", 1.0, {"title": "Villa in Pearl Gate, floor 6", "project_name": "Pearl Gate"})
TERM = Record("behavior", "7", 1.0, {"term": "budget"})
TODAY = dt.date(2026, 6, 3)
ALL = (LAYLA, LAYAL, QUAY, FLOOR_5, FLOOR_6, TERM)


def found(text: str, *records: Record) -> set[str]:
    return {record.id for record in match(words(text), records or ALL).records}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("What is the budget of Layla Haddad?", {"1"}),
        ("What is the budget of Lalya Hadad?", {"1"}),
        ("layal haddow, how much?", {"2"}),
        ("Prices in Qamer Quay", {"4"}),
        ("How big is the villa in Pearl Gate, floor 6?", {"6"}),
        ("How big is the vila in Perl Gate, floor 6?", {"6"}),
        ("How big is the villa in Pearl Gate, floor 7?", set()),
        ("Who built Pearl Gate?", {"5", "6"}),
        ("What does Zebulon Quartermaine want?", set()),
        ("Nothing of ours", set()),
    ],
)
def test_names(text: str, ids: set[str]) -> None:
    assert found(text) == ids


def test_two_names_said_word_for_word_are_not_mixed_to_a_third() -> None:
    titles = (
        "Studio in Oasis Residences, floor 10",
        "Penthouse in Sea Gate, floor 6",
        "Penthouse in Oasis Residences, floor 6",
    )
    records = [Record("property", str(n), 1.0, {"title": title}) for n, title in enumerate(titles)]
    named = understand(f"price of {titles[0]} and {titles[1]}", records, TODAY)
    assert {record.id for record in (*named.match.records, *named.beside)} == {"0", "1"}


def test_rooms_and_floors_are_said_in_short() -> None:
    flat = Record("property", "8", 1.0, {"title": "2-bedroom apartment in Pearl Court, floor 14"})
    for text in ("how much is the 2 bed in Pearl Court floor 14", "2br pearl court 14th floor price?"):
        assert understand(text, [flat], TODAY).match.records == (flat,)


def test_a_project_does_not_explain_a_unit_that_is_not_on_record() -> None:
    flat = Record(
        "property", "8", 1.0, {"title": "2-bedroom flat in Pearl Court, floor 14", "project_name": "Pearl Court"}
    )
    assert understand("2 bedroom flat in Pearl Court", [flat], TODAY).odd == 0
    assert understand("handover date of the 3wbedroom villa in Pearl Court, floor 9", [flat], TODAY).odd > 0


def test_one_name_of_two_is_of_both() -> None:
    assert found("The budget of Layla Haddad?", LAYLA, TWIN) == {"1", "3"}
    assert found("The budget of Layla?", LAYLA, Record("client", "9", 1.0, {"name": "Layla Varma"})) == {"1", "9"}


def test_worse_spelling_is_less_like_and_a_near_name_leaves_less_margin() -> None:
    exact, near = match(words("Layla Haddad"), ALL), match(words("Layla Hadda"), ALL)
    assert exact.likeness == 1 > near.likeness
    assert exact.margin > near.margin


@pytest.mark.parametrize(
    ("text", "key", "foreign"),
    [
        ("What is the budget of Layla Haddad?", "client.budget", False),
        ("Who built the villa in Pearl Gate, floor 5?", "property.developer", False),
        ("How is the market in Qamar Quay?", None, False),
        ("What will homes in Qamar Quay cost next year?", None, False),
        ("Which school did Layla Haddad go to?", None, True),
        ("How do I cook a risotto?", None, True),
        ("Show me a two-bedroom flat", None, False),
        ("كيف السوق في Qamar Quay؟", None, False),
        ("ما وضع الاستثمار في Qamar Quay الآن؟", None, False),
        ("كم سعر الشقق في Qamar Quay؟", "market.price_avg", False),
        ("هل الأسعار مرتفعة في Qamar Quay؟", "market.price_avg", False),
        ("whats the prise in qamar kuay?", "market.price_avg", False),
        ("What is the villa in Pearl Gate, floor 5, worth?", "property.fair_value", False),
    ],
)
def test_what_is_asked(text: str, key: str | None, foreign: bool) -> None:
    subject = understand(text, ALL, TODAY)
    assert (subject.fact.key if subject.fact else None) == key
    if key is None:
        assert subject.foreign is foreign


@given(st.sampled_from(["May", "Will", "Hope", "Price", "House", "Said", "Call", "Deal", "K", "Grant", "Market"]))
def test_a_surname_is_one_whatever_it_means(surname: str) -> None:
    asked = understand(f"What is Layla {surname}'s budget?", [LAYLA], TODAY)
    assert asked.match.records == ()
    assert asked.match.taken
    assert asked.odd > 0
    assert understand("What is Layla's budget?", [LAYLA], TODAY).match.records == (LAYLA,)


def test_names_are_no_topics() -> None:
    assert Intent.UNIT not in understand("What does the villa in Pearl Gate, floor 5 cost?", ALL, TODAY).intents


@given(st.integers(2000, 2099))
def test_only_a_year_that_is_over_is_not_told(year: int) -> None:
    fact = understand(f"What is the average price in Qamar Quay in {year}?", ALL, TODAY).fact
    assert fact is not None
    assert fact.key == ("market.untold" if year < TODAY.year else "market.price_avg")


@pytest.mark.parametrize("title", ["Miss", "Mrs", "Sheikh", "Sheikha", "Broker", "Sir", "Madam", "Client"])
@pytest.mark.parametrize("after", ["", " Monday", " Please", " ASAP"])
def test_what_stands_beside_a_name_and_is_none_makes_nobody_else_of_it(title: str, after: str) -> None:
    assert understand(f"May I call {title} Layla{after}?", [LAYLA], TODAY).match.records == (LAYLA,)


def test_every_area_that_is_named_is_meant() -> None:
    areas = [Record("market", name, 1.0, {"area_name": name}) for name in ("Qamar Quay", "Old Saffar", "Tamira")]
    asked = understand("Compare prices in qamar quay, old saffar and tamira", areas, TODAY)
    assert {record.id for record in (*asked.match.records, *asked.beside)} == {"Qamar Quay", "Old Saffar", "Tamira"}
    assert (asked.fact and asked.fact.key, asked.odd, asked.lacks_other) == ("market.price_avg", 0, False)
    assert understand("Compare prices in qamar quay and luban", areas, TODAY).lacks_other
    assert not understand("What are prices in qamar quay?", areas, TODAY).lacks_other


def test_value_and_instalments_are_asked_in_one_breath() -> None:
    asked = understand(
        "What is the fair value of the villa in Pearl Gate, floor 5, and what are the instalments?", ALL, TODAY
    )
    assert {fact.key for fact in (asked.fact, asked.second) if fact} == {
        "property.fair_value",
        "property.payment_plan",
    }
    assert understand("Which payment plan has the villa in Pearl Gate, floor 5?", ALL, TODAY).second is None
