"""Terms have one spelling, whatever the script and the writer's habits."""

import time

import pytest

from estate.behavior.analytics.emotion import detect
from estate.behavior.analytics.lexicon import TRIGGERS
from estate.behavior.analytics.terms import MAX_TERM_LENGTH, Language, canonical, extract, longest
from estate.sample.phrases import TERMS


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("Payment Plan", "payment plan"),
        ("payment-plan!", "payment plan"),
        ("ＰＡＹＭＥＮＴ plan", "payment plan"),
        ("Don’t wait", "don't wait"),
        ("خُطَّة السَّداد", "خطه السداد"),
        ("إقامة ذهبيـــة", "اقامه ذهبيه"),
        ("🔥", "🔥"),
    ],
)
def test_one_spelling(written: str, counted: str) -> None:
    assert canonical(written) == counted
    assert canonical(counted) == counted


def test_a_spelling_that_grows_is_cut_to_what_an_index_holds() -> None:
    assert len(canonical("ﷺ" * 150)) <= MAX_TERM_LENGTH


def test_terms_are_runs_of_up_to_three_words_without_stop_words_at_the_ends() -> None:
    found = extract("I must ask my family. The price is 2 million!")
    assert found == ["ask", "ask my family", "family", "price", "price is 2", "2 million", "million"]


def test_terms_do_not_cross_a_sentence() -> None:
    assert "plan sea" not in extract("The payment plan. Sea view.")


@pytest.mark.parametrize(("language", "found"), [("en", []), ("ar", ["the"]), (None, [])])
def test_stop_words_of_a_language(language: Language | None, found: list[str]) -> None:
    assert extract("the", language) == found


def test_arabic_terms_are_found_however_they_are_marked() -> None:
    assert "خطه سداد" in extract("هل عندكم خُطّة سداد؟")


def test_the_longest_of_nested_terms_remains() -> None:
    assert longest(["plan", "payment plan", "plane"]) == ["payment plan", "plane"]


def test_every_term_of_the_sample_world_can_be_extracted() -> None:
    missed = [t.text for t in TERMS if t.text not in extract(f"Well, {t.say}.")]
    assert missed == []


def test_every_term_that_is_looked_for_can_be_found() -> None:
    assert [term for term in TRIGGERS if term not in extract(term)] == []


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I love it, perfect!", "excited"),
        ("We are not interested.", None),
        ("I am interested, send me the plan.", "interested"),
        ("We are not sure, maybe later.", "hesitant"),
        ("This is too expensive.", "frustrated"),
        ("شُكراً جزيلاً", "grateful"),
        ("The unit has two rooms.", None),
        ("", None),
    ],
)
def test_emotions(text: str, emotion: str | None) -> None:
    assert detect(text) == emotion


def test_hostile_text_takes_no_time() -> None:
    started = time.perf_counter()
    for text in ("not " * 1250, "a" * 5000, "ask my " * 700, "'" * 5000):
        extract(text)
        detect(text)
    assert time.perf_counter() - started < 1
