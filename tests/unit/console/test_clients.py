import math
import re
from typing import Any

import pytest
from tests.unit.console.asked import AGENT, CLIENT, HOSTILE, NOW, OTHER, Api, drawn, page_of, view
from tests.unit.console.test_agents import RECORD
from tests.unit.console.test_properties import a_unit

from estate.console.actions import ACTIONS, Sent
from estate.console.pages import client as one_client
from estate.console.pages import clients as module
from estate.console.scores import share, waterfall
from estate.sdk.errors import Invalid, NotFound
from estate.sdk.models.client import Qualification


def profile(**changed: Any) -> dict[str, Any]:
    return {
        "client_id": CLIENT,
        "name": "ليلى",
        "interest": {"bedrooms": 2, "amenities": ["x_maids_room"]},
        "budget": "1150000.00",
        "location_targets": [{"area_id": OTHER, "area_name": "Tamira"}, "حي"],
        "objections": [],
        "decision_speed": "slow",
        "emotional_type": None,
        "qualification_score": 0.4,
        "response_history": None,
        "updated_at": NOW,
        "currency": "AED",
        "stated_score": None,
        "owner_agent_id": AGENT,
        "phone": "+971501",
        "email": None,
        "contact_consent": True,
        "do_not_contact": False,
        "country": "AE",
        "qualification_lower": 0.3,
        "qualification_upper": 0.52,
        "qualification_n": 276,
    } | changed


def scored(**changed: Any) -> dict[str, Any]:
    return {
        "client_id": CLIENT,
        "score": share(-0.4),
        "lower": 0.3,
        "upper": 0.52,
        "level": 0.9,
        "status": "ok",
        "n": 276,
        "base_logit": -1.0,
        "contributions": [
            {"feature": "reply_speed", "value": None, "logit": 0.9, "why": "Not known."},
            {"feature": "decision_speed", "value": -1.0, "logit": -0.3, "why": "Decision speed is slow."},
        ],
        "missing": [
            {"feature": "mood", "lower": 0.38, "upper": 0.42, "why": "Note the mood."},
            {"feature": "stage", "lower": 0.2, "upper": 0.7, "why": "Open a deal."},
        ],
        "like_cases": 0,
        "like_won": 0,
        "as_of": NOW,
        "why": "Rests on 276 deals.",
        "band": "warm",
        "band_cuts": {"hot": 0.4, "warm": 0.15},
        "stated_score": None,
        "history": [],
    } | changed


def timeline_item(**changed: Any) -> dict[str, Any]:
    return {
        "kind": "event",
        "id": "1",
        "at": NOW,
        "agent_id": AGENT,
        "unit": f"{OTHER}:{CLIENT}",
        "what": "ask my family",
        "note": None,
        "fields": {"deal_id": OTHER, "metadata": {"speaker": "client"}, "emotion_detected": "hesitant"},
    } | changed


def html(api: Api, role: str = "agent") -> str:
    asked = view(f"/clients/{CLIENT}", role, {"client_id": CLIENT})
    return drawn(one_client.client(api.estate, asked))


def test_filters_are_passed_on_as_the_api_counts() -> None:
    api = Api({"/client/count": {"count": 1}, "/client/query": page_of(profile())})
    module.clients(api.estate, view("/clients", min_score="40", budget_min="1,000", search="ليلى"))
    assert api.query("/client/query") == {"search": "ليلى", "budget_min": "1000.0", "min_score": "0.4", "limit": "25"}
    assert api.query("/client/count") == {"search": "ليلى", "budget_min": "1000.0", "min_score": "0.4"}


def test_a_filter_that_cannot_be_read_is_told_where_it_can_be_mended() -> None:
    told = drawn(module.clients(Api({}).estate, view("/clients", budget_min="much")))
    assert "Budget from: Write a number, such as 1500000 or 1.5m, not “much”." in told
    assert '<input name="budget_min" type="text" value="much">' in told
    assert "Try again" not in told
    assert "/budget_min" not in told


def test_names_and_areas_keep_their_direction_and_cannot_break_out() -> None:
    api = Api({"/client/count": {"count": 1}, "/client/query": page_of(profile(), profile(name=HOSTILE))})
    shown = drawn(module.clients(api.estate, view("/clients")))
    assert '<span dir="auto">Tamira</span>, <span dir="auto">حي</span>' in shown
    assert HOSTILE not in shown


@pytest.mark.parametrize(("query", "said"), [({}, "Import your list"), ({"search": "x"}, "Clear a filter")])
def test_an_empty_list_says_what_to_do(query: dict[str, str], said: str) -> None:
    api = Api({"/client/count": {"count": 1}, "/client/query": page_of()})
    assert said in drawn(module.clients(api.estate, view("/clients", params=None, role="agent", **query)))


def test_the_waterfall_leads_from_the_start_to_the_score() -> None:
    shown = str(waterfall(Qualification.model_validate(scored())))
    assert f"From {share(-1) * 100:.0f} % for everybody to 40 %" in shown
    assert "to 40 %; most down: decision speed." in shown
    assert "48 % → 40 %" in shown
    assert math.isclose(share(math.log(0.25 / 0.75)), 0.25)


def test_what_is_not_known_is_not_named_as_what_moves_a_score() -> None:
    unknown = [{"feature": "reply_speed", "value": None, "logit": 0.6, "why": "Not known."}]
    told = scored() | {"contributions": unknown}
    assert "nothing that is known moves it" in str(waterfall(Qualification.model_validate(told)))


@pytest.mark.parametrize(
    ("ends", "n", "doubt"),
    [
        ((0.3, 0.52), 276, '<p class="note">30 % to 52 %, n = 276</p>'),
        ((0.12, 0.99), 3, ' <span class="badge warn">uncertain</span><p class="note">12 % to 99 %, n = 3</p>'),
        ((None, None), None, ""),
    ],
)
def test_a_score_in_a_list_shows_how_sure_it_is(
    ends: tuple[float | None, float | None], n: int | None, doubt: str
) -> None:
    one = profile(qualification_lower=ends[0], qualification_upper=ends[1], qualification_n=n)
    api = Api({"/client/count": {"count": 1}, "/client/query": page_of(one)})
    assert f"40 %</a>{doubt}</td>" in drawn(module.clients(api.estate, view("/clients")))


def test_a_client_with_all_parts_refused_still_shows_the_profile() -> None:
    shown = html(Api({"/client/query": page_of(profile())}))
    assert shown.count("Gone.") == 6
    assert "AED 1,150,000" in shown
    assert "maids room" in shown
    assert f"/assistant?client_id={CLIENT}" in shown
    assert re.search(r'<h2>Log a call</h2>.*data-action="contact"', shown)


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (
            {"areas": ["Dubai Marina", {"name": "Palm"}]},
            ['<span dir="auto">Dubai Marina</span>, <span dir="auto">Palm'],
        ),
        ([{"area_id": OTHER}], [f'<a href="/market/{OTHER}">Area</a>']),
        ([{}], []),
        (None, []),
    ],
)
def test_wanted_places_are_named_in_every_shape_that_counts(stored: Any, told: list[str]) -> None:
    shown = html(Api({"/client/query": page_of(profile(location_targets=stored))}))
    assert [part for part in told if part not in shown] == []
    assert ("<dt>Wants to live in</dt><dd>–</dd>" in shown) is not bool(told)


def test_an_interest_that_is_a_list_is_told() -> None:
    assert "Villa, Sea view" in html(Api({"/client/query": page_of(profile(interest=["Villa", "Sea view"]))}))


def test_the_score_asks_first_for_what_moves_it_most() -> None:
    shown = html(Api({"/client/query": page_of(profile()), f"/client/qualification/{CLIENT}": scored()}))
    assert shown.index("Open a deal.") < shown.index("Note the mood.")
    assert "hot from 40 %, warm from 15 %" in shown
    assert "30 % to 52 %, n = 276." in shown


def test_a_score_without_data_is_not_told() -> None:
    poor = scored(status="insufficient_data", why="5 closed deals are needed.")
    shown = html(Api({"/client/query": page_of(profile()), f"/client/qualification/{CLIENT}": poor}))
    assert "5 closed deals are needed." in shown
    assert "40 %" not in shown


def test_who_only_reads_gets_no_forms() -> None:
    api = Api({"/client/query": page_of(profile()), f"/client/qualification/{CLIENT}": scored()})
    assert "data-action" not in html(api, "read_only")
    assert 'data-action="erase"' not in html(api, "agent")
    assert 'data-action="erase"' in html(api, "manager")


def test_who_refused_is_not_called_from_here() -> None:
    assert "tel:" in html(Api({"/client/query": page_of(profile())}))
    for refused in ({"do_not_contact": True}, {"contact_consent": False}):
        assert "tel:" not in html(Api({"/client/query": page_of(profile(**refused))}))


def test_an_unknown_client_is_not_found() -> None:
    with pytest.raises(NotFound):
        html(Api({"/client/query": page_of()}))


def test_the_timeline_tells_and_links_but_shows_no_ids() -> None:
    back = timeline_item(kind="contact", what="call_back", fields={"next_at": "2026-12-01T06:00:00+00:00"})
    lead = timeline_item(what="submission_of_lead_form", fields={"metadata": {"type": "submission_of_lead_form"}})
    opened = timeline_item(kind="deal_opened", what="new", fields={"value": "441900.00", "currency": "AED"})
    api = Api(
        {
            f"/client/{CLIENT}/timeline": page_of(timeline_item(), back, lead, opened) | {"next_cursor": "abc"},
            "/agent/query": page_of(RECORD),
            "/property/query": page_of(a_unit(f"{OTHER}:{CLIENT}")),
        }
    )
    asked = view(f"/clients/{CLIENT}/timeline", params={"client_id": CLIENT})
    shown = drawn(one_client.timeline(api.estate, asked))
    assert "Emotion detected: hesitant · Speaker: client" in shown
    assert f'href="/properties/{OTHER}:{CLIENT}" dir="auto">Studio with a view<' in shown
    assert f'href="/agents/{AGENT}" dir="auto">Tessa<' in shown
    assert ">Submission of lead form<" in shown
    assert "Value: AED 441,900<" in shown
    assert "cursor=abc" in shown
    assert "Deal id" not in shown
    assert ">Call back<" in shown
    assert 'Next at: <time datetime="2026-12-01T06:00:00+00:00">1 Dec 2026 06:00 UTC' in shown


def test_a_score_is_stated_in_per_cent_and_withdrawn_by_leaving_it_out() -> None:
    api = Api({"/client/override": profile()})
    ACTIONS["override"](api.estate, Sent({"client_id": CLIENT, "score": "55", "reason": "Met."}, "key-1"))
    assert api.sent() == {"client_id": CLIENT, "score": 0.55, "reason": "Met."}
    assert api.asked[-1].headers["idempotency-key"] == "key-1"
    ACTIONS["override"](api.estate, Sent({"client_id": CLIENT, "reason": "Withdrawn"}, "key-2"))
    assert api.sent()["score"] is None


def test_erasing_needs_its_word_and_may_be_sent_twice() -> None:
    api = Api({f"/client/{CLIENT}": {"client_id": CLIENT, "erased": {"events": 3, "clients": 1}}})
    with pytest.raises(Invalid):
        ACTIONS["erase"](api.estate, Sent({"client_id": CLIENT, "confirm": "erase"}, "key"))
    assert api.asked == []
    fields = {"client_id": CLIENT, "confirm": "ERASE"}
    assert ACTIONS["erase"](api.estate, Sent(fields, "key")).said == "Erased, with 4 rows."
    assert ACTIONS["erase"](Api({}).estate, Sent(fields, "key")).go == "/clients"


def test_pairs_stand_side_by_side_and_either_can_be_kept() -> None:
    sides = [
        {"client_id": one, "name": name, "n_history": 3, "first_at": NOW}
        for one, name in ((CLIENT, "Omar"), (OTHER, HOSTILE))
    ]
    pair = {"keep": sides[0], "merge": sides[1], "agree": ["phone"], "confidence": "certain", "why": "Same phone."}
    api = Api({"/client/duplicates": page_of(pair)})
    shown = drawn(module.duplicates(api.estate, view("/clients/duplicates", "manager")))
    assert HOSTILE not in shown
    for kept, other in ((CLIENT, OTHER), (OTHER, CLIENT)):
        assert re.search(f'name="keep" value="{kept}"><input type="hidden" name="merge" value="{other}"', shown)
    assert "cannot be undone" in shown


def test_a_merge_is_sent_once() -> None:
    done = {
        "merged_id": OTHER,
        "merged_into": CLIENT,
        "kept_id": CLIENT,
        "merged_by": "x",
        "merged_at": NOW,
        "moved": {"behavior_events": 3, "deals": 0},
        "filled": [],
    }
    api = Api({"/client/merge": done})
    said = ACTIONS["merge"](api.estate, Sent({"keep": CLIENT, "merge": OTHER}, "key-3")).said
    assert said == "Merged. Moved: 3 of behavior events."
    assert api.asked[-1].headers["idempotency-key"] == "key-3"
    assert api.sent() == {"keep": CLIENT, "merge": OTHER}
