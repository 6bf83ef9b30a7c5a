"""Search documents follow the records, and the retriever finds them by what a question says."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from estate.core.db import unit_of_work
from estate.core.errors import Invalid
from estate.core.outbox import Claim
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.market.models import MarketInsight
from estate.realestate_gpt import crud, retriever
from estate.realestate_gpt.models import Document
from estate.realestate_gpt.records import LAYERS
from estate.realestate_gpt.retrieval.dense import HashingEmbedder, literal
from estate.realestate_gpt.retrieval.lexical import LexicalIndex
from estate.realestate_gpt.tasks import document

ODD = ("", "   ", "the of", "?!", "'; DROP TABLE documents; --", "\\", "𝕏𝕐ℤ ١٢٣", "a" * 5_000)
NAMES = ("Qamar Quay", "Zafran Heights", "Noorah Gardens", "واحة المها")


def area(name: str) -> dict[str, str]:
    return {"area_id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)), "area_name": name, "price_avg": "1000000.00"}


def agent(name: str) -> dict[str, str]:
    return {"agent_id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)), "name": name}


@pytest.fixture
def areas(api: TestClient) -> list[dict[str, str]]:
    rows = [area(name) for name in NAMES]
    assert api.post("/market/ingest", json=rows).status_code == 200
    return rows


def stored(session: Session) -> dict[str, Document]:
    return {d.record_id: d for d in session.scalars(select(Document).where(Document.layer == "market"))}


def test_document_follows_its_record(
    api: TestClient, areas: list[dict[str, str]], drain: Callable[[], int], session: Session
) -> None:
    drain()
    before = {key: d.version for key, d in stored(session).items()}
    assert {row["area_id"] for row in areas} <= before.keys()

    renamed = areas[0] | {"area_name": "Lantern Bay"}
    assert api.post("/market/ingest", json=[renamed, areas[1]]).status_code == 200
    drain()
    session.expire_all()
    after = stored(session)
    assert after[renamed["area_id"]].title == "Lantern Bay"
    assert after[renamed["area_id"]].version == before[renamed["area_id"]] + 1
    untouched = areas[2]["area_id"]
    assert after[untouched].version == before[untouched]


def test_same_content_keeps_its_version(areas: list[dict[str, str]], session: Session) -> None:
    claims = [Claim(i, f"market:{row['area_id']}", {}) for i, row in enumerate(areas)]
    document(session, claims)
    document(session, [*claims, *claims])
    assert {d.version for d in stored(session).values()} == {1}


def test_document_of_a_record_that_is_gone_is_removed(session: Session) -> None:
    gone = str(uuid.uuid4())
    row: dict[str, Any] = {
        "layer": "market",
        "record_id": gone,
        "title": "x",
        "text": "x",
        "fields": {},
        "client_id": None,
    }
    crud.store_documents(session, [row | {"content_hash": b"x"}])
    document(session, [Claim(1, f"market:{gone}", {})])
    assert gone not in stored(session)


def test_unknown_layer_is_an_error(session: Session) -> None:
    with pytest.raises(ValueError, match="layer"):
        document(session, [Claim(1, "weather:1", {})])


@pytest.mark.parametrize("name", NAMES)
def test_area_is_found_by_its_name_before_it_was_indexed(
    areas: list[dict[str, str]], session: Session, name: str
) -> None:
    [found] = retriever(f"How is the market in {name}?", session=session)
    assert (found.layer, found.id, found.score) == ("market", area(name)["area_id"], 1.0)
    assert found.fields["area_name"] == name


@pytest.mark.parametrize("query", ["quay market", "the quays", "QUAY??", "' | & ! quay:* <-> ("])
def test_area_is_found_by_a_word(
    areas: list[dict[str, str]], drain: Callable[[], int], session: Session, query: str
) -> None:
    drain()
    found = retriever(query, layers=["market"], session=session)
    assert found[0].fields["area_name"] == "Qamar Quay"
    assert 0 < found[0].score < 1


@pytest.mark.parametrize(
    "query", ["", "   ", "the of", "?!", "'; DROP TABLE documents; --", "\\", "𝕏𝕐ℤ ١٢٣", "a" * 5_000]
)
def test_odd_query_is_safe(areas: list[dict[str, str]], drain: Callable[[], int], session: Session, query: str) -> None:
    drain()
    assert all(record.layer in LAYERS for record in retriever(query, session=session))


def test_sql_ranks_as_the_index_in_memory(api: TestClient, drain: Callable[[], int], session: Session) -> None:
    people = [agent(name) for name in ("Layla Haddad", "Layla Omar Saleh", "Omar Haddad", "Sami Khalil")]
    assert api.post("/agent/ingest", json=people).status_code == 200
    drain()
    wanted = {person["agent_id"] for person in people}
    texts = {r: f"Sales agent {t}" for r, t in session.execute(select(Document.record_id, Document.title))}
    query = "layla omar haddad"
    expected = [key for key, _ in LexicalIndex(texts).search(query, 10) if key in wanted]
    found = [r.id for r in retriever(query, layers=["agent"], session=session) if r.id in wanted]
    assert len(found) == 3
    assert found[0] == expected[0]
    assert set(found) == set(expected)


def test_one_layer_does_not_crowd_out_another(
    api: TestClient, areas: list[dict[str, str]], drain: Callable[[], int], session: Session
) -> None:
    assert api.post("/agent/ingest", json=[agent(f"Quay Seller {i}") for i in range(30)]).status_code == 200
    drain()
    found = retriever("quay", layers=["market", "agent"], limit=6, session=session)
    assert len(found) == 6
    assert "market" in {record.layer for record in found}


def test_fields_are_those_of_now(areas: list[dict[str, str]], drain: Callable[[], int], session: Session) -> None:
    drain()
    row = session.get_one(MarketInsight, uuid.UUID(areas[0]["area_id"]))
    row.sales_volume = 77
    session.flush()
    assert retriever("quay", layers=["market"], session=session)[0].fields["sales_volume"] == 77


def test_limits(areas: list[dict[str, str]], session: Session) -> None:
    assert len(retriever(" ".join(NAMES), limit=2, session=session)) == 2
    wrongs: tuple[dict[str, Any], ...] = ({"limit": 0}, {"layers": ["weather"]})
    for wrong in wrongs:
        with pytest.raises(Invalid):
            retriever("x", session=session, **wrong)


@pytest.fixture
def with_vectors(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    if not crud.has_embeddings(session):
        pytest.skip("this PostgreSQL has no pgvector")
    monkeypatch.setenv("ESTATE_EMBEDDER", "hashing")
    get_settings.cache_clear()
    yield session
    monkeypatch.undo()
    get_settings.cache_clear()


def test_a_misspelt_name_is_found(areas: list[dict[str, str]], drain: Callable[[], int], session: Session) -> None:
    drain()
    found = retriever("Zafrann Hieghts", layers=["market"], session=session)
    assert found[0].fields["area_name"] == "Zafran Heights"


def test_vectors_find_what_is_alike(areas: list[dict[str, str]], with_vectors: Session) -> None:
    document(with_vectors, [Claim(i, f"market:{row['area_id']}", {}) for i, row in enumerate(areas)])
    found = retriever("Zafranheights", layers=["market"], session=with_vectors)
    assert found[0].fields["area_name"] == "Zafran Heights"


def test_the_index_and_the_comparison_of_all_find_the_same_within_a_filter(
    areas: list[dict[str, str]], api: TestClient, with_vectors: Session
) -> None:
    people = [agent(f"Agent {i}") for i in range(300)]
    assert api.post("/agent/ingest", json=people).status_code == 200
    keys = [f"market:{row['area_id']}" for row in areas] + [f"agent:{row['agent_id']}" for row in people]
    document(with_vectors, [Claim(i, key, {}) for i, key in enumerate(keys)])
    embedder = HashingEmbedder()
    vector = literal(embedder.embed(["Agent 17 of Qamar Quay"])[0])
    exact, indexed = (
        crud.nearest(with_vectors, vector, embedder.name, ["market"], 3, exact_most=most, ef_search=10)
        for most in (1_000, 0)
    )
    assert len(exact) == 3
    assert [near for _, near in exact] == pytest.approx([near for _, near in indexed])
    assert {key[0] for key, _ in exact} == {"market"}


def test_a_named_client_brings_its_deals_and_only_to_who_sees_it(
    api: TestClient, drain: Callable[[], int], session: Session
) -> None:
    seller, other, client, deal = (str(uuid.uuid4()) for _ in range(4))
    rows = [{"agent_id": seller, "name": "Omar Saleh"}, {"agent_id": other, "name": "Rania Novak"}]
    assert api.post("/agent/ingest", json=rows).status_code == 200
    body = [{"client_id": client, "name": "Layla Haddad", "owner_agent_id": seller}]
    assert api.post("/client/ingest", json=body).status_code == 200
    stated = {"deal_id": deal, "agent_id": seller, "client_id": client, "stage": "negotiation"}
    assert api.post("/behavior/deal", json=stated).status_code in (200, 202)
    drain()
    session.commit()
    for who, seen in ((seller, True), (other, False)):
        with unit_of_work(Actor("agent", uuid.UUID(who), None, who), read_only=True) as asking:
            for name in ("Layla Haddad", "Laila Hadadd"):
                found = {record.key for record in retriever(f"Where do we stand with {name}?", session=asking)}
                assert (("client", client) in found) is seen
                assert (("behavior", deal) in found) is (seen and name == "Layla Haddad")


def test_a_unit_is_found_by_what_it_may_cost(api: TestClient, areas: list[dict[str, str]], session: Session) -> None:
    project, cheap, dear = (str(uuid.uuid4()) for _ in range(3))
    common = {"project_id": project, "bedrooms": 2, "area_id": areas[0]["area_id"], "status": "available"}
    units = [common | {"unit_id": cheap, "price": "900000"}, common | {"unit_id": dear, "price": "1900000"}]
    assert api.post("/property/ingest", json=units).json()["rejected"] == 0
    found = {r.id for r in retriever("2-bedroom flat in Qamar Quay under AED 1 million", session=session)}
    assert f"{project}:{cheap}" in found
    assert f"{project}:{dear}" not in found
