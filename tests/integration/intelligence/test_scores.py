"""Qualification and closing: the card first, then what closed deals teach, never a look into the future."""

import datetime as dt
import uuid
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from estate.agent.errors import AgentNotFound
from estate.api.merging import merge_clients
from estate.behavior.service import ingest_conversations
from estate.client.errors import ClientNotFound
from estate.client.schemas import MergeIn
from estate.client.service import get_client
from estate.core.ingest import SourceRow
from estate.core.outbox import Job, enqueue
from estate.core.stats import logit
from estate.core.types import UnitRef
from estate.intelligence.closing import closing_cases, explain_closing
from estate.intelligence.features import history_of, load_deals, load_history
from estate.intelligence.qualification import explain_qualification, qualification_cases, score_clients
from estate.intelligence.scorer import Cases
from estate.intelligence.training import train_all
from estate.property.errors import UnitNotFound

WARM = {
    "decision_speed": "fast",
    "objections": [],
    "budget": "1000000.00",
    "interest": {"bedrooms": 2},
    "location_targets": ["Area 1"],
}


def test_without_deals_the_documented_card_speaks_and_says_so(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    ready, unknown = brokerage.client(1, **WARM), brokerage.client(2)
    found, blank = (explain_qualification(session, c, now) for c in (ready, unknown))
    assert (found.n, found.status, found.like_cases) == (0, "insufficient_data", 0)
    assert found.base_logit == pytest.approx(logit(0.2))
    assert {c.feature: c.logit for c in found.contributions} == pytest.approx(
        {"decision_speed": 0.6, "objections": 0.2, "wishes_stated": 0.4}
    )
    assert found.score > blank.score
    assert found.base_logit + sum(c.logit for c in found.contributions) == pytest.approx(logit(found.score), abs=1e-9)
    assert {m.feature for m in found.missing} == {"mood", "contact", "reply_speed", "stage"}
    assert found.lower < found.score < found.upper


def test_closed_deals_move_the_score_and_the_band_is_the_stated_one(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1, qualification_score=0.9)
    before = explain_qualification(session, client, now)
    brokerage.deals(agent, client, won=35, lost=5)
    train_all(session, now)
    after = explain_qualification(session, client, now)
    assert (after.n, after.status) == (40, "ok")
    assert after.score > before.score + 0.2
    assert logit(after.upper) - logit(after.lower) < logit(before.upper) - logit(before.lower)
    assert after.score >= after.band_cuts[after.band]
    assert after.stated_score == 0.9


def test_open_deals_and_deals_closed_later_teach_nothing(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1)
    brokerage.deal(1, agent, client, 50, None, stage="viewing")
    brokerage.deal(2, agent, client, 50, 10, stage="won")
    then = now - dt.timedelta(days=20)
    assert [t.model_id for t in train_all(session, then)] == [None, None]
    assert explain_qualification(session, client, then).n == 0
    assert [t.n for t in train_all(session, now)] == [1, 1]
    assert explain_qualification(session, client, now).n == 1


def test_what_was_written_after_the_outcome_never_enters(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent = brokerage.agent(1)
    clients = [brokerage.client(i, updated_at=days_old(5)) for i in range(20)]
    for i, client in enumerate(clients):
        brokerage.event(client, 105, agent, emotion_detected="neutral")
        brokerage.deal(i, agent, client, 100, 80, stage="won" if i % 2 else "lost")
    before = learned_from(session, now)
    for i in range(20):
        brokerage.client(i, decision_speed="fast" if i % 2 else "slow", updated_at=now.isoformat())
        brokerage.event(clients[i], 79, agent, emotion_detected="excited" if i % 2 else "angry", response_speed=60.0)
    after = learned_from(session, now)
    np.testing.assert_array_equal(after.features, before.features)
    assert np.isnan(after.features[:, 0]).all()
    assert not np.isnan(after.usual[:, 0]).any()


def test_what_was_known_while_the_deals_were_open_does_enter(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    agent = brokerage.agent(1)
    slow, fast = brokerage.client(100, decision_speed="slow"), brokerage.client(101, decision_speed="fast")
    before = score_clients(session, [slow, fast], now)
    for i in range(40):
        client = brokerage.client(i, decision_speed="slow" if i % 2 else "fast")
        brokerage.event(client, 105, agent, emotion_detected="angry" if i % 2 else "excited")
        brokerage.deal(i, agent, client, 100, 80, stage="won" if i % 2 else "lost")
    cases = learned_from(session, now)
    assert cases.features[:, 3].tolist() == [-1.0 if won else 1.0 for won in cases.won]
    train_all(session, now)
    after = score_clients(session, [slow, fast], now)
    assert before[slow].score < before[fast].score
    assert after[slow].score > after[fast].score


def test_a_past_stage_counts_only_from_when_it_was_reached(session: Session, brokerage: Any, now: dt.datetime) -> None:
    """Reserved came a day before the end, after every moment that is looked at."""
    agent, client = brokerage.agent(1), brokerage.client(1)
    for i in range(12):
        reached = {"new": days_old(100), "viewing": days_old(90), "reserved": days_old(81)}
        brokerage.deal(i, agent, client, 99, 80, stage="won", stages_reached=reached)
    assert set(learned_from(session, now).features[:, -1].tolist()) == {-1.0, 0.0}


def test_the_stage_of_the_open_deal_counts(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent, early, late = brokerage.agent(1), brokerage.client(1), brokerage.client(2)
    brokerage.deal(1, agent, early, 5, None, stage="new")
    brokerage.deal(2, agent, late, 5, None, stage="reserved")
    scores = score_clients(session, [early, late], now)
    assert scores[early].score < 0.2 < scores[late].score


def test_a_call_counts_once_however_much_is_said_in_it(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1)
    said = ("I love the payment plan, and the sea view and the discount.", "I love the discount.")
    talk = {
        "conversation_id": str(uuid.UUID(int=7_000)),
        "agent_id": str(agent),
        "client_id": str(client),
        "started_at": days_old(5),
        "channel": "call",
        "turns": [{"speaker": "client", "text": text} for text in said],
    }
    assert ingest_conversations(session, [SourceRow(0, talk)]).counts["created"] == 1
    found = {one.feature: one.why for one in explain_qualification(session, client, now).contributions}
    assert (found["mood"], found["contact"]) == ("2 emotions noted in 30 days, mostly excited.", "1 event in 30 days.")
    brokerage.event(client, 4, agent, emotion_detected="excited")
    found = {one.feature: one.why for one in explain_qualification(session, client, now).contributions}
    assert (found["mood"], found["contact"]) == ("3 emotions noted in 30 days, mostly excited.", "2 events in 30 days.")


def test_a_chat_that_goes_on_counts_while_something_is_said(session: Session, brokerage: Any, now: dt.datetime) -> None:
    client = brokerage.client(1)
    turns = [{"speaker": "client", "text": "I love the view.", "said_at": days_old(days)} for days in (40, 2)]
    talk = {"conversation_id": str(uuid.UUID(int=7_001)), "client_id": str(client), "channel": "chat", "turns": turns}
    talk |= {"agent_id": str(brokerage.agent(1)), "started_at": days_old(40)}
    assert ingest_conversations(session, [SourceRow(0, talk)]).counts["created"] == 1
    found = {one.feature: one.why for one in explain_qualification(session, client, now).contributions}
    assert found["contact"] == "1 event in 30 days."


def test_many_clients_are_scored_as_one_is_and_in_as_many_queries(
    session: Session, brokerage: Any, now: dt.datetime, statements: list[str]
) -> None:
    agent = brokerage.agent(1)
    clients = [brokerage.client(i, decision_speed="fast" if i % 3 else "slow") for i in range(25)]
    for client in clients[:10]:
        brokerage.event(client, 3, agent, emotion_detected="interested", response_speed=120.0)
    brokerage.deals(agent, clients[0], won=3, lost=9)
    train_all(session, now)
    score_clients(session, clients[:1], now)
    statements.clear()
    one = score_clients(session, clients[:1], now)
    single = len(statements)
    statements.clear()
    scores = score_clients(session, clients, now)
    assert len(statements) == single <= 6
    assert scores[clients[0]].score == pytest.approx(one[clients[0]].score)
    explained = explain_qualification(session, clients[4], now)
    assert explained.score == pytest.approx(scores[clients[4]].score)
    assert (explained.lower, explained.upper) == pytest.approx((scores[clients[4]].lower, scores[clients[4]].upper))
    assert score_clients(session, [uuid.uuid4()], now) == {}


def test_the_worker_stores_the_score_of_a_changed_client(session: Session, brokerage: Any, drain: Any) -> None:
    client = brokerage.client(1, **WARM)
    session.commit()
    drain()
    session.expire_all()
    stored, told = get_client(session, client), explain_qualification(session, client)
    assert stored.qualification_score == pytest.approx(told.score)
    assert (stored.qualification_lower, stored.qualification_upper) == pytest.approx((told.lower, told.upper))
    assert stored.qualification_n == told.n


def test_a_score_stored_without_its_interval_gets_it(session: Session, brokerage: Any, drain: Any) -> None:
    client = brokerage.client(1, **WARM)
    session.commit()
    drain()
    session.execute(text("UPDATE client_profiles SET qualification_lower = NULL, qualification_n = NULL"))
    enqueue(session, [Job("intelligence.score", str(client))])
    session.commit()
    drain()
    session.expire_all()
    stored, told = get_client(session, client), explain_qualification(session, client)
    assert stored.qualification_n == told.n
    assert stored.qualification_lower == pytest.approx(told.lower)


def test_a_price_above_the_budget_lowers_closing_and_nothing_raises_it(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1, **WARM)
    prices = [200_000, 900_000, 1_000_000, 1_100_000, 1_500_000, 5_000_000]
    scores = [
        explain_closing(session, agent, client, brokerage.unit(i, price=f"{price}.00", bedrooms=2), now).score
        for i, price in enumerate(prices)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(scores[2])
    assert scores[3] < scores[2]


def test_currencies_are_compared_through_a_dated_rate_only(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1, **WARM, currency="AED")
    unit = brokerage.unit(1, price="500000.00", currency="EUR")
    without = explain_closing(session, agent, client, unit, now)
    assert "over_budget" in {m.feature for m in without.missing}
    brokerage.rate("EUR", "AED", "4")
    compared = explain_closing(session, agent, client, unit, now)
    over = next(c for c in compared.contributions if c.feature == "over_budget")
    assert over.value == pytest.approx(1.0)
    assert over.logit < 0


def test_an_agent_counts_by_a_shrunk_record(session: Session, brokerage: Any, now: dt.datetime) -> None:
    client = brokerage.client(1, **WARM)
    lucky, proven, poor = (brokerage.agent(i) for i in range(3))
    brokerage.deals(lucky, client, won=2, lost=0)
    brokerage.deals(proven, client, won=30, lost=30, first=100)
    brokerage.deals(poor, client, won=1, lost=59, first=200)
    train_all(session, now)
    scores = [explain_closing(session, a, client, None, now).score for a in (poor, lucky, proven)]
    assert scores == sorted(scores)
    assert scores[0] < scores[1]


def test_a_closing_explanation_sums_and_names_its_reasons(session: Session, brokerage: Any, now: dt.datetime) -> None:
    area = brokerage.area(1)
    agent, client = brokerage.agent(1), brokerage.client(1, **WARM)
    unit = brokerage.unit(1, area_id=str(area), bedrooms=2, listed_at=days_old(200))
    brokerage.deal(1, agent, client, 90, 60, stage="won", project_id=str(unit.project_id), unit_id=str(unit.unit_id))
    train_all(session, now)
    found = explain_closing(session, agent, client, unit, now)
    assert found.property_id == unit
    assert found.base_logit + sum(c.logit for c in found.contributions) == pytest.approx(logit(found.score), abs=1e-9)
    features = {c.feature for c in found.contributions}
    assert {"agent_skill", "over_budget", "area_fit", "rooms_fit"} <= features
    assert found.reasons[0].text.endswith(".")
    assert np.isfinite(closing_cases(session, load_history(session, now, 100)).features[:, -2:]).all()


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"bedrooms_max": 3}, ["Bedrooms as wished.", "Bedrooms as wished.", "1 bedroom away from the wish."]),
        ({"bedrooms": {"min": 3}}, ["1 bedroom away from the wish.", "Bedrooms as wished.", "Bedrooms as wished."]),
    ],
)
def test_a_wish_that_is_open_on_one_side_is_met_there(
    session: Session, brokerage: Any, now: dt.datetime, wish: dict[str, Any], said: list[str]
) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1, **WARM | {"interest": wish})
    units = [brokerage.unit(bedrooms, bedrooms=bedrooms) for bedrooms in (2, 3, 4)]
    found = [explain_closing(session, agent, client, unit, now).contributions for unit in units]
    assert [part.why for parts in found for part in parts if part.feature == "rooms_fit"] == said


def test_a_client_who_is_merged_while_history_is_read_is_left_out(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    agent, kept, merged = brokerage.agent(1), brokerage.client(1), brokerage.client(2)
    of_kept = brokerage.deal(1, agent, kept, 90, 60, stage="won")
    brokerage.deal(2, agent, merged, 90, 50, stage="lost")
    read_before = load_deals(session, now)
    merge_clients(session, MergeIn(keep=kept, merge=merged), by="test")
    assert [case.deal.deal_id for case in history_of(session, read_before, now, 100).past] == [of_kept]
    assert len(load_history(session, now, 100).past) == 2


def learned_from(session: Session, now: dt.datetime) -> Cases:
    return qualification_cases(session, load_history(session, now, 100))


def days_old(days: int) -> str:
    return (dt.datetime(2026, 6, 1, tzinfo=dt.UTC) - dt.timedelta(days=days)).isoformat()


def test_unknown_ids_are_not_found(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1)
    stranger = uuid.uuid4()
    with pytest.raises(ClientNotFound):
        explain_qualification(session, stranger, now)
    with pytest.raises(AgentNotFound):
        explain_closing(session, stranger, client, None, now)
    with pytest.raises(ClientNotFound):
        explain_closing(session, agent, stranger, None, now)
    with pytest.raises(UnitNotFound):
        explain_closing(session, agent, client, UnitRef(stranger, stranger), now)
