"""Rankings, routing, calls, closings, next steps and actions."""

import datetime as dt
import uuid
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from estate import intelligence
from estate.behavior import service as behavior
from estate.behavior.schemas import TriggerLift
from estate.core.errors import Invalid
from estate.core.ingest import SourceRow
from estate.intelligence.actions import best_trigger, recommend_action, trigger_for
from estate.intelligence.calls import next_calls
from estate.intelligence.closings import expected_closings
from estate.intelligence.next_step import likely_next_step
from estate.intelligence.ranking import rank_agents
from estate.intelligence.routing import route
from estate.intelligence.training import train_all

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


def days_ago(days: float) -> str:
    return (NOW - dt.timedelta(days=days)).isoformat()


def test_every_agent_is_ranked_by_the_best_evidence_there_is(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    client = brokerage.client(1)
    good, poor, stated, new = (brokerage.agent(i) for i in range(4))
    brokerage.deals(good, client, won=20, lost=20)
    brokerage.deals(poor, client, won=2, lost=38, first=100)
    brokerage.agent(2, deals_closed=10, closing_rate=0.4)
    train_all(session, now)
    found = {row.agent_id: row for row in rank_agents(session, now)}
    assert set(found) == {good, poor, stated, new}
    assert found[good].rank == 1
    assert found[good].rank < found[poor].rank < found[new].rank == 4
    assert (found[stated].evidence, found[stated].n) == ("stated", 25.0)
    assert (found[new].status, found[new].score) == ("insufficient_data", None)
    text = found[good].reasons[0].text
    assert text.startswith("Won 20 of 40 closed deals; ")
    assert float(text.split("; ")[1].split()[0]) == pytest.approx(11, abs=2)


@pytest.mark.parametrize(
    ("stated", "n", "said"),
    [
        ({"deals_closed": 10}, 10, "The CRM states 10 deals won and no closing rate: the common one is assumed."),
        (
            {"deals_closed": 5, "closing_rate": 0},
            5,
            "The CRM states 5 deals won and a closing rate of 0%: the common one",
        ),
        ({"closing_rate": 0.25}, 0, "The CRM states a closing rate of 25% and no deals won: it is taken as that of 3"),
        ({"closing_rate": 0.5, "deals_closed": 0}, 0, "The CRM states a closing rate of 50% and no deals won"),
        ({"deals_closed": 0}, 0, "No closed deal and no stated closing rate yet"),
    ],
)
def test_what_is_assumed_of_an_agent_is_not_said_to_be_stated(
    session: Session, brokerage: Any, now: dt.datetime, stated: dict[str, Any], n: int, said: str
) -> None:
    agent = brokerage.agent(1, **stated)
    (found,) = (row for row in rank_agents(session, now) if row.agent_id == agent)
    assert (found.n, found.status) == (n, "insufficient_data")
    assert found.reasons[0].text.startswith(said)


def test_parts_of_the_sale_are_judged_by_deals_whose_way_is_known(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    shower, closer = brokerage.agent(1), brokerage.agent(2)
    ways = {shower: ("qualified", "viewing", "negotiation"), closer: ("qualified",)}
    for i in range(30):
        agent = shower if i % 2 else closer
        reached = {stage: days_ago(65 - place) for place, stage in enumerate(("new", *ways[agent]))}
        client = brokerage.client(i)
        brokerage.deal(i, agent, client, 100, 60, stage="won" if i % 10 == 0 else "lost", stages_reached=reached)
    brokerage.deal(90, closer, client, 100, 60, stage="lost")
    brokerage.deal(91, closer, client, 10, None, stage="viewing")
    ranked = {row.agent_id: row for row in rank_agents(session, now)}
    shown = {row: {part.part: part for part in ranked[row].skills} for row in (shower, closer)}
    assert (shown[closer]["qualify"].n, shown[closer]["show"].n) == (15, 15)
    assert (shown[shower]["show"].passed, shown[closer]["show"].passed) == (15, 3)
    assert (shown[shower]["show"].lower or 0) > 1 > (shown[closer]["show"].upper or 9)
    assert (ranked[closer].open_deals, ranked[shower].open_deals) == (1, 0)


def test_case_mix_counts(session: Session, brokerage: Any, now: dt.datetime) -> None:
    """The same record is worth more with clients who are seldom won."""
    easy_agent, hard_agent = brokerage.agent(1), brokerage.agent(2)
    for i in range(40):
        easy, won = i % 2 == 0, i % 4 < 2
        client = brokerage.client(i, decision_speed="fast" if easy else "slow", objections=[] if easy else list("abcd"))
        brokerage.deal(i, easy_agent if easy else hard_agent, client, 100, 70, stage="won" if won else "lost")
    train_all(session, now)
    ranked = rank_agents(session, now)
    assert [row.agent_id for row in ranked] == [hard_agent, easy_agent]
    assert ranked[0].n == ranked[1].n == 20


def test_routing_prefers_the_better_record_and_says_why(session: Session, brokerage: Any, now: dt.datetime) -> None:
    area = str(brokerage.area(1))
    good, poor, new = (brokerage.agent(i, avg_response_time=600.0) for i in range(3))
    client = brokerage.client(1, location_targets=["Area 1"], owner_agent_id=str(poor))
    unit = brokerage.unit(1, area_id=area)
    brokerage.deals(good, client, won=15, lost=15)
    brokerage.deals(poor, client, won=2, lost=28, first=100)
    brokerage.deal(300, good, client, 60, 30, stage="won", project_id=str(unit.project_id), unit_id=str(unit.unit_id))
    train_all(session, now)
    found = route(session, client, now)
    assert [a.agent_id for a in found] == [good, new, poor]
    assert [a.status for a in found] == ["ok", "insufficient_data", "ok"]
    facts = {r.field: r.value for r in found[0].reasons}
    assert (facts["deals.outcome"], facts["properties.area_id"]) == (16, 1)
    assert "owner_agent_id" in {r.field for r in found[2].reasons}


def test_calls_skip_whoever_may_not_be_called(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent = brokerage.agent(1)
    mine = {"owner_agent_id": str(agent)}
    waiting = brokerage.client(1, **mine, decision_speed="fast", contact_consent=True)
    just_called = brokerage.client(2, **mine, decision_speed="fast")
    brokerage.client(3, **mine, decision_speed="fast", do_not_contact=True)
    brokerage.client(4, **mine, decision_speed="fast", contact_consent=False)
    brokerage.client(5, decision_speed="fast")
    brokerage.event(waiting, 12, agent)
    brokerage.event(just_called, 0.01, agent)
    found = next_calls(session, agent, now).items
    assert [call.client_id for call in found] == [waiting, just_called]
    assert found[0].priority > 10 * found[1].priority
    assert all(len(call.reasons) >= 2 for call in found)
    assert "contact: 12." in found[0].reasons[1].text


def test_nobody_is_listed_at_night(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent = brokerage.agent(1)
    client = brokerage.client(1, owner_agent_id=str(agent))
    assert [call.client_id for call in next_calls(session, agent, now).items] == [client]
    night = next_calls(session, agent, now + dt.timedelta(hours=8))
    assert (night.items, night.next_free_at) == ([], now + dt.timedelta(hours=17))


@pytest.mark.parametrize(("contact", "waited"), [(None, 240.0), (12, 240.0), (5, 1.2), (0.01, None)])
def test_the_wait_is_that_of_the_oldest_deal_without_an_answer(
    session: Session, brokerage: Any, now: dt.datetime, contact: float | None, waited: float | None
) -> None:
    agent = brokerage.agent(1)
    client = brokerage.client(1, owner_agent_id=str(agent), contact_consent=True)
    brokerage.deal(1, agent, client, 10, None)
    brokerage.deal(2, agent, client, 0.05, None)
    if contact is not None:
        brokerage.event(client, contact, agent)
    (call,) = next_calls(session, agent, now).items
    assert call.waiting_hours == waited
    said = [reason.text for reason in call.reasons if reason.field == "deals.opened_at"]
    assert said == ([] if waited is None else [f"Has waited {waited:,.1f} hours for a first answer."])


def test_a_deal_past_its_beginning_has_had_its_first_answer(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent = brokerage.agent(1)
    client = brokerage.client(1, owner_agent_id=str(agent), contact_consent=True)
    brokerage.deal(1, agent, client, 270, None, stage="negotiation")
    (call,) = next_calls(session, agent, now).items
    assert call.waiting_hours is None


def test_a_client_who_browses_alone_still_waits_for_an_answer(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    agent = brokerage.agent(1)
    quiet, keen = (brokerage.client(i, owner_agent_id=str(agent), contact_consent=True) for i in (1, 2))
    for number, client in enumerate((quiet, keen)):
        brokerage.deal(number, agent, client, 5, None)
    for days in (3, 1, 0.04):
        brokerage.event(keen, days, metadata={"event_type": "detailed_view"})
    found = {call.client_id: call for call in next_calls(session, agent, now).items}
    assert found[keen].waiting_hours == found[quiet].waiting_hours == 120
    assert {call.priority / call.score for call in found.values()} == {1.0}
    said = [[r.text for r in call.reasons if r.field == "time_of_event"] for call in found.values()]
    assert said == [["There was no contact yet."]] * 2
    brokerage.event(keen, 0.02, agent)
    answered = {call.client_id: call for call in next_calls(session, agent, now).items}[keen]
    assert answered.waiting_hours is None
    assert answered.priority < 0.1 * answered.score


def test_expected_closings_follow_the_pace(session: Session, brokerage: Any, now: dt.datetime) -> None:
    client = brokerage.client(1)
    busy, idle, new = (brokerage.agent(i) for i in range(3))
    brokerage.deals(busy, client, won=12, lost=5, opened=180)
    brokerage.deals(idle, client, won=0, lost=5, first=100, opened=180)
    brokerage.deal(200, new, client, 3, None)
    found = [expected_closings(session, a, now) for a in (busy, idle, new)]
    ends = [value or 0.0 for value in (found[0].lower, found[0].expected, found[0].upper)]
    assert ends == sorted(ends)
    assert ends[1] == pytest.approx(2, abs=0.6)
    assert ends[1] > (found[1].expected or 0.0) > 0
    assert (found[0].n, found[0].open_deals) == (17, 0)
    assert (found[2].status, found[2].expected, found[2].open_deals) == ("insufficient_data", None, 1)


@pytest.mark.parametrize("house_days", [50, 60, 75, 90, 400])
def test_expected_closings_of_a_young_house_are_those_that_come(
    session: Session, brokerage: Any, now: dt.datetime, house_days: int
) -> None:
    rng = np.random.default_rng(house_days)
    client, agents = brokerage.client(1), [brokerage.agent(i) for i in range(8)]
    came = 0
    for number in range(3 * house_days):
        opened = house_days * rng.random()
        closed = opened - rng.gamma(4, 15)  # About 60 days later; the pace of openings goes on.
        won = rng.random() < 0.3
        came += won and -30 <= closed < 0 and opened >= 0
        stage = {"stage": "won" if won else "lost"} if closed > 0 else {}
        brokerage.deal(number, agents[number % 8], client, opened, closed if closed > 0 else None, **stage)
    found = [expected_closings(session, agent, now) for agent in agents]
    told = [one.expected for one in found if one.expected is not None]
    assert len(told) in (0, 8)
    assert bool(told) == (house_days >= 75)
    if told:
        assert sum(told) == pytest.approx(came, rel=1 / 3)


def test_without_a_win_no_closings_are_expected(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent = brokerage.agent(1)
    brokerage.deals(agent, brokerage.client(1), won=0, lost=5, opened=180)
    found = expected_closings(session, agent, now)
    assert (found.status, found.expected, found.n) == ("insufficient_data", None, 5)
    assert found.why == "No deal has been won yet, so that it is not known how long one takes."


def test_next_step_and_action_without_evidence_say_so(session: Session, brokerage: Any, now: dt.datetime) -> None:
    client = brokerage.client(1)
    assert likely_next_step(session, client).status == "insufficient_data"
    action = recommend_action(session, client, now)
    assert (action.evidence, action.status, action.term) == ("none", "insufficient_data", None)
    assert action.action == "Open a deal and keep its stage."
    assert action.reasons[0].text == "The closed deals support no trigger that an agent could bring up."


def test_what_came_up_in_free_talk_is_not_advised_again(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agents = [brokerage.agent(i) for i in range(4)]
    past = [brokerage.client(i) for i in range(120)]
    told, silent = brokerage.client(120), brokerage.client(121)

    def talk(number: int, client: uuid.UUID, said: str, **fields: Any) -> dict[str, Any]:
        turns = [{"speaker": "agent", "text": said}, {"speaker": "client", "text": "fine"}]
        whose = {"conversation_id": str(uuid.UUID(int=70_000 + number)), "client_id": str(client)}
        at = {"agent_id": str(agents[number % 4]), "started_at": days_ago(40), "channel": "call"}
        return whose | at | {"turns": turns} | fields

    talks = [talk(120, told, "Upstairs is a TERRACE.")]
    for i, client in enumerate(past):
        stage = "won" if i % 5 else "lost"
        deal = brokerage.deal(i, agents[i % 4], client, 60, 20, stage=stage if i % 2 else "lost")
        said = "It has a terrace." if i % 2 else "It has three rooms."
        talks.append(talk(i, client, said, deal_id=str(deal)))
    behavior.ingest_conversations(session, [SourceRow(i, row) for i, row in enumerate(talks)])
    behavior.fold(session, [str(i) for i in session.scalars(text("SELECT event_id FROM behavior_events"))])
    behavior.analyse(session, now=now)
    advised = recommend_action(session, silent, now)
    assert advised.action == "Bring up “terrace”."
    assert " would be won where it is said and " in advised.reasons[0].text, "48 of 60 were: no estimate is a count"
    assert "an estimate from 60 deals with it, of 2 agents, and 60 without." in advised.reasons[0].text
    assert trigger_for(session, None) == trigger_for(session, silent)
    assert trigger_for(session, told) is None
    nothing_new = recommend_action(session, told, now)
    (why, *_) = nothing_new.reasons
    assert nothing_new.term is None
    assert why.text == "The triggers that the closed deals support best have all come up with this client."


def lift(term: str, evidence: str, lower: float) -> TriggerLift:
    numbers = dict.fromkeys(("log_odds", "q", "win_rate_with", "win_rate_without"), 0.1)
    counts = dict.fromkeys(("n_with", "n_without", "n_agents"), 5)
    return TriggerLift(term=term, evidence=evidence, lift=lower + 0.2, lower=lower, upper=2.0, **numbers, **counts)


def test_a_proven_trigger_that_was_not_said_goes_first() -> None:
    triggers = [lift("visit", "proven", 1.2), lift("plan", "proven", 1.1), lift("view", "candidate", 1.9)]
    assert best_trigger(triggers, {"visit"}) == triggers[1]
    assert best_trigger(triggers, {"visit", "plan"}) == triggers[2]
    assert best_trigger(triggers, {"visit", "plan", "view"}) is None
    assert best_trigger([lift("just looking", "proven", 0.5)], ()) is None


@pytest.mark.usefixtures("session")
def test_the_six_functions_work_on_text_ids_and_in_their_own_transaction(brokerage: Any) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1, budget="1000000.00")
    unit, area = brokerage.unit(1), brokerage.area(1, price_avg="1000000.00", sales_volume=5)
    brokerage.session.commit()
    assert 0 <= intelligence.client_qualification_score(str(client)) <= 1
    assert [a.area_id for a in intelligence.market_heatmap()] == [area]
    assert intelligence.behavior_trigger_analysis(top_n=5) == []
    chances = {
        intelligence.closing_probability(agent, client, spelled)
        for spelled in (unit, str(unit), (unit.project_id, unit.unit_id), (str(unit.project_id), str(unit.unit_id)))
    }
    assert len(chances) == 1
    assert intelligence.closing_probability(agent, client, str(unit.unit_id)) in chances
    assert [r.property_id for r in intelligence.recommend_properties(client)] == [str(unit)]
    assert [a.agent_id for a in intelligence.agent_skill_ranking(session=brokerage.session)] == [agent]
    with pytest.raises(Invalid):
        intelligence.client_qualification_score("nobody")
    with pytest.raises(Invalid):
        intelligence.closing_probability(agent, client, (uuid.uuid4(), "x"))
