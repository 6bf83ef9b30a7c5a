"""The register: what is trained, what is promoted, what is refused, and how live quality is told."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from estate.api.merging import merge_clients
from estate.behavior import service as behavior_service
from estate.client import service as client_service
from estate.client.schemas import MergeIn, ScoreMade
from estate.core import queue
from estate.core.ingest import SourceRow
from estate.core.settings import get_settings
from estate.intelligence import register
from estate.intelligence.calls import next_calls
from estate.intelligence.errors import ModelNotFound
from estate.intelligence.features import history_of, load_deals, load_history
from estate.intelligence.freshness import enqueue_training
from estate.intelligence.qualification import explain_qualification
from estate.intelligence.quality import model_standings, score_quality
from estate.intelligence.routing import route
from estate.intelligence.training import train, train_all, use


def close(
    session: Session, brokerage: Any, agent: uuid.UUID, first: int, count: int, fast_wins: bool, age: int
) -> None:
    """Close many deals at once: fast clients win, or slow ones do."""
    rows = []
    for i in range(first, first + count):
        speed = "fast" if i % 2 else "slow"
        client = brokerage.client(i, decision_speed=speed)
        won = (i % 2 == 1) == fast_wins if i % 10 else i % 20 == 0
        closed = brokerage_time(age - (i - first) / count)
        rows.append(
            {
                "deal_id": str(uuid.UUID(int=9_000 + i)),
                "agent_id": str(agent),
                "client_id": str(client),
                "opened_at": brokerage_time(age + 30),
                "closed_at": closed,
                "stage": "won" if won else "lost",
                "updated_at": closed,
            }
        )
    behavior_service.ingest_deals(session, [SourceRow(i, row) for i, row in enumerate(rows)])


def brokerage_time(days: float) -> str:
    return (dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC) - dt.timedelta(days=days)).isoformat()


def test_a_training_is_kept_with_window_metrics_and_bands(session: Session, brokerage: Any, now: dt.datetime) -> None:
    close(session, brokerage, brokerage.agent(1), 0, 60, fast_wins=True, age=50)
    done = train_all(session, now)
    assert [(one.kind, one.n, one.promoted) for one in done] == [("qualification", 60, True), ("closing", 60, True)]
    found = next(one for one in score_quality(session, now).trainings if one.kind == "qualification")
    assert (found.active, found.n, found.foretold.n) == (True, 60, 60)
    assert found.window_from < found.window_to <= now
    assert sum(fold.n for fold in found.folds) == sum(band.n for band in found.bands) == 60
    assert found.foretold.auc is not None
    assert found.foretold.auc > 0.7
    assert [one.model_id for one in train_all(session, now)] == [None, None]


def test_a_training_on_few_outcomes_has_not_been_judged(session: Session, brokerage: Any, now: dt.datetime) -> None:
    close(session, brokerage, brokerage.agent(1), 0, 2, fast_wins=True, age=50)
    train_all(session, now)
    for found in score_quality(session, now).trainings:
        assert (found.n, found.foretold.n, found.foretold.auc, found.folds) == (2, 0, None, [])
        assert [band.share_won for band in found.bands] == [None] * 3


def reopen(session: Session, first: int, count: int) -> None:
    """Open closed deals again."""
    rows = [
        {
            "deal_id": str(uuid.UUID(int=9_000 + i)),
            "agent_id": str(uuid.UUID(int=1_001)),
            "client_id": str(uuid.UUID(int=2_000 + i)),
            "stage": "viewing",
        }
        for i in range(first, first + count)
    ]
    assert behavior_service.ingest_deals(session, list(map(SourceRow, range(count), rows))).counts["updated"] == count


def test_corrected_outcomes_are_learned_anew(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent, fast = brokerage.agent(1), uuid.UUID(int=2_001)
    close(session, brokerage, agent, 0, 40, fast_wins=True, age=50)
    train_all(session, now)
    before = explain_qualification(session, fast, now).score
    close(session, brokerage, agent, 0, 20, fast_wins=False, age=50)
    corrected = train_all(session, now)[0]
    assert (corrected.n, corrected.promoted) == (40, True)
    assert explain_qualification(session, fast, now).score < before
    reopen(session, 0, 1)
    again = train_all(session, now)[0]
    assert (again.n, again.promoted) == (39, True)
    still = train_all(session, now)[0]
    assert still.model_id is None
    assert still.verdict == "no deal has closed or changed its outcome since the last training"


def test_of_many_outcomes_the_corrected_ones_are_contested(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent = brokerage.agent(1)
    close(session, brokerage, agent, 0, 240, fast_wins=True, age=90)
    train_all(session, now)
    close(session, brokerage, agent, 0, 10, fast_wins=False, age=90)
    few = train_all(session, now)[0]
    assert (few.model_id, few.promoted) == (None, False)
    assert few.verdict == "only 9 deals have closed or changed their outcome since the last training"
    close(session, brokerage, agent, 10, 30, fast_wins=False, age=90)
    done = train_all(session, now)[0]
    assert (done.n, done.promoted) == (240, True)
    assert done.verdict.startswith("promoted: not worse, log-loss")
    reopen(session, 100, 25)
    fewer = train_all(session, now)[0]
    assert (fewer.n, fewer.verdict) == (215, "promoted: 25 deals of the one before are not closed any more")


def test_deals_that_are_not_read_any_more_are_not_missed_beside_a_merge(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    agent, most = brokerage.agent(1), 220
    close(session, brokerage, agent, 0, 240, fast_wins=True, age=90)
    train(session, "qualification", load_history(session, now, most))
    close(session, brokerage, agent, 240, 30, fast_wins=True, age=20)
    read_before = load_deals(session, now)
    merge_clients(session, MergeIn(keep=brokerage.client(1), merge=brokerage.client(200)), by="test")
    done = train(session, "qualification", history_of(session, read_before, now, most))
    assert done.n == most - 1
    assert done.verdict.startswith("promoted: not worse, log-loss")


def test_a_challenger_that_the_newest_outcomes_refute_is_kept_back(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    """It learned from a spell that went the other way, and the last outcomes are as they used to be."""
    agent = brokerage.agent(1)
    close(session, brokerage, agent, 0, 240, fast_wins=True, age=90)
    train_all(session, now)
    before = register.standing(session, "qualification")
    close(session, brokerage, agent, 240, 4, fast_wins=False, age=20)
    few = train_all(session, now)[0]
    assert (few.model_id, few.promoted) == (None, False)
    assert "only 4 deals" in few.verdict
    close(session, brokerage, agent, 244, 116, fast_wins=False, age=19)
    close(session, brokerage, agent, 360, 120, fast_wins=True, age=9)
    worse = train_all(session, now)[0]
    assert worse.verdict.startswith("kept back: worse, log-loss")
    after = register.standing(session, "qualification")
    assert before is not None
    assert after is not None
    assert before.model_id == after.model_id


def test_a_challenger_that_foretells_as_well_is_promoted(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent = brokerage.agent(1)
    close(session, brokerage, agent, 0, 240, fast_wins=True, age=90)
    train_all(session, now)
    close(session, brokerage, agent, 240, 40, fast_wins=True, age=20)
    done = train_all(session, now)[0]
    assert done.verdict.startswith("promoted: not worse, log-loss")
    standing = register.standing(session, "qualification")
    assert standing is not None
    assert (standing.model_id, standing.n) == (done.model_id, 280)


def test_an_earlier_training_answers_again_and_stored_scores_follow(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    agent = brokerage.agent(1)
    close(session, brokerage, agent, 0, 40, fast_wins=True, age=50)
    first = train_all(session, now)[0].model_id
    close(session, brokerage, agent, 40, 40, fast_wins=False, age=30)
    train_all(session, now)
    slow = uuid.UUID(int=2_000)
    later = explain_qualification(session, slow, now).score
    assert first is not None
    session.execute(text("DELETE FROM outbox"))
    use(session, "qualification", first)
    assert explain_qualification(session, slow, now).score < later
    items = session.execute(text("SELECT payload -> 'items' FROM outbox WHERE topic = 'intelligence.score'")).scalars()
    assert sum(map(len, items)) == 80
    with pytest.raises(ModelNotFound):
        use(session, "closing", first)


def test_parameters_that_the_platform_did_not_write_are_never_read(
    session: Session, brokerage: Any, now: dt.datetime, caplog: pytest.LogCaptureFixture
) -> None:
    close(session, brokerage, brokerage.agent(1), 0, 40, fast_wins=True, age=50)
    train_all(session, now)
    session.execute(text("UPDATE trained_models SET parameters = parameters || '\\x00'::bytea"))
    assert explain_qualification(session, uuid.UUID(int=2_000), now).n == 0
    assert "not written under this platform's pepper" in caplog.text
    assert train_all(session, now)[0].promoted
    assert explain_qualification(session, uuid.UUID(int=2_000), now).n == 40


def test_a_new_first_key_leaves_the_models_as_they_are(
    session: Session, brokerage: Any, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(session, brokerage, brokerage.agent(1), 0, 40, fast_wins=True, age=50)
    train_all(session, now)
    with monkeypatch.context() as rotated:
        rotated.setenv("ESTATE_BOOTSTRAP_API_KEY", "another-key-of-more-than-twenty-characters")
        get_settings.cache_clear()
        register._loaded.clear()
        learned_from = explain_qualification(session, uuid.UUID(int=2_000), now).n
    get_settings.cache_clear()
    assert learned_from == 40


def test_models_that_cannot_be_used_are_told_and_trained_again_by_the_sweep(
    session: Session, brokerage: Any, now: dt.datetime, drain: Callable[[], int]
) -> None:
    close(session, brokerage, brokerage.agent(1), 0, 4, fast_wins=True, age=50)
    train_all(session, now)
    drain()
    session.execute(text("DELETE FROM outbox"))  # The training that the deals asked for, a few seconds later.
    assert [(m.answers, m.unlearned, m.stale) for m in model_standings(session, now).items] == [("model", 0, False)] * 2
    session.execute(text("UPDATE trained_models SET recipe = 'of another release'"))
    assert [(m.answers, m.unlearned, m.stale) for m in model_standings(session, now).items] == [("card", 4, True)] * 2
    told = explain_qualification(session, uuid.UUID(int=2_000), now)
    assert told.why.startswith("The documented score card: no trained model answers yet; ")
    queue.sweep()
    session.expire_all()
    assert [(m.answers, m.unlearned, m.stale) for m in model_standings(session, now).items] == [("model", 0, False)] * 2


def test_where_no_training_helps_it_is_not_tried_at_every_sweep(
    session: Session, brokerage: Any, now: dt.datetime, database: None
) -> None:
    close(session, brokerage, brokerage.agent(1), 0, 4, fast_wins=True, age=50)
    session.execute(text("DELETE FROM outbox"))
    asked = []
    for _ in range(2):
        enqueue_training(session, now)
        asked.append(len(session.execute(text("DELETE FROM outbox RETURNING key")).all()))
    assert asked == [1, 0]


def test_live_quality_judges_scores_as_they_were_stored(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent = brokerage.agent(1)
    hot, cold, late = (brokerage.client(i) for i in range(3))
    opened = now - dt.timedelta(days=40)
    for client, score, at in ((hot, 0.7, opened), (cold, 0.05, opened), (late, 0.9, now)):
        client_service.store_scores(session, {client: ScoreMade(score, 0.0, 1.0, 50, None)}, at)
    client_service.store_scores(session, {hot: ScoreMade(0.01, 0.0, 1.0, 50, None)}, now - dt.timedelta(days=35))
    for i, (client, stage) in enumerate(((hot, "won"), (cold, "lost"), (late, "won"))):
        brokerage.deal(i, agent, client, 40, 10, stage=stage)
    found = score_quality(session, now)
    assert (found.n, found.unscored, found.status) == (2, 1, "insufficient_data")
    assert found.foretold.auc == 1.0
    bands = {band.band: band for band in found.bands}
    assert (bands["hot"].n, bands["hot"].won) == (1, 1)
    assert bands["hot"].mean_score == pytest.approx(0.7)
    assert (bands["cold"].n, bands["cold"].won, bands["warm"].n) == (1, 0, 0)
    assert bands["hot"].lower is not None
    assert bands["warm"].share_won is None


def test_an_override_stands_beside_the_score_and_freezes_nothing(
    api: TestClient, session: Session, brokerage: Any, drain: Any
) -> None:
    client = str(brokerage.client(1, decision_speed="slow"))
    session.commit()
    drain()
    said = {"client_id": client, "score": 0.9, "reason": "Paid a deposit."}
    assert api.post("/client/override", json=said).json()["stated_score"] == 0.9
    brokerage.client(1, decision_speed="fast", updated_at=dt.datetime.now(dt.UTC).isoformat())
    session.commit()
    drain()
    found = api.get(f"/client/qualification/{client}").json()
    assert found["stated_score"] == 0.9
    kinds = [row["kind"] for row in found["history"]]
    assert (kinds.count("stated"), kinds.count("model")) == (1, 2)
    model = [row["score"] for row in found["history"] if row["kind"] == "model"]
    assert model[0] > model[1]
    assert found["score"] == pytest.approx(model[0])
    stated = next(row for row in found["history"] if row["kind"] == "stated")
    assert (stated["reason"], bool(stated["stated_by"])) == ("Paid a deposit.", True)
    assert api.post("/client/override", json=said | {"score": None}).json()["stated_score"] is None
    assert api.post("/client/override", json=said | {"client_id": str(uuid.uuid4())}).status_code == 404
    assert api.post("/client/override", json={"client_id": client, "score": 2, "reason": "x"}).status_code == 422


def test_many_triples_in_one_call_score_as_one_does(api: TestClient, session: Session, brokerage: Any) -> None:
    agents = [brokerage.agent(i) for i in range(3)]
    clients = [brokerage.client(i, budget=f"{900_000 + 100_000 * i}.00") for i in range(5)]
    units = [str(brokerage.unit(i, price=f"{800_000 + 200_000 * i}.00")) for i in range(3)]
    session.commit()
    triples = [
        {
            "agent_id": str(agents[i % 3]),
            "client_id": str(clients[i % 5]),
            "property": None if i % 4 == 0 else units[i % 3],
        }
        for i in range(1_000)
    ]
    items = api.post("/client/closing", json={"triples": triples}).json()["items"]
    assert [item["client_id"] for item in items] == [triple["client_id"] for triple in triples]
    asked = {"agent_id": triples[7]["agent_id"], "client_id": triples[7]["client_id"], "unit": triples[7]["property"]}
    one = api.get("/client/predict", params=asked).json()
    assert (items[7]["score"], items[7]["lower"], items[7]["upper"]) == pytest.approx(
        (one["score"], one["lower"], one["upper"])
    )
    assert all(item["lower"] <= item["score"] <= item["upper"] for item in items)
    wrong = api.post("/client/closing", json={"triples": [triples[0], triples[1] | {"client_id": str(uuid.uuid4())}]})
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [{"row": 1, "field": "client_id", "message": "no such client"}]
    assert api.post("/client/closing", json={"triples": triples + triples[:1]}).status_code == 422


def test_a_lead_that_waits_for_its_first_answer_is_due_at_once(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    agent = brokerage.agent(1)
    mine = {"owner_agent_id": str(agent), "budget": "1000000.00"}
    waiting, answered = brokerage.client(1, **mine), brokerage.client(2, **mine)
    for i, client in enumerate((waiting, answered)):
        brokerage.event(client, 2, agent)
        brokerage.deal(i, agent, client, 1, None, stage="new")
    brokerage.event(answered, 0.5, agent)
    first, second = next_calls(session, agent, now).items
    assert (first.client_id, second.client_id) == (waiting, answered)
    assert first.waiting_hours == pytest.approx(24)
    assert second.waiting_hours is None
    assert first.priority == pytest.approx(first.score)
    assert float(first.at_stake or 0) == pytest.approx(1e6 * first.priority, abs=0.01)
    assert "Has waited 24.0 hours" in first.reasons[1].text


def test_load_and_fairness_move_a_client_to_the_freer_agent(session: Session, brokerage: Any, now: dt.datetime) -> None:
    busy, free = brokerage.agent(1), brokerage.agent(2)
    client = brokerage.client(1)
    for i in range(6):
        brokerage.deal(i, busy, brokerage.client(10 + i), 10, None, stage="viewing")
    found = route(session, client, now)
    assert [one.agent_id for one in found] == [free, busy]
    assert found[0].score == pytest.approx(found[1].score)
    for one in found:
        parts = [reason.part for reason in one.reasons[:3]]
        assert [reason.field for reason in one.reasons[:3]] == ["deals.outcome", "deals.stage", "deals.opened_at"]
        assert parts[0] * parts[1] * parts[2] == pytest.approx(one.priority)
    assert found[1].reasons[1].text == "Open deals: 6; agents have 3.0 on average."


def test_agents_may_have_fewer_than_one_deal_on_average(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agents = [brokerage.agent(i) for i in range(10)]
    client = brokerage.client(1)
    for i in range(2):
        brokerage.deal(i, agents[0], client, 5, None)
    busy = route(session, client, now)[-1]
    assert [r.text for r in busy.reasons[1:3]] == [
        "Open deals: 2; agents have 0.2 on average.",
        "New leads in 30 days: 2; agents got 0.2 on average.",
    ]
    assert busy.reasons[1].part == pytest.approx(1 - 0.5 * 2 / 3)
