"""The property endpoints: what goes in comes out, and what is wrong is named."""

from typing import Any

import pytest
from starlette.testclient import TestClient

PROJECT = "00000000-0000-4000-8000-0000000000a0"
OTHER_PROJECT = "00000000-0000-4000-8000-0000000000b0"
A, B, C = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))


def unit(unit_id: str = A, project_id: str = PROJECT, **fields: Any) -> dict[str, Any]:
    return {"project_id": project_id, "unit_id": unit_id} | fields


def post(api: TestClient, *rows: dict[str, Any]) -> Any:
    answer = api.post("/property/ingest", json=list(rows))
    assert answer.status_code == 200, answer.text
    return answer.json()


def fields(answer: Any) -> list[str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return [error["field"] for error in answer.json()["errors"]]


def test_a_batch_says_what_became_of_each_row(api: TestClient) -> None:
    told = post(api, unit(A, price="5.00", project={"name": "Gate"}), unit(B, bedrooms="two"), unit(A, bedrooms=1))
    assert (told["created"], told["updated"], told["rejected"]) == (1, 1, 1)
    assert "bedrooms" in told["items"][1]["problem"]
    listed = api.get("/property/query", params={"search": "gate", "sort": "price", "price_max": "10"}).json()
    assert [(item["property_id"], item["price"]) for item in listed["items"]] == [(f"{PROJECT}:{A}", "5.00")]


def test_several_units_are_found_by_their_ids(api: TestClient) -> None:
    post(api, unit(A), unit(B), unit(A, OTHER_PROJECT))
    wanted = {"unit": [f"{PROJECT}:{A}", f"{OTHER_PROJECT}:{A}", f"{OTHER_PROJECT}:{B}"]}
    listed = api.get("/property/query", params=wanted).json()["items"]
    assert {item["property_id"] for item in listed} == set(wanted["unit"][:2])
    assert api.get("/property/count", params=wanted).json() == {"count": 2}
    refused = api.get("/property/query", params={"unit": [f"{PROJECT}:{A}"] * 51})
    assert refused.status_code == 422
    assert fields(refused) == ["unit"]


def test_a_bad_plan_is_a_problem_that_names_its_place(api: TestClient) -> None:
    plan = {"installments": [{"pct": 60, "trigger": "on_booking"}, {"pct": 40, "date": "2027-13-01"}]}
    answer = api.post("/property/ingest", json=unit(payment_plan=plan))
    assert answer.status_code == 422
    assert fields(answer) == ["payment_plan.installments.1.trigger.date"]


def test_a_down_payment_in_money_is_used_and_its_plan_is_taken_back(api: TestClient) -> None:
    plan = {"total_price": 1_900_000, "down_payment": 250_000, "number_of_installments": 20, "frequency": "monthly"}
    post(api, unit(A, price="1900000", payment_plan=plan, delivery_date="2099-01-01"), unit(B, price="1"))
    compared = api.get("/property/compare", params={"unitA": A, "unitB": B}).json()
    assert compared["units"][0]["money_over_time"]["instalments"][0]["amount"] == "250000.00"
    stored = api.get("/property/query", params={"unit": f"{PROJECT}:{A}"}).json()["items"][0]["payment_plan"]
    post(api, unit(A, payment_plan=stored))
    assert api.get("/property/query", params={"unit": f"{PROJECT}:{A}"}).json()["items"][0]["payment_plan"] == stored


def test_writing_needs_a_key(api: TestClient) -> None:
    assert api.post("/property/ingest", json=[], headers={"X-API-Key": ""}).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"bedrooms": "-1"}, "bedrooms"),
        ({"sort": "colour"}, "sort"),
        ({"price_min": "9", "price_max": "1"}, "price_min"),
        ({"colour": "red"}, "colour"),
        ({"area_id": "x"}, "area_id"),
        ({"limit": "0"}, "limit"),
    ],
)
def test_a_bad_filter_is_named(api: TestClient, wanted: dict[str, str], named: str) -> None:
    answer = api.get("/property/query", params=wanted)
    assert answer.status_code == 422
    assert fields(answer) == [named]


def test_compare_returns_reasons(api: TestClient) -> None:
    post(api, unit(A, price=100, title="One"), unit(B, price=200, title="Two"), unit(C, price=200))
    answer = api.get("/property/compare", params={"unitA": A, "unitB": f"{PROJECT}:{B}", "unit": [C]})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["reasons"]
    (pro, _), cons = told["units"][0]["pros"], told["units"][1]["cons"]
    assert (pro["difference"], pro["unit"], pro["threshold"], pro["against"]) == (
        50.0,
        "% of the larger figure",
        1.0,
        f"{PROJECT}:{B}",
    )
    assert (cons[0]["value"], cons[0]["other"]) == (pro["other"], pro["value"])


def test_units_that_cannot_be_compared_are_named(api: TestClient) -> None:
    post(api, unit(A), unit(B))
    for params, status, named in (
        ({"unitA": A}, 422, ["unitB"]),
        ({"unitA": A, "unitB": "x"}, 422, ["unitB"]),
        ({"unitA": A, "unitB": C}, 404, []),
        ({"unitA": A, "unitB": f"{PROJECT}:{A}"}, 422, ["unitB"]),
        ({"unitA": A, "unitB": B, "unit": [C] * 4}, 422, ["unit"]),
    ):
        answer = api.get("/property/compare", params=params)
        assert (answer.status_code, fields(answer)) == (status, named)


def test_predict_says_what_it_rests_on(api: TestClient) -> None:
    post(api, unit(A))
    told = api.get("/property/predict", params={"unit": A}).json()
    assert (told["status"], told["value"], told["n"]) == ("insufficient_data", None, 0)
    assert (told["comparables"], told["reasons"], told["method"]) == ([], [], "comparables")
    assert "no area or no size" in told["why"]
    assert api.get("/property/predict", params={"unit": C}).status_code == 404
    assert fields(api.get("/property/predict", params={"unit": "x"})) == ["unit"]


def test_a_value_comes_with_comparables_that_can_be_looked_up(api: TestClient) -> None:
    area = "00000000-0000-4000-8000-0000000000c1"
    answer = api.post("/market/ingest", json={"area_id": area, "area_name": "Marina", "price_avg": 1})
    assert answer.status_code == 200, answer.text
    home: dict[str, Any] = {"area_id": area, "area_sqm": 100, "currency": "AED"}
    ids = [f"00000000-0000-4000-8000-0000000001{n:02d}" for n in range(6)]
    sold = {"status": "sold", "sold_at": "2026-03-01T00:00:00Z"}
    post(api, unit(A, price="110000", **home), *(unit(i, price=100_000 + n, **home, **sold) for n, i in enumerate(ids)))
    told = api.get("/property/predict", params={"unit": A}).json()
    assert (told["status"], told["n"], told["currency"]) == ("ok", 6, "AED")
    assert float(told["lower"]) <= float(told["value"]) <= float(told["upper"])
    assert float(told["value"]) == pytest.approx(100_002, abs=5)
    assert told["price_to_value"] == pytest.approx(1.1, abs=0.001)
    for sale in told["comparables"]:
        found = api.get("/property/query", params={"status": "sold"}).json()["items"]
        match = next(item for item in found if item["property_id"] == sale["property_id"])
        assert (match["price"], match["sold_at"][:10]) == (sale["price"], sale["sold_on"])
        assert sale["adjusted_price"] == sale["price"]


@pytest.mark.parametrize(
    ("price", "size"),
    [("0.01", 1), ("1000000", 1e12), ("1000000", 1e-300), ("999999999999999.99", 5_000)],
)
def test_a_value_that_cannot_be_a_price_is_not_told(api: TestClient, price: str, size: float) -> None:
    area = "00000000-0000-4000-8000-0000000000c1"
    answer = api.post("/market/ingest", json={"area_id": area, "area_name": "Marina"})
    assert answer.status_code == 200, answer.text
    sold: dict[str, Any] = {
        "area_id": area,
        "area_sqm": 100,
        "price": price,
        "status": "sold",
        "sold_at": "2026-03-01T00:00:00Z",
    }
    ids = [f"00000000-0000-4000-8000-0000000001{n:02d}" for n in range(6)]
    post(api, unit(A, price="1", area_id=area, area_sqm=size), *(unit(i, **sold) for i in ids))
    told = api.get("/property/predict", params={"unit": A}).json()
    assert (told["status"], told["value"], told["lower"], told["comparables"]) == ("insufficient_data", None, None, [])
    assert (told["n"], told["sales"], told["reasons"]) == (0, 6, [])
    assert told["why"] == (
        "For a unit of this size, the comparable sales lead to an amount below 0.01 or above 999,999,999,999,999.99 "
        "AED, which cannot be a price."
    )


def test_a_size_by_which_a_square_metre_has_no_price_breaks_no_page(api: TestClient) -> None:
    area = "00000000-0000-4000-8000-0000000000c1"
    assert api.post("/market/ingest", json={"area_id": area, "area_name": "Marina"}).status_code == 200
    home: dict[str, Any] = {"area_id": area, "price": "100000", "area_sqm": 100}
    sold = home | {"status": "sold", "sold_at": "2026-03-01T00:00:00Z"}
    ids = [f"00000000-0000-4000-8000-0000000001{n:02d}" for n in range(6)]
    odd = unit("00000000-0000-4000-8000-000000000199", **sold | {"area_sqm": 1e-300})
    post(api, unit(A, **home), unit(C, **home | {"area_sqm": 1e-300}), odd, *(unit(i, **sold) for i in ids))
    told = api.get("/property/predict", params={"unit": A}).json()
    assert (told["status"], told["n"], told["value"]) == ("ok", 6, "100000.00")
    compared = api.get("/property/compare", params={"unitA": A, "unitB": C}).json()
    assert "price_per_sqm" not in {point["field"] for one in compared["units"] for point in one["pros"] + one["cons"]}


def test_recommend_for_an_unknown_client_is_not_found(api: TestClient) -> None:
    assert api.get("/property/recommend", params={"client_id": C}).status_code == 404
    assert fields(api.get("/property/recommend", params={"client_id": "x"})) == ["client_id"]
