"""Feedback moves the ranking through the worker, and one call moves it back."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, insert, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from tests.integration.api.identity import client_of, new_key, new_owners

from estate.core.models import OutboxRow
from estate.realestate_gpt import crud, learning
from estate.realestate_gpt.learning import judged_by
from estate.realestate_gpt.models import GptFeedback, GptResponse

ACCOUNTS = 8
CLAIMS = ("Prices in Qamar Quay rose.", "Layla answers fast.")


def reply(session: Session, layers: tuple[str, str]) -> uuid.UUID:
    response_id = uuid.uuid4()
    claims = [
        {"claim": text, "cites": [{"layer": layer, "id": "x", "field": "name"}]}
        for text, layer in zip(CLAIMS, layers, strict=True)
    ]
    empty: dict[str, Any] = {"used_records": [], "records": [], "confidence": 0.5, "abstained": False}
    told = {"client_input": "?", "intent": "price", "text": " ".join(CLAIMS), "composer_version": "test"}
    session.execute(insert(GptResponse).values(response_id=response_id, reasoning=claims, **told, **empty))
    return response_id


def opinions(session: Session) -> None:
    """Every account keeps the claim on the client and cuts the other out, wherever it stands."""
    for account in range(ACCOUNTS):
        for layers in (("market", "client"), ("client", "market")) * 2:
            kept = CLAIMS[layers.index("client")]
            values = {"feedback_id": uuid.uuid4(), "response_id": reply(session, layers), "verdict": "helpful"}
            session.execute(insert(GptFeedback).values(**values, account=f"key {account}", edited_text=kept))
    session.flush()


def test_opinions_move_the_ranking_and_one_call_moves_it_back(api: TestClient, session: Session) -> None:
    opinions(session)
    version = learning.improve(session, most=1_000, seed=1)
    assert version is not None
    assert version.weights.factor("price", "client") > 1 > version.weights.factor("price", "market")
    session.flush()
    shown = api.get("/gpt/ranking").json()
    assert (shown["version"], shown["why"]) == (version.number, "learned")
    assert shown["gain_lower"] > 0

    left = api.post("/gpt/ranking/rollback", json={"version": version.number})
    assert left.status_code == 200, left.text
    assert left.json()["layers"] == {}
    assert api.post("/gpt/ranking/rollback", json={"version": version.number}).status_code == 409
    assert api.post("/gpt/ranking/rollback", json={"version": left.json()["version"]}).status_code == 409
    session.expire_all()
    assert learning.improve(session, most=1_000, seed=1) is None, "what led there must not lead there again"


def test_the_same_opinions_promote_once_and_the_way_back_leads_to_what_was_before(
    api: TestClient, session: Session
) -> None:
    opinions(session)
    version = learning.improve(session, most=1_000, seed=1)
    assert version is not None
    assert [learning.improve(session, most=1_000, seed=seed) for seed in (1, 2, 3)] == [None] * 3
    session.flush()
    assert api.get("/gpt/ranking").json()["version"] == version.number
    left = api.post("/gpt/ranking/rollback", json={"version": version.number})
    assert left.status_code == 200, left.text
    assert left.json()["layers"] == {}
    session.expire_all()
    assert [learning.improve(session, most=1_000, seed=seed) for seed in (1, 2, 3)] == [None] * 3


def test_a_manager_may_roll_back_and_an_agent_may_not(api: TestClient, session: Session) -> None:
    opinions(session)
    version = learning.improve(session, most=1_000, seed=1)
    assert version is not None
    session.commit()
    new_owners()
    asked = {"version": version.number}
    codes = {
        role: client_of(api.app, {"X-API-Key": new_key(role)}).post("/gpt/ranking/rollback", json=asked).status_code  # type: ignore[arg-type]
        for role in ("agent", "manager")
    }
    assert codes == {"agent": 403, "manager": 200}


def test_feedback_is_kept_with_its_account_and_learned_from_later(
    api: TestClient, session: Session, drain: Callable[[], int]
) -> None:
    response_id = reply(session, ("market", "client"))
    session.commit()
    body = {"response_id": str(response_id), "verdict": "helpful", "edited_text": CLAIMS[1], "outcome": "won"}
    assert api.post("/gpt/feedback", json=body).status_code == 200
    assert api.post("/gpt/feedback", json=body | {"outcome": "sold"}).status_code == 422
    session.expire_all()
    [opinion] = crud.opinions(session)
    assert opinion.account == "bootstrap"
    judged = judged_by(opinion)
    assert judged.layers == ("market", "client")
    assert list(judged.helped) == pytest.approx([2 / 3, 1 / 2])
    session.execute(update(OutboxRow).where(OutboxRow.topic == learning.LEARN).values(available_at=func.now()))
    session.commit()
    assert drain() >= 1
