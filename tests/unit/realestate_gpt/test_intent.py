"""Questions are understood by their words, and odd ones do no harm."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from estate.realestate_gpt.asking import understand
from estate.realestate_gpt.intent import Intent, read


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("How is the market in Qamar Quay?", Intent.MARKET),
        ("Where should I invest, which area will rise?", Intent.MARKET),
        ("I am looking for a two-bedroom apartment", Intent.UNIT),
        ("How much is the down payment?", Intent.PRICE),
        ("It is too expensive, I must think about it", Intent.OBJECTION),
        ("Who should I call first today?", Intent.CALL),
        ("What is the next step, how do I close?", Intent.NEXT_STEP),
        ("Hello, can you help me?", Intent.GENERAL),
        ("كيف السوق في هذه المنطقة", Intent.MARKET),
        ("أريد شقة", Intent.UNIT),
        ("هل يوجد شقق في Qamar Quay بأقل من 2 مليون؟", Intent.UNIT),
        ("السعر غالي", Intent.OBJECTION),
    ],
)
def test_topic(text: str, intent: Intent) -> None:
    assert intent in read(text).intents


@pytest.mark.parametrize("text", ["I would like to hear about Layla Haddad", "She likes the sea"])
def test_to_like_is_no_likelihood(text: str) -> None:
    assert Intent.NEXT_STEP not in read(text).intents
    assert Intent.NEXT_STEP in read("How likely is a sale?").intents


def test_topics_stand_in_order_of_their_words() -> None:
    asked = read("Is an apartment or a villa with a view a good investment?").intents
    assert asked == (Intent.UNIT, Intent.MARKET)


def test_one_client_is_no_list_of_clients() -> None:
    assert Intent.CALL not in read("My client wants a villa, what do I say?").intents
    assert Intent.CALL in read("Which of my clients is next?").intents
    assert Intent.CALL in read("List my clients").intents


@pytest.mark.parametrize("text", ["Flat under 900k riyals", "3bhk under 900k", "anything under 900k?"])
def test_a_sum_is_a_word_for_money(text: str) -> None:
    assert Intent.PRICE in read(text).intents
    assert understand(text, [], dt.date(2026, 11, 1)).odd == 0


@pytest.mark.parametrize("text", ["What is the capital of France?", "asdf qwer", "???", "1 2 3", "the of and"])
def test_strange_question_has_no_topic(text: str) -> None:
    assert read(text).intents == ()


@pytest.mark.parametrize(
    ("text", "budget", "currency"),
    [
        ("up to AED 1.5 million", Decimal(1_500_000), "AED"),
        ("1,250,000 aed at most", Decimal(1_250_000), "AED"),
        ("between 900k and 1.2m", Decimal(1_200_000), None),
        ("around 2000000", Decimal(2_000_000), None),
        ("٢ مليون", Decimal(2_000_000), None),
        ("2 bedrooms by 2027", None, None),
        ("3 m", Decimal(3_000_000), None),
        ("no number", None, None),
        ("$600k", Decimal(600_000), "USD"),
        ("US$ 1.2m", Decimal(1_200_000), "USD"),
        ("€2 million", Decimal(2_000_000), "EUR"),
        ("900 ألف درهم", Decimal(900_000), "AED"),
        ("900,000 د.إ", Decimal(900_000), "AED"),
        ("AED 2.2m (about $600k)", Decimal(2_200_000), "AED"),
        ("1.5 to 2 million AED", Decimal(2_000_000), "AED"),
        ("A$600k", None, None),
        ("2 million pounds", None, None),
        ("2 million riyals", None, None),
        ("2 million Egyptian pounds", Decimal(2_000_000), "EGP"),
        ("2 million Saudi riyals", Decimal(2_000_000), "SAR"),
        ("Qatari riyals 2m", Decimal(2_000_000), "QAR"),
        ("3m Kuwaiti dinars", Decimal(3_000_000), "KWD"),
        ("٢ مليون ريال سعودي", Decimal(2_000_000), "SAR"),
        ("two million dirhams", Decimal(2_000_000), "AED"),
        ("half a million dollars", Decimal(500_000), "USD"),
        ("under AED .75m?", Decimal(750_000), "AED"),
        ("at most .9 million", Decimal(900_000), None),
        ("between .5 and .75m", Decimal(750_000), None),
        ("مليون ونصف درهم", Decimal(1_500_000), "AED"),
        ("بمليوني درهم", Decimal(2_000_000), "AED"),
        ("AED 1.5-2m", Decimal(2_000_000), "AED"),
        ("1.5 mill", Decimal(1_500_000), None),
        ("two milion", None, None),
        ("one point five million", None, None),
        ("for a million", Decimal(1_000_000), None),
        ("AED 15,000 a sqm", None, None),
        ("2-3 m from the metro", None, None),
    ],
)
def test_budget(text: str, budget: Decimal | None, currency: str | None) -> None:
    found = read(text).budget
    assert (found.most, found.currency) == (budget, currency)


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("Can I call her?", True),
        ("Is calling Greta allowed?", True),
        ("May she be contacted?", True),
        ("هل أتصل بها؟", True),
        ("Please call me back about the flat", False),
        ("I am calling about the flat", False),
        ("She called about the flat", False),
        ("Did Layla Haddad call?", False),
        ("Did anyone call Layla Haddad yesterday?", False),
        ("Does she call often?", False),
        ("Will Layla call us?", False),
        ("Will I call Layla?", True),
        ("Does it make sense to call her?", True),
        ("What is her phone number?", False),
        ("What are her contact details?", False),
        ("On which telephone number do I reach her?", False),
        ("على أي رقم أتصل بها؟", False),
    ],
)
def test_a_call_to_somebody(text: str, calls: bool) -> None:
    assert read(text).calls is calls


def test_a_currency_of_several_countries_is_open() -> None:
    assert read("under £500,000").budget.is_open
    assert read("under 2 million riyals").budget.is_open
    assert not read("under AED 500,000").budget.is_open


@pytest.mark.parametrize(
    ("text", "fewest", "most"),
    [
        ("2-bedroom", 2, 2),
        ("three bed flat", 3, 3),
        ("4BR", 4, 4),
        ("a studio", 0, 0),
        ("a studio apartment", 0, 0),
        ("3 غرف", 3, 3),
        ("شقة غرفتين", 2, 2),
        ("big home", None, None),
        ("1 or 2 bedrooms", 1, 2),
        ("two or three bedroom flat", 2, 3),
        ("between 2 and 3 bedrooms", 2, 3),
        ("٢ أو ٣ غرف", 2, 3),
        ("a studio or 1 bedroom", 0, 1),
        ("at least 3 bedrooms", 3, None),
        ("2 bedrooms or more", 2, None),
        ("no more than 2 bedrooms", None, 2),
        ("more than 2 bedrooms", 3, None),
        ("a flat with fewer than 3 bedrooms", None, 2),
        ("under three bedrooms, over one bedroom", 2, 2),
        ("I don't want a flat with more than 2 bedrooms", None, 2),
        ("I don't want a home with less than 3 bedrooms", 3, None),
        ("شقة بأكثر من غرفتين", 3, None),
        ("شقة بغرفتين", 2, 2),
        ("3 bedrooms or 4 in Qamar Quay", 3, 4),
        ("3 bedrooms or 4 bathrooms", 3, 3),
        ("2 bedrooms or 4 million", 2, 2),
        ("no 1-bedroom", 2, None),
        ("I don't want a villa with 3 bedrooms", None, None),
        ("I do not want 2 bedrooms", None, None),
        ("I don't want a studio, show me flats", 1, None),
    ],
)
def test_bedrooms(text: str, fewest: int | None, most: int | None) -> None:
    home = read(text).home
    assert (home.fewest, home.most) == (fewest, most)


@pytest.mark.parametrize(
    ("text", "kinds", "refused"),
    [
        ("Is there a villa?", {"villa"}, set()),
        ("villas or townhouses", {"villa", "townhouse"}, set()),
        ("I don't want a studio, show me flats", {"apartment"}, {"studio"}),
        ("Why don't you have a villa?", {"villa"}, set()),
        ("a studio or a villa", {"studio", "villa"}, set()),
        ("a home", set(), set()),
        ("no villas or townhouses please", set(), {"villa", "townhouse"}),
        ("Do you have anything that is not a villa?", set(), {"villa"}),
        ("Anything but a villa under AED 1 million", set(), {"villa"}),
        ("No villas under AED 1 million", set(), {"villa"}),
        ("No villas under AED 1 million?", {"villa"}, set()),
        ("No villas above AED 5 million", {"villa"}, set()),
        ("No villas under 3 bedrooms", {"villa"}, set()),
        ("I need a flat, no more villas", {"apartment"}, {"villa"}),
        ("I don't want a villa with 3 bedrooms", {"villa"}, set()),
        ("I do not want a villa above AED 5 million", {"villa"}, set()),
        ("I don't want a flat for more than AED 1.3 million", {"apartment"}, set()),
        ("I don't want a flat with more than 2 bedrooms", {"apartment"}, set()),
        ("لا أريد شقة بأكثر من 1.3 مليون", {"apartment"}, set()),
        ("Are there no flats under AED 2 million?", {"apartment"}, set()),
        ("Is there no apartment in Qamar Quay?", {"apartment"}, set()),
        ("Isn't a villa available?", {"villa"}, set()),
        ("Why do I not see an apartment?", {"apartment"}, set()),
        ("We have no villa", {"villa"}, set()),
        ("هل لديكم فيلا؟", {"villa"}, set()),
        ("أريد الشقة لا أريد فيلا", {"apartment"}, {"villa"}),
        ("شقة وليس فيلا", {"apartment"}, {"villa"}),
    ],
)
def test_kinds_of_home(text: str, kinds: set[str], refused: set[str]) -> None:
    home = read(text).home
    assert (set(home.kinds), set(home.refused)) == (kinds, refused)


def test_ids_and_units() -> None:
    project, unit = uuid.uuid4(), uuid.uuid4()
    question = read(f"Compare {project}:{unit} please")
    assert [str(ref) for ref in question.units] == [f"{project}:{unit}"]
    assert question.ids == (project, unit)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("How is the market in Atlantis?", ("Atlantis",)),
        ("prices at Qamar Quay, please", ("Qamar Quay",)),
        ("Interested in buying in general", ()),
        ("in the next two years", ()),
        ("Show me a flat for at most AED 2 million", ()),
        ("Which flats are available at present?", ()),
        ("flats available at present", ()),
        ("Handover in Q4 2027?", ()),
        ("A flat near schools", ()),
        ("flats near schools", ()),
        ("Is it in walking distance of the metro?", ()),
        ("Is there a flat in phase 2 of Falcon Residences?", ()),
        ("What will prices be in January?", ()),
        ("prices in Jan 2027", ()),
        ("شقة في الوقت الحالي", ()),
        ("شقة في حدود ٢ مليون", ()),
        ("كيف السوق في أطلانطس؟", ("أطلانطس",)),
        ("homes in atlantis", ("atlantis",)),
        ("HOMES IN ATLANTIS", ("ATLANTIS",)),
        ("Homes at AED 2 million in El Dorado please", ("El Dorado",)),
        ("Homes near Gotham Park", ("Gotham Park",)),
        ("How is the market in atlantis?", ("atlantis",)),
        ("Flat in jvc under AED 2 million please", ("jvc",)),
        ("Hello. Is there a flat in jvc by January? I have Dhs 2m", ("jvc",)),
        ("Is Layla looking in cash or in instalments?", ()),
        ("Is Layla looking at homes in good order?", ()),
    ],
)
def test_places(text: str, places: tuple[str, ...]) -> None:
    assert read(text).places == places


SUMS = st.lists(st.sampled_from(["1", "1,000", ",000", ".", "999", "٫٥", " 000", "AED ", "$", " million", "k", "-"]))
ANY_TEXT = st.text(max_size=4_000) | st.builds("{} under {}".format, st.text(max_size=20), SUMS.map("".join))


@given(ANY_TEXT)
@example("Any flat under AED 1,000,000,000,000,000,000,000,000,000,000?")
@example(f"AED 9{',000' * 900}")
@example("Any flat" + "\n" * 3_980 + "in Qamar?")
def test_any_text_is_read(text: str) -> None:
    budget = read(text).budget
    assert all(0 <= end <= 10**15 for end in (budget.least, budget.most) if end is not None)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("2 bedroom flat 500 m from the metro under AED 1.5 million", 1_500_000),
        ("call me on 0501234567 about a flat under 900k", 900_000),
        ("call +971501234567, I can pay 900k", 900_000),
        ("AED 500,000 to 1.2m", 1_200_000),
        ("from 1m to 2m", 2_000_000),
        ("1500000 is what I have", 1_500_000),
        ("budget 1,5 million AED", 1_500_000),
        ("AED 2 500 000", 2_500_000),
        ("AED 1.500.000", 1_500_000),
        ("1.250 million", 1_250_000),
        ("١٫٥ مليون", 1_500_000),
        ("١٬٥٠٠٬٠٠٠ درهم", 1_500_000),
        ("2.5 mil", 2_500_000),
        ("AED 900,000 for 3 bedrooms", 900_000),
        ("1,250 million", None),
        ("AED 900.000", None),
        ("AED 2 500 000,50", None),
        ("AED 2 a square metre", None),
        ("a plot of 12,000 sqm", None),
        ("call 050 123 4567", None),
        ("at least 2 million", None),
        ("over AED 2m", None),
        ("AED 2 million or more", None),
        ("AED 1.3 million and above", None),
        ("from AED 2 million up", None),
        ("2m+", None),
        ("from AED 1m up to AED 2m", 2_000_000),
        ("AED 2m or 3 bedrooms", 2_000_000),
        ("2m and more than 2 bedrooms", 2_000_000),
        ("2b villa", None),
        ("1 b/r", None),
        ("1 b flat under 2m", 2_000_000),
        ("2 bn", 2_000_000_000),
        ("20 m long balcony", None),
        ("10m pool", None),
        ("a flat of 50 m 2, with 1.3 million", 1_300_000),
        ("2m 2 bedroom flat", 2_000_000),
        ("We have 2m from the sale of our flat", 2_000_000),
        ("a 2m high-end flat", 2_000_000),
        ("two and a half million", 2_500_000),
        ("twenty two million", None),
        ("عشرين مليون درهم", None),
        ("2 مليون ونصف", 2_500_000),
        ("more than AED 2m", None),
        ("no more than AED 900,000", 900_000),
        ("it must not be more than AED 900,000", 900_000),
        ("not above 900k", 900_000),
        ("I don't want to spend more than 900k", 900_000),
        ("I can’t go over 900k", 900_000),
        ("nothing over AED 900,000", 900_000),
        ("I do not want a villa above AED 5 million", 5_000_000),
        ("I don't want a flat for more than AED 1.3 million", 1_300_000),
        ("لا أريد شقة بأكثر من 1.3 مليون", 1_300_000),
        ("Are there no flats under AED 2 million?", 2_000_000),
        ("the price is no more than AED 2m", 2_000_000),
        ("Anything but a villa under AED 1 million", 1_000_000),
        ("No villas under AED 1 million", 1_000_000),
        ("no less than AED 2m", None),
        ("not below 2 million", None),
        ("شقة لا يزيد سعرها عن ٩٠٠ ألف", 900_000),
        ("لا يزيد عن ٩٠٠ ألف", 900_000),
        ("ليس أكثر من ٢ مليون", 2_000_000),
        ("أكثر من ٢ مليون", None),
        ("لا يقل عن ٢ مليون", None),
    ],
)
def test_a_budget_is_an_upper_limit_in_money(text: str, budget: int | None) -> None:
    assert read(text).budget.most == budget


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("AED 2 million or more", 2_000_000, None),
        ("at least 2 million", 2_000_000, None),
        ("2 million minimum", 2_000_000, None),
        ("2m at least", 2_000_000, None),
        ("no less than AED 2m", 2_000_000, None),
        ("more then 2m", 2_000_000, None),
        ("> AED 2m", 2_000_000, None),
        ("exceeding AED 2m", 2_000_000, None),
        ("not exceeding AED 2m", None, 2_000_000),
        ("أكثر من ٢ مليون", 2_000_000, None),
        ("between 900k and 1.2m", 900_000, 1_200_000),
        ("between AED 1 and 2 million", 1_000_000, 2_000_000),
        ("from 1 to 2 million", 1_000_000, 2_000_000),
        ("over AED 2m but under 3m", 2_000_000, 3_000_000),
        ("I have at least 2 million", None, 2_000_000),
        ("my budget is 2m+", None, 2_000_000),
        ("I can afford more than 2m", None, 2_000_000),
        ("2m +/- 10%", None, 2_000_000),
        ("under 2m, at least 3 bedrooms", None, 2_000_000),
        ("under 2m at least three bedrooms", None, 2_000_000),
    ],
)
def test_a_price_has_a_lower_limit(text: str, least: int | None, most: int | None) -> None:
    budget = read(text).budget
    assert (budget.least, budget.most) == (least, most)
