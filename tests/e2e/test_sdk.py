"""The client library against a running platform."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from tests.brokerage import AGENT, AREA, CLIENT, EMAIL, OTHER, PASSWORD, PROJECT, SECOND, UNIT, Brokerage
from tests.conftest import API_KEY
from tests.operations import OPERATIONS, Operation, snake

from estate.sdk import Estate, Pages, errors
from estate.sdk.models.gpt import Reply, Sentence

FILE = "Name,Mobile,Budget (AED),Agreed\nHuda Salem,+971501234567,1900000,yes\nKarim Adel,call his wife,2M,no\n"


class Wire(httpx2.HTTPTransport):
    """The network, and what it brought last."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = super().handle_request(request)
        answer.read()
        self.brought = answer.content
        return answer


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="module")
def estate(brokerage: Brokerage, wire: Wire) -> Iterator[Estate]:
    with Estate(brokerage.url, api_key=API_KEY, http=wire) as estate:
        yield estate


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.method == "GET"], ids=str)
def test_real_answers_arrive_whole(estate: Estate, wire: Wire, operation: Operation) -> None:
    known = {
        "agent_id": AGENT,
        "client_id": CLIENT,
        "area_id": AREA,
        "unit": f"{PROJECT}:{UNIT}",
        "unitA": f"{PROJECT}:{UNIT}",
        "unitB": f"{PROJECT}:{SECOND}",
    }
    if "{response_id}" in operation.path:
        asked = estate.gpt.respond("How is the market in Qamar Quay?", agent_id=AGENT, client_id=CLIENT)
        known["response_id"] = str(asked.response_id)
    if operation.path.startswith("/imports"):
        brought = estate.imports.bring(b"Name,Mobile\nHuda Salem,+971 50 123 4567\n", filename="leads.csv")
        known["import_id"] = str(brought.import_id)
    positional = [known[p["name"]] for p in operation.parameters("path")]
    required = {p["name"]: known[p["name"]] for p in operation.parameters("query") if p["required"]}
    answer = operation.of(estate)(*positional, **{snake(name): value for name, value in required.items()})
    if isinstance(answer, str):
        assert "estate_" in answer
        return
    told = (answer.first() if isinstance(answer, Pages) else answer).model_dump(mode="json")
    assert told == json.loads(wire.brought)
    if isinstance(answer, Pages):
        assert told["items"]


def test_a_file_is_brought_told_and_mended(estate: Estate) -> None:
    key = str(uuid.uuid4())
    brought = estate.imports.bring(FILE.encode(), filename="clients.csv", kind="clients", idempotency_key=key)
    again = estate.imports.bring(FILE.encode(), filename="clients.csv", kind="clients", idempotency_key=key)
    assert again.import_id == brought.import_id
    assert str(brought.import_id) in {str(one.import_id) for one in estate.imports.query(kind="clients")}
    phone = {"column": 1, "target": "phone"}
    told = estate.imports.mapping(brought.import_id, {"source": "crm", "owner_agent_id": AGENT, "columns": [phone]})
    assert (told.source, str(told.owner_agent_id)) == ("crm", AGENT)
    assert estate.imports.mapping(brought.import_id, {"owner_agent_id": None}).owner_agent_id is None
    bad = next(iter(estate.imports.rows(brought.import_id, status="rejected")))
    assert bad.problems
    mended = estate.imports.fix(brought.import_id, bad.line, cells=["Karim Adel", "+971501234568", "2M", "no"])
    assert mended.status == "waiting"
    with pytest.raises(errors.NotNow):
        estate.imports.undo(brought.import_id)
    with pytest.raises(errors.ImportNotFound):
        estate.imports.get(uuid.uuid4())


def test_a_client_is_called_or_skipped(estate: Estate) -> None:
    client = str(uuid.uuid4())
    estate.client.ingest({"client_id": client, "phone": "+971509999999"})
    logged = estate.client.contact(client, agent_id=AGENT, channel="call", outcome="refused")
    assert not logged.may_call.allowed
    skipped = estate.client.skip(client, agent_id=AGENT, reason="busy")
    assert skipped.skip.reason == "busy"
    assert [item.kind for item in estate.client.timeline(client)] == ["skip", "contact"]
    assert {one.reason for one in estate.client.skip_reasons()} >= {"busy"}


def test_pages_of_one_are_all_pages(estate: Estate) -> None:
    mine = estate.client.query(owner_agent_id=AGENT, limit=1)
    assert [len(page) for page in mine.pages()] == [1, 1]
    assert {str(client.client_id) for client in mine} == {CLIENT, OTHER}
    assert {client.budget for client in mine} == {Decimal("2500000.50")}


def test_one_key_is_one_effect(estate: Estate) -> None:
    row, key = {"area_id": AREA, "area_name": "Qamar Quay"}, str(uuid.uuid4())
    first = estate.market.ingest([row], idempotency_key=key)
    assert estate.market.ingest([row], idempotency_key=key).batch_id == first.batch_id
    assert estate.market.ingest([row]).batch_id != first.batch_id
    with pytest.raises(errors.Invalid):
        estate.market.ingest([row | {"area_name": "Elsewhere"}], idempotency_key=key)


def test_bad_rows_are_told_by_index_and_kept(estate: Estate) -> None:
    good = {"client_id": str(uuid.uuid4()), "name": "Good"}
    rows: list[Any] = [
        good,
        good | {"budget": -1},
        b'{"client_id": ',
        good | {"budget": float("nan")},
        {"name": object()},
    ]
    report = estate.client.load([*rows, {"client_id": str(uuid.uuid4())}])
    assert (report.created, report.rejected) == (2, 4)
    assert [row.index for row in report.refused] == [1, 2, 3, 4]
    assert "budget" in report.refused[0].problem
    kept = [row.raw for row, _ in zip(estate.ingest.rejected(layer="client", limit=2), range(3), strict=False)]
    assert '{"client_id":' in kept


def test_a_batch_of_bad_rows_is_told_row_by_row(estate: Estate) -> None:
    report = estate.behavior.load([{"client_id": "none"}, {"client_id": 1}])
    assert report.rejected == 2
    assert [row.problem.split(":")[0] for row in report.refused] == ["client_id", "client_id"]


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda estate: estate.client.qualification(uuid.uuid4()), errors.ClientNotFound),
        (lambda estate: estate.market.predict(area_id=uuid.uuid4()), errors.AreaNotFound),
        (lambda estate: estate.property.predict(unit=str(uuid.uuid4())), errors.UnitNotFound),
        (lambda estate: estate.gpt.responses(uuid.uuid4()), errors.ResponseNotFound),
        (lambda estate: estate.market.query(limit=0).first(), errors.Invalid),
        (lambda estate: estate.request("GET", "/nothing/here"), errors.NotFound),
        (lambda estate: estate.request("PUT", "/market/heatmap"), errors.ApiError),
    ],
)
def test_problems_are_exceptions(estate: Estate, call: Any, kind: type[errors.ApiError]) -> None:
    with pytest.raises(kind) as raised:
        call(estate)
    assert raised.value.request_id
    assert raised.value.hint


def test_a_reply_comes_in_sentences(estate: Estate) -> None:
    key = str(uuid.uuid4())
    asked = {"agent_id": AGENT, "client_id": CLIENT, "idempotency_key": key}
    parts = list(estate.gpt.respond_stream("How is the market in Qamar Quay?", **asked))
    assert [type(part) for part in parts] == [Sentence] * (len(parts) - 1) + [Reply]
    assert len(parts) > 1
    again = list(estate.gpt.respond_stream("How is the market in Qamar Quay?", **asked))
    assert again == parts[-1:]
    with pytest.raises(errors.Invalid):
        list(estate.gpt.respond_stream("", agent_id=AGENT))


def test_a_person_logs_in_and_out(brokerage: Brokerage) -> None:
    with pytest.raises(errors.Unauthorized):
        Estate.login(brokerage.url, EMAIL, "a wrong password")
    with Estate.login(brokerage.url, EMAIL, PASSWORD) as person:
        assert person.auth.me().role == "read_only"
        with Estate(brokerage.url, session=person.session) as again:
            assert again.auth.me().caller == person.auth.me().caller
            with pytest.raises(errors.Forbidden):
                again.market.ingest([])
            assert again.auth.logout().logged_out
        assert again.session is None


def test_many_threads_share_one_client(estate: Estate) -> None:
    rows = [{"client_id": str(uuid.uuid4()), "name": str(n)} for n in range(64)]

    def there_and_back(row: dict[str, str]) -> str | None:
        assert estate.client.ingest([row]).created == 1
        return next(iter(estate.client.query(client_id=row["client_id"]))).name

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(there_and_back, rows)) == [row["name"] for row in rows]


def test_a_wrong_key_is_unauthorized(brokerage: Brokerage) -> None:
    with Estate(brokerage.url, api_key="wrong") as stranger, pytest.raises(errors.Unauthorized) as raised:
        stranger.market.heatmap()
    assert "ESTATE_API_KEY" in raised.value.hint
