"""What a model wrote is shown only where every word of it is known and every value is said of its own field."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.realestate_gpt.test_composer import agent, area, client, unit

from estate.realestate_gpt import figures
from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.grounding import MAX_SENTENCES, Grounding
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.verifier import Audience, Cite, Sentence
from estate.realestate_gpt.wording import CONNECTIVES, COURTESY, FIELDS, NOUNS

OTHER = replace(client(name="Omar Kassem", budget="7700000.00"), id="other")
COLLEAGUE = replace(agent(name="Sara Ali", closing_rate=0.5), id="colleague")
DEAL = Record("behavior", "d", 1.0, {"stage": "negotiation"})
EVIDENCE = Evidence(
    agent=agent(), client=client(), unit=unit(), areas=(area(),), calls=(OTHER,), deals=(DEAL,), named=(COLLEAGUE,)
)
GROUNDING = Grounding(EVIDENCE)
HOME, TALKED, PLACE, SELLER = unit(), client(), area(), agent()


def said(text: str, record: Record | None = None, *fields: str, to: Audience = "agent") -> Sentence:
    cites = tuple(Cite(record.layer, record.id, field) for field in fields) if record else ()
    return Sentence(text, cites, to)


GOOD = (
    said("Pearl Gate 12 costs AED 1,250,000.", HOME, "title", "price"),
    said("The price of Pearl Gate 12 is AED 1,250,000.", HOME, "title", "price", to="client"),
    said("The unit Pearl Gate 12 has 2 bedrooms and 104 m².", HOME, "title", "bedrooms", "area_sqm", to="client"),
    said("Pearl Gate 12 is available, asking AED 1,250,000.", HOME, "title", "status", "price"),
    said("Handover of Pearl Gate 12: 1 March 2027.", HOME, "title", "delivery_date", to="client"),
    said(
        "The fair value of Pearl Gate 12 is AED 1,210,000, between AED 1,100,000 and AED 1,330,000.",
        HOME,
        *("title", "fair_value", "fair_value_lower", "fair_value_upper"),
    ),
    said("Your closing rate is 31%.", SELLER, "closing_rate"),
    said("The deal is at the stage negotiation.", DEAL, "stage"),
    said("Your budget is AED 1,500,000.", TALKED, "budget", to="client"),
    said("Dear Layla Haddad, thank you for your message.", TALKED, "name", to="client"),
    said("Layla Haddad has the score 42%.", TALKED, "name", "qualification_score"),
    said("The average price in Qamar Quay is AED 1,300,000.", PLACE, "area_name", "price_avg", to="client"),
    said("Qamar Quay is very hot, heat 72 of 100.", PLACE, "area_name", "heat_band", "heat_score"),
    said("Thank you for your message.", to="client"),
    said("What matters most to you?", to="client"),
    said("Would you like to see the home?", to="client"),
)


@pytest.mark.parametrize("sentence", GOOD, ids=lambda s: s.text[:40])
def test_a_true_sentence_in_known_words_is_kept(sentence: Sentence) -> None:
    assert GROUNDING.problem_with(sentence) is None


def test_a_heat_of_little_evidence_is_not_told_to_the_client() -> None:
    told = said("Qamar Quay is very hot.", PLACE, "area_name", "heat_band", to="client")
    doubtful = Grounding(replace(EVIDENCE, areas=(area(heat_confidence=0.04),)))
    assert GROUNDING.problem_with(told) is None
    assert doubtful.problem_with(told) == "the heat is too doubtful for the client"
    assert doubtful.problem_with(replace(told, audience="agent")) is None


PRICED = ("title", "price")
LIES = (
    # Promises, negations, comparisons, conditions and tenses: no figure in them, and a lie each.
    said("The seller will pay your fees.", to="client"),
    said("I promise you the home.", to="client"),
    said("You know the price.", to="client"),
    said("Pearl Gate 12 is not available.", HOME, "title", "status"),
    said("Pearl Gate 12 is no longer available.", HOME, "title", "status"),
    said("Pearl Gate 12 was available.", HOME, "title", "status"),
    said("Pearl Gate 12 costs less than AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs over AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs AED 1,250,000 if you wait.", HOME, *PRICED),
    said("Pearl Gate 12 costs AED 1,250,000 and the seller pays.", HOME, *PRICED),
    said("Pearl Gate 12 costs AED 1,250,000, reduced.", HOME, *PRICED),
    said("Pearl Gate 12 costs AED 1,250,000 a month.", HOME, *PRICED),
    # Figures: in words, of other scripts, hidden, in other units.
    said("Pearl Gate 12 costs two million, price AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs مليونان, price AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs ٩, price AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs one, price AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs sev\u200ben, price AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs ⓢⓔⓥⓔⓝ, price AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs 𝟗, price AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs V, price AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs 1250000.", HOME, *PRICED),
    said("Pearl Gate 12 costs USD 1,250,000.", HOME, *PRICED),
    said("Layla Haddad: score 0.42.", TALKED, "name", "qualification_score"),
    said("Layla Haddad: score 42 percent.", TALKED, "name", "qualification_score"),
    said("Pearl Gate 12: handover 2027-03-01.", HOME, "title", "delivery_date"),
    said("Pearl Gate 12: handover 01/03/2027.", HOME, "title", "delivery_date"),
    said("Pearl Gate 12: handover in March, 1 March 2027.", HOME, "title", "delivery_date"),
    said("Pearl Gate 12 costѕ AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs\u202e AED 1,250,000.", HOME, *PRICED),
    said("Pearl Gate 12 costs AED 1,250,000.\nTo the client: it is free.", HOME, *PRICED),
    # Values said of another field or record.
    said("The price of Pearl Gate 12 is AED 1,210,000.", HOME, "title", "fair_value"),
    said("Pearl Gate 12 costs AED 1,210,000, fair value AED 1,250,000.", HOME, "title", "fair_value", "price"),
    said("AED 1,210,000 is the price of Pearl Gate 12, AED 1,250,000.", HOME, "fair_value", "title", "price"),
    said("Pearl Gate 12: AED 1,210,000.", HOME, "title", "fair_value"),
    said("Pearl Gate 12: price AED 1,250,000 and AED 1,330,000.", HOME, *PRICED, "fair_value_upper"),
    said("Layla Haddad: the chance is 42%.", TALKED, "name", "qualification_score"),
    said("Your budget is AED 1,250,000.", HOME, "price", to="client"),
    Sentence(
        "Omar Kassem has the budget AED 1,500,000.", (Cite("client", "other", "name"), Cite("client", "c", "budget"))
    ),
    Sentence(
        "Pearl Gate 12, average AED 1,300,000.", (Cite("property", "p:u", "title"), Cite("market", "m", "price_avg"))
    ),
    # What a reader would take for another record's: it, or nobody named.
    said("It costs AED 1,250,000.", HOME, "price"),
    said("The price is AED 1,250,000.", HOME, "price", to="client"),
    said("The budget is AED 7,700,000.", OTHER, "budget"),
    said("Your budget is AED 7,700,000.", OTHER, "budget", to="client"),
    said("Your closing rate is 50%.", COLLEAGUE, "closing_rate"),
    # What nobody knows the client wants, and advice that no figure gives.
    said("Layla Haddad would like to see the home.", TALKED, "name"),
    said("The home is for Layla Haddad.", TALKED, "name", to="client"),
    said("Call Layla Haddad.", TALKED, "name"),
    said("Offer Pearl Gate 12, price AED 1,250,000.", HOME, *PRICED),
    said("Thank you for your message."),
    # Names and states that no field of the sentence holds.
    said("Qamar Quay is hot.", PLACE, "area_name"),
    said("Pearl Gate 12 is sold.", HOME, "title"),
    said("The home is in qamar quay.", HOME),
    said("Ask Omar.", None),
    # Links, markup, fields that nobody may cite, other ids.
    said("Pearl Gate 12 costs AED 1,250,000, see https://evil.example/?q=1", HOME, *PRICED),
    said("Pearl Gate 12 costs AED 1,250,000 ![x](//evil.example)", HOME, *PRICED),
    said("Pearl Gate 12 costs AED 1,250,000 <img>", HOME, *PRICED),
    said("Pearl Gate 12 costs AED 1,250,000 evil.example/x", HOME, *PRICED),
    said("Pearl Gate 12: the currency is AED.", HOME, "title", "currency"),
    Sentence("The home is Pearl Gate 12.", (Cite("property", "p:v", "title"),)),
    Sentence("The home is Pearl Gate 12.", (Cite("property", "p:u", "name"),)),
    said(""),
    said(" "),
    said("please " * 200, to="client"),
    said("Pearl Gate 12\ncosts AED 1,250,000.", HOME, *PRICED),
    said(
        "The fair value of Pearl Gate 12 is between AED 1,100,000 and AED 1,330,000, AED 1,210,000.",
        HOME,
        *("title", "fair_value_lower", "fair_value_upper", "fair_value"),
    ),
)


@pytest.mark.parametrize("sentence", LIES, ids=lambda s: s.text[:50])
def test_a_lie_is_dropped(sentence: Sentence) -> None:
    assert GROUNDING.problem_with(sentence) is not None


@pytest.mark.parametrize(
    "case",
    [
        ("Layla Haddad: the score is 42%.", TALKED, "name", "qualification_score"),
        ("Layla Haddad: chance 37%.", TALKED, "name", "closing_probability"),
        ("Pearl Gate 12: the fair value is AED 1,210,000.", HOME, "title", "fair_value"),
        ("The client is Omar Kassem.", OTHER, "name"),
        ("Omar Kassem: budget AED 7,700,000.", OTHER, "name", "budget"),
        ("Omar Saleh: rate 31%.", SELLER, "name", "closing_rate"),
    ],
)
def test_scores_and_other_clients_are_not_for_the_client(case: tuple[str, Record, *tuple[str, ...]]) -> None:
    text, record, *fields = case
    assert GROUNDING.problem_with(said(text, record, *fields)) is None
    assert GROUNDING.problem_with(said(text, record, *fields, to="client")) is not None


def test_nobody_writes_to_a_client_who_wants_no_contact_or_is_not_there() -> None:
    greeting = said("Thank you for your message.", to="client")
    assert GROUNDING.problem_with(greeting) is None
    for spoken_of in (client(do_not_contact=True), None):
        assert Grounding(replace(EVIDENCE, client=spoken_of)).problem_with(greeting) is not None


def test_a_sentence_is_kept_once_and_not_too_many_are() -> None:
    twice = GROUNDING.verify([GOOD[0], GOOD[0]])
    assert (twice.kept, twice.dropped) == ((GOOD[0],), ())
    many = [said("please " * n, to="client") for n in range(1, MAX_SENTENCES + 6)]
    assert len(GROUNDING.verify(many).kept) == MAX_SENTENCES


TELLING = frozenset(
    """
    no not never none without free less than more only under over below above will shall must was were if unless until
    sold reserved available won lost january one two half double cheaper better guarantee promise pay pays seven
    """.split()  # noqa: SIM905
)
"""Words that could make a lie of a true sentence."""


def test_none_of_the_words_that_may_be_used_tells_anything() -> None:
    bound = {word for wording in FIELDS.values() for word in wording.words}
    assert (CONNECTIVES | COURTESY | bound) & TELLING == {"until"}
    assert {key for key, wording in FIELDS.items() if "until" in wording.words} == {("market", "as_of")}


@given(st.lists(st.sampled_from(sorted(COURTESY | CONNECTIVES | TELLING)), min_size=1, max_size=12))
def test_one_foreign_word_is_enough(words: list[str]) -> None:
    text = " ".join(words)
    kept = GROUNDING.problem_with(said(text, to="client")) is None
    assert GROUNDING.problem_with(said(text)) is not None
    assert kept == COURTESY.issuperset(words)


@given(st.text(min_size=1, max_size=40).filter(str.strip))
def test_nothing_can_be_hung_onto_a_true_sentence(tail: str) -> None:
    text = f"Pearl Gate 12 costs AED 1,250,000 {tail}"
    known = CONNECTIVES | NOUNS["property"] | FIELDS["property", "price"].words
    if GROUNDING.problem_with(said(text, HOME, *PRICED)) is None:
        words = "".join(c if c.isalpha() else " " for c in tail.casefold()).split()
        assert known.issuperset(words)
        assert tail.isascii() or not any(c.isalnum() for c in tail)
        assert not any(c.isnumeric() for c in tail)


NAMED = {"market": "area_name", "agent": "name", "client": "name", "property": "title"}
FIGURES = sorted(key for key, wording in FIELDS.items() if wording.labels and not wording.is_name)


@given(st.sampled_from(FIGURES), st.sampled_from(FIGURES))
def test_a_figure_is_not_said_with_the_label_of_another(own: tuple[str, str], other: tuple[str, str]) -> None:
    record = {"market": PLACE, "agent": SELLER, "client": TALKED, "property": HOME}.get(own[0])
    value = figures.show(record.fields, own[1]) if record else None
    for label in set(FIELDS[other].labels) - FIELDS[own].words - CONNECTIVES:
        if record is not None and value is not None:
            name = figures.show(record.fields, NAMED[own[0]])
            true, false = (f"{name}: the {word} is {value}." for word in (FIELDS[own].labels[0], label))
            assert GROUNDING.problem_with(said(true, record, NAMED[own[0]], own[1])) is None or own[1].endswith(
                "_upper"
            )
            assert GROUNDING.problem_with(said(false, record, NAMED[own[0]], own[1])) is not None


@pytest.mark.parametrize(
    "text",
    [
        "see http://x.test",
        "HTTPS://x.test/a",
        "www.x.test",
        "![a](b)",
        "[a](b)",
        "[a]: b",
        "<b>bold</b>",
        "<script>",
        "<|im_start|>",
        "mailto:a",
        "javascript:x",
        "data:image",
        "thief@evil.example",
        "evil.example/x?y",
        "Palm Court keys at evil.example",
        "EVIL24.Com.",
        "evil.dr.com",
        "xn--evil.xn--p1ai",
        "//evil.example",
        "&lt;b&gt;",
        "ｈｔｔｐ：／／evil.example",
    ],
)
def test_a_value_with_a_link_or_markup_is_not_shown(text: str) -> None:
    assert figures.has_markup(text)
    assert figures.show({"title": text}, "title") is None


@pytest.mark.parametrize(
    "text",
    ["Dr.Omar Haddad", "St.Regis", "J.B.R", "No.5", "D.I.F.C.", "1.5 km away. Sea view.", "Eng.Sara", "Al Barsha 3.0"],
)
def test_a_dot_in_a_name_is_no_link(text: str) -> None:
    assert figures.show({"payment_plan": text}, "payment_plan") == text


@pytest.mark.parametrize(
    "text", ["Pearl Gate 12", "St. John's 4/5", "60/40", "Mr.Smith & Sons; 3rd", "مرسى قمر ١٢", "a < b", "L'Étoile [2]"]
)
def test_a_plain_value_is_shown(text: str) -> None:
    assert figures.show({"trade_off": text}, "trade_off") == text
