from typing import Any

import pytest
from tests.unit.console.asked import AGENT, HOSTILE, NOW, OTHER, Api, drawn, page_of, view

from estate.console.pages import overview as module
from estate.sdk.models.agent import AgentRank
from estate.sdk.models.client import Foretold


def rank(name: str = "Lina", **changed: Any) -> dict[str, Any]:
    return {
        "agent_id": AGENT,
        "name": name,
        "rank": 1,
        "rank_lower": 1,
        "rank_upper": 2,
        "score": 1.0,
        "lower": 0.7,
        "upper": 1.3,
        "n": 20.0,
        "status": "ok",
        "evidence": "deals",
        "skills": [],
        "open_deals": 3,
        "reasons": [{"field": "x", "text": "Won 9 of 20.", "value": 9}],
    } | changed


def band(name: str, n: int, won: int, lower: float, upper: float) -> dict[str, Any]:
    share = won / n if n else None
    return {
        "band": name,
        "n": n,
        "won": won,
        "mean_score": share,
        "share_won": share,
        "lower": lower,
        "upper": upper,
    }


def quality(status: str = "ok") -> dict[str, Any]:
    told = {"n": 200, "share_won": 0.5, "auc": 0.62, "brier": 0.2, "log_loss": 0.6, "base_log_loss": 0.7}
    return {
        "window_days": 365,
        "n": 200,
        "unscored": 0,
        "status": status,
        "foretold": told,
        "bands": [band("hot", 100, 60, 0.5, 0.7), band("warm", 100, 55, 0.45, 0.65), band("cold", 50, 5, 0.04, 0.2)],
        "trainings": [],
        "as_of": NOW,
        "why": "Too few closed.",
    }


def html(api: Api) -> str:
    return drawn(module.overview(api.estate, view("/overview", "manager")))


def ranked(**changed: Any) -> AgentRank:
    return AgentRank.model_validate(rank(**changed))


def test_help_is_needed_where_the_whole_interval_is_below_the_average() -> None:
    ranks = [ranked(upper=1.0), ranked(upper=0.99), ranked(upper=0.9, status="insufficient_data")]
    assert [one.upper for one, _ in module.needing_help(ranks)] == [0.99]


def test_help_is_needed_with_far_more_open_deals_than_others() -> None:
    ranks = [ranked(open_deals=count) for count in (2, 3, 3, 6)]
    found = module.needing_help(ranks)
    assert [why for _, why in found] == ["Has 6 open deals; 3 are usual."]
    assert module.needing_help([ranked(open_deals=count) for count in (1, 1, 4)]) == []


def test_nobody_is_judged_whose_figures_are_hidden() -> None:
    hidden = ranked(score=None, lower=None, upper=None, n=None, open_deals=None)
    assert module.needing_help([hidden]) == []


def test_foretelling_in_words() -> None:
    told = Foretold(n=200, share_won=0.5, auc=0.62, brier=0.2, log_loss=None, base_log_loss=None)
    pairs, error = module.foretold_words(told)
    assert "62 of 100 pairs" in pairs
    assert "20 % less" in error
    worse = Foretold(n=200, share_won=0.5, auc=None, brier=0.3, log_loss=None, base_log_loss=None)
    assert "20 % more" in module.foretold_words(worse)[0]


@pytest.mark.parametrize(("judged", "said"), [(24, True), (0, False)])
def test_only_a_training_that_was_judged_tells_how_it_did(judged: int, said: bool) -> None:
    none = dict.fromkeys(("share_won", "auc", "brier", "log_loss", "base_log_loss"))
    training = {"model_id": OTHER, "kind": "qualification", "active": True, "verdict": "promoted", "n": 24} | {
        **dict.fromkeys(("trained_at", "window_from", "window_to"), NOW),
        "foretold": none | {"n": judged},
        "folds": [],
        "bands": [],
    }
    shown = html(Api({"/client/quality": quality("insufficient_data") | {"trainings": [training]}}))
    assert ("how it did on 24 past deals that it had not seen" in shown) is said


def test_agents_link_to_their_pages_and_deals() -> None:
    shown = html(Api({"/agent/rankings": page_of(rank(), rank(HOSTILE, agent_id=OTHER, upper=0.8))}))
    assert f'href="/agents/{AGENT}"' in shown
    assert f"/deals?agent_id={OTHER}&amp;outcome=open" in shown
    assert f"Surely below it: {HOSTILE}." not in shown
    assert "Surely below it: &lt;script&gt;" in shown
    assert "The intervals of 1 reach across it" in shown


def test_figures_of_other_teams_are_not_counted_as_missing() -> None:
    hidden = rank(score=None, lower=None, upper=None, n=None, open_deals=None)
    shown = html(Api({"/agent/rankings": page_of(rank(), hidden)}))
    assert "1 of them yours to see, 1 with enough closed deals" in shown


def test_bands_that_overlap_are_said_to() -> None:
    shown = html(Api({"/client/quality": quality()}))
    assert "hot 60 % (50 % to 70 %), n = 100" in shown
    assert "Hot and warm cannot be told apart." in shown
    assert "Warm and cold" not in shown


def test_bands_without_enough_deals_are_not_told() -> None:
    shown = html(Api({"/client/quality": quality("insufficient_data")}))
    assert "Too few closed." in shown
    assert "60 %" not in shown


@pytest.mark.parametrize("missing", ["/agent/rankings", "/client/quality"])
def test_a_part_that_is_refused_leaves_the_others(missing: str) -> None:
    answers = {"/agent/rankings": page_of(rank()), "/client/quality": quality()}
    shown = html(Api({path: answer for path, answer in answers.items() if path != missing}))
    assert "Gone." in shown
    assert ("How agents do" in shown) == (missing != "/agent/rankings")
    assert ("Did the scores" in shown) == (missing != "/client/quality")


def test_who_does_not_lead_is_sent_to_their_own_work() -> None:
    api = Api({})
    assert 'href="/"' in drawn(module.overview(api.estate, view("/overview", "agent")))
    assert api.asked == []


def heat(name: str, score: float, band: str, confidence: float) -> dict[str, Any]:
    return {
        "area_id": OTHER,
        "area_name": name,
        "heat_score": score,
        "heat_band": band,
        "heat_trend": None,
        "demand_score": score,
        "scarcity_score": score,
        "drivers": [],
        "months_of_supply": None,
        "sales_per_month": None,
        "days_on_market": None,
        "segments": ["all"],
        "n": 1,
        "confidence": confidence,
        "peers": 3,
        "as_of": "2026-10-31",
        "why": "Among 3 areas.",
    }


def test_the_hottest_areas_are_hot_and_say_how_sure_that_is() -> None:
    areas = page_of(heat("Marina", 100, "very hot", 0.0417), heat("Creek", 50, "balanced", 0.0417))
    shown = html(Api({"/market/heatmap": areas}))
    assert "Marina" in shown
    assert "4 %" in shown
    assert "Creek" not in shown


def test_no_area_is_hot_where_none_is() -> None:
    cold = page_of(heat("Creek", 10, "cold", 0.4), heat("New Town", 50, "balanced", 0.0))
    assert "No area is hot now." in html(Api({"/market/heatmap": cold}))
    unknown = page_of(heat("New Town", 50, "balanced", 0.0))
    assert "No area has figures yet." in html(Api({"/market/heatmap": unknown}))


def stage(name: str, n: int, n_stale: int) -> dict[str, Any]:
    value = {"currency": "AED", "n": n, "value": f"{n}000000"}
    return {"stage": name, "n": n, "values": [value] if n else [], "n_stale": n_stale, "n_undated": 0}


def test_the_pipeline_says_where_deals_stand_still_and_opens_them() -> None:
    stages = [stage("new", 4, 1), stage("viewing", 0, 0), stage("reserved", 2, 2)]
    pipeline = {"items": stages, "n": 6, "stale_days": 30, "as_of": NOW, "why": "Open deals that you may see."}
    shown = html(Api({"/behavior/pipeline": pipeline}))
    assert "6 deals are open; 3 of them have stood in their stage for more than 30 days." in shown
    assert "AED 4,000,000" in shown
    assert "/deals?outcome=open&amp;stage=reserved" in shown
    empty = html(Api({"/behavior/pipeline": pipeline | {"items": [], "n": 0}}))
    assert "No deal is open." in empty


def test_open_deals_are_counted_once() -> None:
    stages = {"items": [stage("new", 2, 0)], "n": 2, "stale_days": 30, "as_of": NOW, "why": "Those you may see."}
    answers = {
        "/behavior/pipeline": stages,
        "/agent/rankings": page_of(rank(open_deals=3)),
        "/client/quality": quality(),
    }
    shown = html(Api(answers))
    assert "2 deals are open" in shown
    assert ">3</a>" not in shown


def test_what_is_a_fact_has_no_mark_of_praise() -> None:
    answers = {"/agent/rankings": page_of(rank(upper=0.9, lower=0.6, score=0.8)), "/client/quality": quality()}
    assert '<ul class="reasons"><li>Won 9 of 20.</li></ul>' in html(Api(answers))
