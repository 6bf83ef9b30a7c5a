"""Only what the cited fields say gets through, whoever wrote the sentence."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.realestate_gpt.composer import say
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.verifier import Cite, Sentence, problem_with, verify

UNIT = Record(
    "property",
    "p:u",
    1.0,
    {
        "title": "Pearl Gate 12",
        "price": "1250000.00",
        "currency": "AED",
        "delivery_date": "2027-03-01",
        "status": "available",
    },
)
OTHER = Record("property", "p:v", 1.0, {"title": "Cedar Court 3", "price": "900000.00", "currency": "AED"})
AREA = Record("market", "m", 1.0, {"area_name": "Qamar Quay", "heat_score": 71.6, "heat_band": "hot"})
CLIENT = Record("client", "c", 1.0, {"name": "Layla", "qualification_score": 0.617})
RECORDS = {record.key: record for record in (UNIT, OTHER, AREA, CLIENT)}


def spoken(template: str, **records: Record) -> Sentence:
    sentence = say(template, **records)
    assert sentence is not None
    return sentence


GOOD = (
    spoken("{u.title} costs {u.price} and is {u.status}; handover on {u.delivery_date}.", u=UNIT),
    spoken("{a.area_name} is {a.heat_band}: heat {a.heat_score}.", a=AREA),
    spoken("Qualification of {c.name}: {c.qualification_score}.", c=CLIENT),
    Sentence("Please tell me what matters most to you."),
)


@pytest.mark.parametrize("sentence", GOOD, ids=lambda s: s.text[:20])
def test_true_sentence_is_kept(sentence: Sentence) -> None:
    verified = verify([sentence], RECORDS)
    assert verified.kept == (sentence,)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1,250,000", "1,350,000"),
        ("1,250,000", "1,250,0000"),
        ("AED 1,250,000", "AED 1,250,000.50"),
        ("AED", "USD"),
        ("AED 1,250,000", "1,250,000"),
        ("1 March 2027", "2 March 2027"),
        ("1 March 2027", "11 March 2027"),
        ("1 March 2027", "1 April 2027"),
        ("available", "sold"),
        ("Pearl Gate 12", "Pearl Gate"),
        ("Pearl Gate 12", "Pearl Gate 13"),
        ("costs", "costs only half of"),
        ("costs", "costs 5% under"),
        ("costs", "with Omar costs"),
        ("costs", "like Cedar Court costs"),
        ("costs", "is hot and costs"),
        ("costs", "costs two million, no,"),
        ("costs", "costs ٩ or"),
        ("costs", "costs €"),
        ("costs", "costs ½ of"),
        ("costs", "مرسى costs"),
        ("handover", "a View over the Sea; handover"),
    ],
)
def test_changed_word_is_caught(old: str, new: str) -> None:
    good = GOOD[0]
    assert old in good.text
    lie = replace(good, text=good.text.replace(old, new, 1))
    assert verify([lie], RECORDS).kept == ()


def test_name_of_another_record_is_caught_in_any_case() -> None:
    lie = replace(GOOD[0], text=GOOD[0].text.replace("costs", "in qamar quay costs"))
    assert problem_with(lie, RECORDS, ("qamar quay",)) is not None
    assert verify([lie], RECORDS).kept == ()


def test_swapped_record_is_caught() -> None:
    good = GOOD[0]
    swapped = replace(good, cites=tuple(replace(cite, id=OTHER.id) for cite in good.cites))
    assert verify([swapped], RECORDS).kept == ()


def test_field_of_another_record_is_caught() -> None:
    lie = Sentence(
        "Pearl Gate 12 costs AED 900,000.", (Cite("property", "p:u", "title"), Cite("property", "p:u", "price"))
    )
    assert verify([lie], RECORDS).kept == ()


def test_values_swapped_between_two_records_are_caught() -> None:
    good = spoken("{u.title} costs {u.price}, {o.title} costs {o.price}.", u=UNIT, o=OTHER)
    lie = replace(good, text="Pearl Gate 12 costs AED 900,000, Cedar Court 3 costs AED 1,250,000.")
    assert verify([good, lie], RECORDS).kept == (good,)


@pytest.mark.parametrize(
    "cite",
    [Cite("market", "nowhere", "area_name"), Cite("market", "m", "price_avg"), Cite("client", "m", "area_name")],
)
def test_cite_of_nothing_is_caught(cite: Cite) -> None:
    assert verify([Sentence("Qamar Quay is fine.", (cite,))], RECORDS).kept == ()


def test_part_of_a_longer_word_is_not_the_name() -> None:
    good = GOOD[2]
    assert verify([replace(good, text=good.text.replace("Layla", "Laylat"))], RECORDS).kept == ()


def test_sentence_is_not_held_up_by_a_missing_value() -> None:
    assert verify([Sentence("Prices are fine.", (Cite("market", "m", "price_avg"),))], RECORDS).kept == ()


def test_cite_that_the_sentence_does_not_use_is_caught() -> None:
    padded = replace(GOOD[1], cites=(*GOOD[1].cites, Cite("client", "c", "name")))
    assert verify([padded], RECORDS).kept == ()


@pytest.mark.parametrize("text", ["It costs AED 5.", "Layla is ready.", "Ask Omar.", "Half of them buy."])
def test_claim_without_cite_is_caught(text: str) -> None:
    dropped = verify([Sentence(text)], RECORDS).dropped
    assert [d.sentence.text for d in dropped] == [text]
    assert dropped[0].reason


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_no_other_amount_passes(stored: int, said: int) -> None:
    record = Record("property", "x", 1.0, {"price": str(stored), "currency": "AED"})
    sentence = Sentence(f"It costs AED {said:,}.", (Cite("property", "x", "price"),))
    assert (problem_with(sentence, {record.key: record}) is None) == (stored == said)


@given(st.text(max_size=60))
def test_any_text_is_safe(text: str) -> None:
    verified = verify([Sentence(text, (Cite("client", "c", "name"),))], RECORDS)
    assert len(verified.kept) + len(verified.dropped) == 1
