"""Log-lifts: what a client goes for more often than the stock offers it, shrunk where little is known."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from estate.intelligence.taste import Crowd, Home, Lift, Own, amenity_lift, lifts, likeness, score

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def home(key: str = "u", area: str = "a", bedrooms: int = 2, days: float = 30, **given: Any) -> Home:
    values = {"area_id": area, "project_id": "p " + area, "developer": None, "bedrooms": bedrooms}
    fields: dict[str, Any] = {"price": 1_000_000.0, "sqm": 100.0, "amenities": frozenset(), "delivery_on": None}
    listed = NOW - dt.timedelta(days=days)
    return Home(values=values | {"unit_type": None, "segment": None}, key=key, listed_at=listed, **fields | given)


STOCK = [home(f"s{i}", area="abcd"[i % 4], bedrooms=i % 3, price=500_000.0 + 25_000 * i) for i in range(60)]
NOBODY = Crowd([], [], np.zeros(0), 0.0)


def own(*homes: Home, refused: Sequence[Home] = (), ages: float = 0.0, **given: Any) -> Own:
    fields: dict[str, Any] = {"boost": {}, "wished_amenities": frozenset(), "budget": None, "delivery_by": None}
    return Own("me", homes, np.full(len(homes), ages), refused, **fields | given)


def crowd(*rows: tuple[str, Home]) -> Crowd:
    return Crowd([client for client, _ in rows], [h for _, h in rows], np.full(len(rows), 20.0), 60.0)


def lifted(homes: Sequence[Home], by: Own, of: Crowd = NOBODY) -> dict[str, Lift]:
    return lifts(homes, STOCK, of, by, likeness(of, by), NOW)


def test_nothing_known_lifts_nothing() -> None:
    assert lifted([home()], own()) == {}
    assert score({}).tolist() == [0.0]


def test_a_stated_wish_lifts_what_it_names() -> None:
    wish = {"area_id": lambda value: 5.0 if value == "a" else 1.0}
    found = lifted([home(area="a"), home(area="b")], own(boost=wish))["area_id"].values
    assert found[0] > 0 > found[1]


def test_behaviour_outweighs_a_wish_only_when_there_is_enough_of_it() -> None:
    wish = {"area_id": lambda value: 5.0 if value == "a" else 1.0}
    both = [home(area="a"), home(area="b")]
    once = lifted(both, own(home(area="b"), boost=wish))["area_id"].values
    often = lifted(both, own(*[home(area="b")] * 12, boost=wish))["area_id"].values
    assert once[0] > once[1]
    assert often[1] > often[0]


def test_old_interest_weighs_less() -> None:
    new, old = (lifted([home(area="b")], own(home(area="b"), ages=days))["area_id"].values[0] for days in (0, 240))
    assert new > old > 0


def test_a_cold_client_is_read_from_like_clients() -> None:
    wish = {"bedrooms": lambda value: 5.0 if value == 2 else 1.0}
    of = crowd(*[("like", home(area="c", bedrooms=2))] * 8, *[("unlike", home(area="d", bedrooms=0))] * 8)
    found = lifted([home(area="c"), home(area="d")], own(boost=wish), of)["area_id"].values
    assert found[0] > found[1]


def test_the_clients_own_rows_are_no_like_client() -> None:
    of = crowd(("me", home(area="c")), ("other", home(area="c")))
    assert likeness(of, own(home(area="c"))).tolist()[0] == 0
    assert likeness(of, own(home(area="c"))).tolist()[1] > 0.5


def test_a_unit_nobody_asked_about_is_neutral_and_a_popular_one_is_not() -> None:
    of = crowd(*[(f"c{i}", home("popular")) for i in range(12)])
    fresh, popular, old = lifted([home("new", days=0), home("popular"), home("old")], own(), of)["enquiries"].values
    assert popular > 0
    assert fresh == 0
    assert old < 0


def test_the_price_looked_around_is_below_the_budget_and_moves_with_behaviour() -> None:
    prices = [home(price=p) for p in (600_000.0, 800_000.0, 1_000_000.0)]
    cold = lifted(prices, own(budget=1_000_000.0))["price"].values
    assert int(np.argmax(cold)) == 1
    cheap = own(*[home(price=600_000.0)] * 10, budget=1_000_000.0)
    assert int(np.argmax(lifted(prices, cheap)["price"].values)) == 0


def test_a_lost_deal_counts_against_its_like_and_never_for_others() -> None:
    found = lifted([home(area="a"), home(area="b")], own(refused=[home(area="a")]))["refused"].values
    assert found[0] < 0
    assert found[1] <= 0
    assert found[1] > found[0]


def test_wished_and_liked_amenities_lift() -> None:
    stock = [home(amenities=frozenset({"Pool"} if i % 2 else {"Golf"})) for i in range(40)]
    names, having, lacking = amenity_lift(stock, NOBODY, own(wished_amenities=frozenset({"Golf"})), np.zeros(0))
    assert names == ["Golf", "Pool"]
    assert having[0] > 0 > lacking[0]
    assert abs(having[1]) < 0.1


def test_the_score_is_1_for_the_best_in_everything() -> None:
    both = {"a": Lift.of(np.array([1.0, -1.0]), -1, 1), "b": Lift.of(np.array([0.5, 0.0]), -0.5, 0.5)}
    assert score(both).tolist() == [1.0, 0.5 / 3]
