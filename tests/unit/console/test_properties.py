"""The explorer, a unit's page and the comparison say what the API says, and when it says nothing."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2
import pytest
from htpy import Element, fragment

from estate.console.page import Sheet, View, paths
from estate.console.pages.comparison import compare_page, standing
from estate.console.pages.properties import properties
from estate.console.pages.unit import amenities, price_in_words, said_of, unit_page
from estate.console.payments import grouped, schedule
from estate.sdk import Estate
from estate.sdk.models.house import Me
from estate.sdk.models.property import ComparedUnit, Instalment, Value

PROJECT = "10000000-0000-4000-8000-000000000001"
AREA = "20000000-0000-4000-8000-000000000001"
ONE, TWO, THREE = (f"{PROJECT}:3000000{at}-0000-4000-8000-000000000001" for at in (1, 2, 3))
HOSTILE = "<script>alert(1)</script>"
NOW = "2026-11-27T10:00:00Z"
ME = Me(caller="user", role="agent", agent_id=UUID(AREA), team_id=None, name="Tessa")


def a_unit(property_id: str = ONE, **changed: object) -> dict[str, object]:
    names = ("payment_plan", "cash_ratio", "negative_reviews", "positive_triggers", "listed_at", "sold_at")
    more = ("last_event_at", "developer", "handover_on", "percent_complete", "amenities", "sales_velocity")
    return {
        **dict.fromkeys((*names, *more)),
        "property_id": property_id,
        "project_id": PROJECT,
        "unit_id": property_id.partition(":")[2],
        "title": "Studio with a view",
        "price": "882000.00",
        "delivery_date": "2027-03-01",
        "real_demand": 3.0,
        "computed": {"real_demand": {"n": 4, "as_of": NOW, "window_days": 30, "why": "3 clients in 4 events."}},
        "updated_at": NOW,
        "currency": "AED",
        "area_id": AREA,
        "unit_type": "studio",
        "segment": "ready",
        "bedrooms": 0,
        "bathrooms": 1,
        "area_sqm": 42.4,
        "status": "available",
        "event_count": 4,
        "project_name": "Jasmine",
    } | changed


def a_value(**changed: object) -> dict[str, object]:
    return {
        "property_id": ONE,
        "status": "ok",
        "value": "928204.06",
        "lower": "777679.29",
        "upper": "1107863.86",
        "level": 0.8,
        "currency": "AED",
        "price": "882000.00",
        "price_to_value": 0.95,
        "n": 1,
        "comparables": [
            {
                "property_id": TWO,
                "title": "Sold studio",
                "price": "900000.00",
                "area_sqm": 45.0,
                "price_per_sqm": "20000.00",
                "size_adjustment": 0.9,
                "time_adjustment": 1.1,
                "adjusted_price": "891000.00",
                "bedrooms": 0,
                "segment": "ready",
                "sold_on": "2026-07-20",
            }
        ],
        "as_of": "2026-11-27",
        "method": "comparables",
        "sales": 102,
        "why": "Mean of one sale.",
        "reasons": ["The asking price is -5.0 % off the value."],
        "time_to_sell": {
            "status": "ok",
            "chances": [{"days": 90, "probability": -0.0, "lower": 0.0, "upper": 0.31}],
            "median_days": 380.8,
            "n": 20,
            "sold": 11,
            "why": "Kaplan-Meier curve.",
        },
    } | changed


NOT_ENOUGH: dict[str, object] = {
    "status": "insufficient_data",
    "value": None,
    "lower": None,
    "upper": None,
    "price_to_value": None,
    "comparables": [],
    "why": "3 sales; 5 are needed.",
    "time_to_sell": {
        "status": "insufficient_data",
        "chances": [],
        "median_days": None,
        "n": 9,
        "sold": 2,
        "why": "2 sales; 10 are needed.",
    },
}


def a_point(field: str, value: str, other: str, against: str, label: str) -> dict[str, object]:
    words = f"{label}: {value} against {other}."
    rest = {"against": against, "difference": 1.0, "threshold": 1.0, "unit": "%"}
    return {"field": field, "text": words, "value": value, "other": other, **rest}


def a_compared(property_id: str, **changed: object) -> dict[str, object]:
    return {
        "property_id": property_id,
        "title": f"Unit {property_id[-36:-28]}",
        "price": "882000.00",
        "currency": "AED",
        "pros": [],
        "cons": [],
        "even": [],
        "money_over_time": None,
        "money_missing": "It has no payment plan.",
    } | changed


MONEY = {
    "booked_on": "2026-11-27",
    "handover_on": "2028-12-16",
    "annual_rate_pct": "8",
    "schedule_source": "stated",
    "instalments": [
        {"due_on": "2026-11-27", "amount": "100000.00", "stage": "down_payment"},
        {"due_on": "2028-12-16", "amount": "300000.00", "stage": "handover"},
    ],
    "cash_equivalent_price": "356000.00",
    "cash_equivalent_ratio": 0.89,
    "cash_price": "380000.00",
    "implied_annual_rate": -1.4e-17,
    "peak_12m_outlay": "300000.00",
    "late_handover": [
        {
            "delay_months": 6,
            "last_due_on": "2029-06-16",
            "cash_equivalent_price": "347000.00",
            "peak_12m_outlay": "300000.00",
        }
    ],
}


class Api:
    """Answers by path, and keeps what was asked."""

    def __init__(self, **answers: object) -> None:
        area = {
            **dict.fromkeys(("price_avg", "price_median", "demand_score", "supply_score", "sales_volume", "as_of")),
            **{"new_projects": None, "agent_density": None, "segments": {}, "aliases": [], "history": []},
            **{"area_id": AREA, "area_name": "Falak", "currency": "AED", "snapshot_count": 1, "updated_at": NOW},
        }
        self.answers: dict[str, object] = {
            "market/query": {"items": [area], "next_cursor": None},
            "property/query": {"items": [a_unit()], "next_cursor": None},
            "property/count": {"count": 1_234},
            **{name.replace("_", "/"): answer for name, answer in answers.items()},
        }
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self.answers[request.url.path.strip("/")]
        if callable(answer):
            answer = answer(request.url.params)
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(200, json=answer)

    def params(self, path: str) -> Mapping[str, Any]:
        return dict(next(one for one in self.asked if one.url.path == path).url.params)


def built(api: Api, build: Any, path: str, *pairs: tuple[str, str], **params: str) -> tuple[Sheet, str]:
    view = View(path, ME, params, dict(pairs), pairs)
    with Estate("http://api", api_key="k", http=httpx2.MockTransport(api)) as estate:
        sheet: Sheet = build(estate, view)
    return sheet, str(fragment[sheet.content])


def listed(*units: dict[str, object], cursor: str | None = None) -> dict[str, object]:
    return {"items": list(units), "next_cursor": cursor}


def test_the_explorer_asks_with_its_filters_and_lists_what_it_gets() -> None:
    api = Api(property_query=listed(a_unit(), cursor="on"))
    asked = (("search", "sea"), ("bedrooms", "0"), ("price_max", "0.9m"), ("sort", "-price"), ("status", "available"))
    _, html = built(api, properties, "/properties", *asked)
    sent = api.params("/property/query")
    assert "1,234 units" in html
    assert (
        api.params("/property/count").items() == {k: v for k, v in sent.items() if k not in ("cursor", "limit")}.items()
    )
    assert (dict(asked) | {"price_max": "900000.0"}).items() <= sent.items()
    assert f'href="/properties/{ONE}"' in html
    for words in ("Studio with a view", "AED 882,000", "42 m²", "Available", "1 Mar 2027", "Falak"):
        assert words in html
    assert 'value="-price" selected' in html
    assert 'formaction="/properties" name="cursor" value="on">Next page<' in html


def test_units_that_were_chosen_before_are_compared_too() -> None:
    _, html = built(Api(), properties, "/properties", ("with", TWO))
    assert f'<input type="hidden" name="unit" value="{TWO}">' in html
    assert "1 unit is chosen already" in html


def test_what_is_ticked_stays_so_when_the_page_is_turned() -> None:
    asked = (("search", "sea"), ("unit", ONE), ("unit", TWO), ("cursor", "on"))
    _, html = built(Api(property_query=listed(a_unit())), properties, "/properties", *asked)
    assert f'name="unit" value="{ONE}" checked' in html
    assert f'<input type="hidden" name="unit" value="{TWO}">' in html
    assert '<input type="hidden" name="search" value="sea">' in html
    assert f'<input type="hidden" name="with" value="{ONE},{TWO}">' in html, "filters keep them, too"
    assert 'name="cursor" value="">First page<' in html


def test_an_empty_list_says_whether_anything_was_ever_there() -> None:
    _, first_use = built(Api(property_query=listed()), properties, "/properties")
    _, no_match = built(Api(property_query=listed()), properties, "/properties", ("search", "zzz"))
    assert "/imports" in first_use
    assert "No unit matches" in no_match
    assert "/imports" not in no_match
    assert "Compare ticked units" not in no_match


def test_refused_filters_stay_on_the_page_to_be_mended() -> None:
    problem = {"type": "urn:estate:problem:invalid", "title": "No", "status": 422, "detail": "Refused."}
    errors = [{"field": "price_min", "message": "Not above price_max."}]
    api = Api(property_query=httpx2.Response(422, json=problem | {"errors": errors}))
    _, html = built(api, properties, "/properties", ("price_min", "9"))
    assert "Price from: Not above price_max." in html
    assert 'name="price_min" type="text" value="9"' in html


def test_names_are_escaped() -> None:
    hostile = a_unit(title=HOSTILE, project_name=HOSTILE, positive_triggers=[HOSTILE], developer=HOSTILE)
    api = Api(property_query=listed(hostile, a_unit(TWO)), property_predict=a_value(), property_compare=two())
    _, listing = built(api, properties, "/properties")
    _, page = built(api, unit_page, "/properties/x", property_id=ONE)
    assert "<script" not in listing + page
    assert "&lt;script&gt;" in listing
    assert "&lt;script&gt;" in page


def two(**first: object) -> dict[str, object]:
    points = {"pros": [a_point("area_sqm", "42.40", "39.00", TWO, "Size")]}
    back = {"cons": [a_point("area_sqm", "39.00", "42.40", ONE, "Size")]}
    even = {"even": [a_point("bedrooms", "0", "0", TWO, "Bedrooms")]}
    one = a_compared(ONE, **{**points, **even, "money_over_time": MONEY, "money_missing": None} | first)
    return {"units": [one, a_compared(TWO, **back)], "reasons": ["Size: 42 against 39."], "not_compared": []}


def a_unit_page(value: dict[str, object], **unit: Any) -> tuple[Api, str]:
    units = (a_unit(TWO), a_unit(**unit))

    def query(asked: Mapping[str, str]) -> dict[str, object]:
        return listed(*(one for one in units if asked.get("unit", one["property_id"]) == one["property_id"]))

    api = Api(property_query=query, property_predict=value, property_compare=two(**unit))
    return api, built(api, unit_page, f"/properties/{ONE}", property_id=ONE)[1]


def test_a_unit_shows_its_value_with_interval_and_what_it_rests_on() -> None:
    _, html = a_unit_page(a_value())
    assert "AED 928,204" in html
    assert "AED 777,679 to 1,107,864, 80 % interval, n = 1" in html
    assert "5.0 % below the fair value, within its interval." in html
    assert f'href="/properties/{TWO}"' in html
    assert "× 0.900" in html
    assert "20 Jul 2026" in html
    assert "status=sold" in html


def test_a_unit_shows_chances_of_a_sale_without_a_minus_before_nought() -> None:
    _, html = a_unit_page(a_value())
    assert "0 % (0 % to 31 %) are sold within 90 days" in html
    assert "-0 %" not in html
    assert "381 days" in html


def test_what_cannot_be_estimated_is_no_number_but_says_what_is_needed() -> None:
    _, html = a_unit_page(a_value(**NOT_ENOUGH))
    assert "3 sales; 5 are needed." in html
    assert "2 sales; 10 are needed." in html
    assert "Not known" in html
    assert 'data-figure="fair-value"' not in html
    assert 'data-figure="time-to-sell"' not in html


def test_the_schedule_is_asked_of_a_comparison_with_another_unit_of_the_project() -> None:
    api, html = a_unit_page(a_value())
    assert api.params("/property/compare") == {"unitA": ONE, "unitB": TWO}
    assert "AED 400,000 in 2 payments: 25 % on 27 Nov 2026, the last on 16 Dec 2028." in html
    assert "AED 347,000" in html
    assert "0.0 %" in html


def test_a_unit_alone_has_no_schedule_and_says_why() -> None:
    api = Api(property_predict=a_value())
    _, html = built(api, unit_page, "/properties/x", property_id=ONE)
    assert "there is no other unit to compare" in html
    assert not any(one.url.path == "/property/compare" for one in api.asked)


def test_counted_figures_show_how_they_came_about_and_stated_ones_that_they_were_not_counted() -> None:
    _, html = a_unit_page(a_value(), positive_triggers=["down payment"])
    assert "3 clients in 4 events." in html
    assert "Last 30 days" in html
    assert "Stated by the source, not counted." in html
    assert f"/behavior/events?unit={ONE.replace(':', '%3A')}" in html


def test_a_figure_that_is_neither_counted_nor_stated_claims_no_source() -> None:
    _, html = a_unit_page(a_value(), computed={}, sales_velocity=None, positive_triggers=None, negative_reviews=None)
    assert html.count("Neither counted nor stated yet.") >= 3


@pytest.mark.parametrize(
    ("price", "ratio", "said"),
    [
        ("1200000", 1.29, "29.0 % above the fair value, above its whole interval."),
        ("700000", 0.754, "24.6 % below the fair value, below its whole interval."),
        ("928204", 1.0, "At the fair value, within its interval."),
        (None, None, "No asking price on record."),
    ],
)
def test_the_price_is_held_against_the_value_in_words(price: str | None, ratio: float | None, said: str) -> None:
    value = Value.model_validate_json(json.dumps(a_value(price=price, price_to_value=ratio)))
    assert price_in_words(value) == said


def instalments(*days: str) -> list[Instalment]:
    return [Instalment.model_validate({"due_on": day, "amount": "10", "stage": "construction"}) for day in days]


def test_many_payments_are_drawn_by_month_or_by_year() -> None:
    by_month = instalments(*(f"2027-01-{day:02}" for day in range(1, 20)))
    by_year = instalments(*(f"{2027 + at // 12}-{at % 12 + 1:02}-01" for at in range(24)))
    assert [label for label, _ in grouped(by_month)] == ["Jan 2027"]
    assert [(label, int(amount)) for label, amount in grouped(by_year)] == [("2027", 120), ("2028", 120)]
    assert [label for label, _ in grouped(instalments("2027-02-01", "2027-01-01"))] == ["1 Jan 2027", "1 Feb 2027"]


def test_a_schedule_carries_every_payment_with_what_is_paid_by_then() -> None:
    figure = schedule(instalments("2027-01-01", "2027-07-01"), "AED")
    assert isinstance(figure, Element)
    html = str(figure)
    assert "50 %" in html
    assert "100 %" in html


def test_what_a_source_stated_is_read_in_any_shape() -> None:
    assert amenities([{"label": "Pool", "code": "P"}, "Gym", {"code": "x"}]) == ["Pool", "Gym", "x"]
    assert amenities({"Pool": True}) == ["Pool"]
    assert amenities(None) == []
    assert said_of("quiet") == ["quiet"]
    assert said_of([{"text": "Loud.", "stars": 2, "topic": "noise"}]) == ["Loud. (2 stars, noise)"]
    counted = {"term": "parking", "speaker": "client", "won": 0, "lost": 1, "open": 2, "evidence": "proven"}
    assert said_of([counted]) == ["“parking” (client; 0 won, 1 lost, 2 open; proven)"]


# -------------------------------------------------------------------------------------------------------- comparison
def compared(api: Api, *units: str) -> str:
    return built(api, compare_page, "/properties/compare", *(("unit", one) for one in units))[1]


def test_units_stand_side_by_side_with_differences_in_words() -> None:
    api = Api(property_compare=two())
    html = compared(api, ONE, TWO)
    assert api.params("/property/compare") == {"unitA": ONE, "unitB": TWO}
    for words in ("▲ better", "▼ weaker", "≠ differs", "= alike", "42.40 m²", "39.00 m²"):
        assert words in html
    assert "Every figure on record could be compared." in html
    assert "B: It has no payment plan." in html
    assert "A costs least in money of today: AED 356,000" in html


def test_more_units_are_sent_along_and_statements_name_the_other() -> None:
    points = [a_point("area_sqm", "42.40", "39.00", THREE, "Size")]
    units = [a_compared(ONE, pros=points), a_compared(TWO), a_compared(THREE)]
    api = Api(property_compare={"units": units, "reasons": [], "not_compared": ["Price: no price."]})
    html = compared(api, ONE, TWO, THREE, ONE)
    assert api.asked[0].url.params.get_list("unit") == [THREE]
    assert "Size: 42.40 against 39.00 (against C)" in html
    assert "Price: no price." in html


@pytest.mark.parametrize(
    ("units", "said"), [((), "No unit is chosen."), ((ONE, ONE), "Only one"), (tuple("abcdef"), "6 units are chosen.")]
)
def test_too_few_and_too_many_are_told_what_to_do(units: tuple[str, ...], said: str) -> None:
    api = Api()
    html = compared(api, *units)
    assert said in html
    assert 'href="/properties' in html
    assert api.asked == []


def test_standing_follows_the_checked_statements() -> None:
    ahead = a_point("price", "1", "2", TWO, "Price")
    behind = a_point("price", "1", "0", THREE, "Price")

    def stands(**points: object) -> str:
        return standing(ComparedUnit.model_validate_json(json.dumps(a_compared(ONE, **points))), "price")

    assert stands(pros=[ahead]) == "better"
    assert stands(cons=[behind]) == "weaker"
    assert stands(pros=[ahead], cons=[behind]) == "between"
    assert stands() == "alike"


def test_the_comparison_is_served_at_its_own_path_and_not_as_a_unit() -> None:
    served = paths()
    assert served.index("/properties/compare") < served.index("/properties/{property_id}")
