"""Clients are upserted, listed, scored and described for search without contact details."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from estate.agent import service as agent_service
from estate.client import service
from estate.client.errors import ClientNotFound
from estate.client.schemas import ClientFilter, ScoreMade
from estate.core.documents import DOCUMENT_TOPIC
from estate.core.ingest import IngestResult, SourceRow
from estate.core.models import OutboxRow
from estate.core.rejected import RejectedFilter, list_rejected

AGENT = uuid.UUID("00000000-0000-4000-8000-0000000000aa")
CLIENT = uuid.UUID("00000000-0000-4000-8000-00000000000a")
OTHER = uuid.UUID("00000000-0000-4000-8000-00000000000b")
NOBODY = uuid.UUID("00000000-0000-4000-8000-0000000000ff")
AREA = "00000000-0000-4000-8000-0000000000cc"


def client(client_id: uuid.UUID = CLIENT, **fields: Any) -> dict[str, Any]:
    return {"client_id": str(client_id)} | fields


def ingest(session: Session, *rows: dict[str, Any]) -> IngestResult:
    return service.ingest(session, [SourceRow(i, row) for i, row in enumerate(rows)])


def statuses(result: IngestResult) -> list[str]:
    return [item.status for item in result.items]


def listed(session: Session, **wanted: Any) -> set[uuid.UUID]:
    return {item.client_id for item in service.list_clients(session, ClientFilter(**wanted)).items}


def jobs(session: Session, topic: str) -> list[str]:
    return list(session.scalars(select(OutboxRow.key).where(OutboxRow.topic == topic).order_by(OutboxRow.key)))


@pytest.fixture
def owner(session: Session) -> uuid.UUID:
    agent_service.ingest(session, [SourceRow(0, {"agent_id": str(AGENT), "name": "Layla"})])
    return AGENT


def test_every_column_comes_back_and_a_sent_score_is_the_stated_one(session: Session, owner: uuid.UUID) -> None:
    row = client(
        name="Omar Nasser",
        interest={"bedrooms": 2},
        budget="1900000.00",
        location_targets=["Palm Harbour"],
        objections=["handover date"],
        decision_speed="fast",
        emotional_type="analytical",
        response_history=[{"channel": "call"}],
        updated_at="2026-01-02T03:04:05Z",
        currency="USD",
        owner_agent_id=str(owner),
        phone="+12025550100",
        email="omar@example.com",
        contact_consent=True,
        do_not_contact=False,
    )
    assert statuses(ingest(session, row | {"qualification_score": 0.7})) == ["created"]
    stored = service.get_client(session, CLIENT).model_dump(mode="json")
    assert {name: stored[name] for name in row} == row
    assert (stored["stated_score"], stored["qualification_score"]) == (0.7, None)


def test_an_absent_field_keeps_its_value_and_null_clears_it(session: Session) -> None:
    ingest(session, client(name="Omar", budget=5, interest=["villa"], contact_consent=True, do_not_contact=True))
    changed = client(budget=None, interest=None, do_not_contact=None, currency=None)
    assert statuses(ingest(session, changed)) == ["updated"]
    stored = service.get_client(session, CLIENT)
    assert (stored.name, stored.contact_consent) == ("Omar", True)
    assert (stored.budget, stored.interest, stored.do_not_contact, stored.currency) == (None, None, False, "AED")
    assert session.scalar(text("SELECT interest IS NULL FROM client_profiles")) is True


def test_an_older_row_is_stale_and_changes_nothing(session: Session) -> None:
    ingest(session, client(name="New", updated_at="2026-03-01T00:00:00Z"))
    session.execute(text("DELETE FROM outbox"))
    assert statuses(ingest(session, client(name="Old", updated_at="2026-02-28T23:59:59Z"))) == ["stale"]
    assert service.get_client(session, CLIENT).name == "New"
    assert jobs(session, DOCUMENT_TOPIC) + jobs(session, "intelligence.score") == []


def test_the_same_client_twice_in_a_batch_is_applied_in_order(session: Session) -> None:
    result = ingest(
        session,
        client(name="First", decision_speed="slow", updated_at="2026-01-01T00:00:00Z"),
        client(name="Second", updated_at="2026-01-03T00:00:00Z"),
        client(name="Third", updated_at="2026-01-02T00:00:00Z"),
    )
    assert statuses(result) == ["created", "updated", "stale"]
    stored = service.get_client(session, CLIENT)
    assert (stored.name, stored.decision_speed) == ("Second", "slow")


def test_a_changed_client_is_scored_and_described_again(session: Session) -> None:
    ingest(session, client(), client(OTHER), client(name="Omar"))
    assert jobs(session, DOCUMENT_TOPIC) == [f"client:{CLIENT}", f"client:{OTHER}"]
    assert jobs(session, "intelligence.score") == [str(CLIENT), str(OTHER)]


def test_an_unknown_owner_is_rejected_and_the_row_is_kept(session: Session, owner: uuid.UUID) -> None:
    refused = client(owner_agent_id=str(NOBODY), name="عمر")
    result = ingest(session, refused, client(OTHER, owner_agent_id=str(owner)))
    assert statuses(result) == ["rejected", "created"]
    [kept] = list_rejected(session, RejectedFilter(batch_id=result.batch_id)).items
    assert (kept.row_number, kept.reason) == (0, "owner_agent_id: no such agent")
    raw = session.scalar(text("SELECT raw FROM rejected_rows WHERE batch_id = :id"), {"id": result.batch_id})
    assert json.loads(bytes(raw)) == refused
    with pytest.raises(ClientNotFound):
        service.get_client(session, CLIENT)


def test_search_looks_at_names_and_wishes_but_not_at_keys(session: Session) -> None:
    ingest(
        session,
        client(
            name="Omar Nasser",
            interest={"unit_types": ["villa"], "bedrooms": 4},
            location_targets=[{"area_id": AREA, "area_name": "Palm Harbour"}],
            phone="+12025550100",
            email="Omar@example.com",
        ),
        client(OTHER, name="سارة", objections=["service charge"]),
    )
    for words in ("omar", "VILLA", "palm har", "+12025550100", "omar@EXAMPLE.com"):
        assert listed(session, search=words) == {CLIENT}, words
    for words in ("سارة", "service"):
        assert listed(session, search=words) == {OTHER}, words
    for words in ("unit_types", "area_name", "{", "%", "550100 villa", "50100", "example.com"):
        assert listed(session, search=words) == set(), words


def test_search_finds_a_phone_however_it_is_written(session: Session) -> None:
    ingest(session, client(name="Salma", phone="+971501234567"), client(OTHER, phone="+971501234568"), client(NOBODY))
    for words in (
        *("+971501234567", "971501234567", "00971501234567", "0501234567", "501234567", "1234567", "234567"),
        *("050 123 4567", "+971 50 123 4567", "+971-50-123-4567", "(050) 123.4567", "٠٥٠١٢٣٤٥٦٧", "۰۵۰ ۱۲۳ ۴۵۶۷"),
        "\u202a+971 50 123 4567\u202c",
    ):
        assert listed(session, search=words) == {CLIENT}, words
    for words in ("34567", "000000", "501234", "971501234567 1", "villa 501234567"):
        assert listed(session, search=words) == set(), words


def test_search_finds_the_words_of_a_name_in_any_order_and_spelling(session: Session) -> None:
    ingest(session, client(name="أحمد حلبي"), client(OTHER, name="Salma O'Sahlán-Haddad"), client(NOBODY))
    for words in ("احمد", "إحمد", "أَحْمَد", "حلبى", "حلبي أحمد", "احمد  حلبى", "حلب"):
        assert listed(session, search=words) == {CLIENT}, words
    for words in ("salma sahlan", "Sahlan salma", "haddad, SALMA", "o'sahlan", "sahlan-haddad", "sal - had"):
        assert listed(session, search=words) == {OTHER}, words
    for words in ("salma احمد", "salma omar", "_", "- %", "\\"):
        assert listed(session, search=words) == set(), words


def test_location_is_a_name_or_an_area_id(session: Session) -> None:
    ingest(
        session,
        client(location_targets=[{"area_id": AREA, "area_name": "Palm Harbour"}]),
        client(OTHER, location_targets=["Canal Gate"], interest=["Palm Harbour"]),
    )
    assert listed(session, location="palm harbour") == {CLIENT}
    assert listed(session, location=AREA) == {CLIENT}
    assert listed(session, location="canal") == {OTHER}


def test_a_budget_range_compares_one_currency_only(session: Session) -> None:
    ingest(session, client(budget="1000.00"), client(OTHER, budget="1000.00", currency="USD"), client(NOBODY))
    assert listed(session, budget_min=1000, budget_max=1000) == {CLIENT}
    assert listed(session, budget_min=500, currency="USD") == {OTHER}
    assert listed(session, budget_max=999.99) == set()
    assert listed(session, currency="USD") == {OTHER}
    assert listed(session) == {CLIENT, OTHER, NOBODY}


def store(session: Session, scores: dict[uuid.UUID, float]) -> None:
    made = {client_id: ScoreMade(score, 0.0, 1.0, 40, None) for client_id, score in scores.items()}
    service.store_scores(session, made, dt.datetime.now(dt.UTC))


def test_filters_by_owner_score_and_time(session: Session, owner: uuid.UUID) -> None:
    ingest(
        session,
        client(owner_agent_id=str(owner), updated_at="2026-01-01T00:00:00Z"),
        client(OTHER, updated_at="2026-02-01T00:00:00Z"),
    )
    store(session, {CLIENT: 0.8, OTHER: 0.3})
    assert listed(session, owner_agent_id=owner) == {CLIENT}
    assert listed(session, min_score=0.8) == {CLIENT}
    assert listed(session, updated_since=dt.datetime(2026, 2, 1, tzinfo=dt.UTC)) == {OTHER}
    assert listed(session, client_id=[OTHER]) == {OTHER}
    assert [item.client_id for item in service.clients_of(session, owner)] == [CLIENT]
    assert list(service.some_clients(session, [OTHER, CLIENT, NOBODY])) == [CLIENT, OTHER]


def test_pages_show_each_client_once_while_others_arrive(session: Session) -> None:
    def numbered(i: int) -> uuid.UUID:
        return uuid.UUID(int=(4 << 76) + (8 << 60) + i)

    ingest(session, *(client(numbered(i), name="Omar") for i in range(10, 70, 10)))
    seen, cursor = [], None
    for new in (5, 25, 65, 75):
        page = service.list_clients(session, ClientFilter(limit=2, cursor=cursor, search="omar"))
        seen += [item.client_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        ingest(session, client(numbered(new), name="Omar"))
    assert seen == sorted(set(seen))
    assert {numbered(i) for i in range(10, 70, 10)} <= set(seen)
    assert numbered(5) not in seen


def test_a_stored_score_refreshes_the_document_once_and_leaves_the_profile_alone(session: Session) -> None:
    ingest(session, client(updated_at="2026-01-01T00:00:00Z"), client(OTHER))
    session.execute(text("DELETE FROM outbox"))
    store(session, {CLIENT: 0.123456, NOBODY: 0.5})
    store(session, {CLIENT: 0.123456})
    stored = service.get_client(session, CLIENT)
    assert stored.qualification_score == 0.123456
    assert stored.updated_at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert jobs(session, DOCUMENT_TOPIC) == [f"client:{CLIENT}"]
    assert jobs(session, "intelligence.score") == []
    store(session, {})


def test_documents_tell_wishes_and_never_contact_details(session: Session, owner: uuid.UUID) -> None:
    ingest(
        session,
        client(
            name="Omar Nasser",
            interest={"unit_types": ["villa"], "bedrooms": 4},
            location_targets=[{"area_id": AREA, "area_name": "Palm Harbour"}],
            objections=["handover date"],
            budget="1900000.00",
            phone="+12025550100",
            email="omar@example.com",
            owner_agent_id=str(owner),
        ),
    )
    [document] = service.documents(session, [str(CLIENT), str(NOBODY)])
    assert (document.layer, document.title, document.client_id) == ("client", "Omar Nasser", CLIENT)
    for words in ("Omar Nasser", "villa", "Palm Harbour", "handover date"):
        assert words in document.text
    assert document.fields["budget"] == "1900000.00"
    assert document.fields["location_targets"] == "area name Palm Harbour"
    told = f"{document.text} {document.fields}"
    assert "+12025550100" not in told
    assert "omar@example.com" not in told
