"""Pages are read through as one list, rows are sent in batches, and nothing is lost between two of them."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.sdk import Estate, errors
from estate.sdk.loading import BATCH_BYTES, BATCH_ROWS, STATUSES, LoadInterrupted

ID = "30000000-0000-4000-8000-000000000001"


def duplicate(n: int) -> dict[str, Any]:
    client = {"client_id": ID, "name": str(n), "n_history": n, "first_at": None}
    return {"keep": client, "merge": client, "agree": ["phone"], "confidence": "certain", "why": str(n)}


class Api:
    """An API with limits: it takes rows by what they say should become of them."""

    def __init__(self, *, max_rows: int = 10_000, max_bytes: int = 1 << 24, dies_at: int | None = None) -> None:
        self.taken: list[bytes] = []
        self.calls = 0
        self._limits = (max_rows, max_bytes)
        self._dies_at = dies_at

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.calls += 1
        if self.calls == self._dies_at:
            return problem(401)
        lines = request.content.split(b"\n")
        if len(lines) > self._limits[0] or len(request.content) > self._limits[1]:
            return problem(413)
        self.taken += lines
        fates = [json.loads(line).get("fate", "created") for line in lines]
        if set(fates) == {"rejected"}:
            told = [{"field": "fate", "message": "No.", "row": row} for row in range(len(lines))]
            return problem(422, errors=told[:100])
        items = [{"index": i, "id": str(i), "status": fate, "problem": "fate: No."} for i, fate in enumerate(fates)]
        return httpx2.Response(
            200, json={"batch_id": ID, "items": items} | {status: fates.count(status) for status in STATUSES}
        )

    def client(self) -> Estate:
        return Estate("http://estate.test", http=httpx2.MockTransport(self))


def problem(status: int, **more: Any) -> httpx2.Response:
    return httpx2.Response(status, json={"title": "No", "status": status, "detail": "No."} | more)


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_pages_of_any_size_are_one_list(sizes: list[int]) -> None:
    pages: list[Sequence[int]] = []
    for size in sizes:
        start = sum(map(len, pages))
        pages.append(range(start, start + size))

    def answer(request: httpx2.Request) -> httpx2.Response:
        at = int(request.url.params.get("cursor", "0"))
        more = str(at + 1) if at + 1 < len(pages) else None
        return httpx2.Response(200, json={"items": [duplicate(n) for n in pages[at]], "next_cursor": more})

    with Estate("http://estate.test", http=httpx2.MockTransport(answer)) as estate:
        found = estate.client.duplicates()
        assert [int(one.why) for one in found] == list(range(sum(sizes)))
        assert [len(page) for page in found.pages()] == sizes
        assert found.first() == next(iter(found.pages()))
        last = estate.client.duplicates(cursor=str(len(pages) - 1))
        assert [int(one.why) for one in last] == list(pages[-1])


def test_pages_are_fetched_only_as_they_are_read() -> None:
    asked: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.params.get("cursor"))
        return httpx2.Response(200, json={"items": [duplicate(1), duplicate(2)], "next_cursor": "more"})

    with Estate("http://estate.test", http=httpx2.MockTransport(answer)) as estate:
        found = estate.client.duplicates()
        assert asked == []
        for one, _ in zip(found, range(3), strict=False):
            assert one.confidence == "certain"
    assert asked == [None, "more"]


UNSENDABLE = object()
row = st.one_of(
    st.sampled_from(STATUSES).map(lambda fate: {"fate": fate}),
    st.just({"fate": UNSENDABLE}),
    st.just(b"two\nlines"),
    st.integers(1, 40).map(lambda n: {"text": "x" * n}),
)


@settings(deadline=None)
@given(rows=st.lists(row, max_size=40), max_rows=st.integers(1, 9), max_bytes=st.integers(30, 200))
def test_every_row_is_answered_for_once_within_any_limits(
    rows: list[dict[str, Any] | bytes], max_rows: int, max_bytes: int
) -> None:
    api, steps = Api(max_rows=max_rows, max_bytes=max_bytes), list[int]()
    with api.client() as estate:
        report = estate.agent.load(iter(rows), progress=steps.append)
    fates = [fate_of(one, max_bytes) for one in rows]
    assert report.rows == len(rows) == sum(steps)
    assert {status: asdict(report)[status] for status in STATUSES} == {s: fates.count(s) for s in STATUSES}
    refused = [(i, fate) for i, fate in enumerate(fates) if fate in ("rejected", "conflict")]
    assert [(one.index, one.status) for one in report.refused] == refused
    assert all(one.problem for one in report.refused)
    sent = [one for one in rows if isinstance(one, dict) and one.get("fate") is not UNSENDABLE]
    assert [json.loads(line) for line in api.taken] == [one for one in sent if len(json.dumps(one)) - 1 <= max_bytes]


def fate_of(one: dict[str, Any] | bytes, max_bytes: int) -> str:
    if isinstance(one, bytes) or one.get("fate") is UNSENDABLE or len(json.dumps(one)) - 1 > max_bytes:
        return "rejected"
    return str(one.get("fate", "created"))


def test_batches_are_as_large_as_they_may_be() -> None:
    api = Api()
    with api.client() as estate:
        assert estate.client.load({"n": n} for n in range(2 * BATCH_ROWS + 1)).created == 2 * BATCH_ROWS + 1
    assert api.calls == 3
    with api.client() as estate:
        estate.client.load({"note": "x" * (BATCH_BYTES * 2 // 7)} for _ in range(4))
    assert api.calls == 3 + 2


def test_what_an_answer_has_no_room_for_is_kept_elsewhere() -> None:
    with Api().client() as estate:
        report = estate.client.load({"fate": "rejected"} for _ in range(150))
    assert report.rejected == 150
    assert report.refused[0].problem == "fate: No."
    assert "GET /ingest/rejected" in report.refused[149].problem


def test_a_load_that_breaks_off_says_how_far_it_came() -> None:
    with Api(dies_at=2).client() as estate, pytest.raises(LoadInterrupted) as stopped:
        estate.property.load({"n": n} for n in range(BATCH_ROWS + 5))
    assert stopped.value.report.rows == stopped.value.report.created == BATCH_ROWS
    assert isinstance(stopped.value.__cause__, errors.Unauthorized)


def test_a_refusal_that_names_no_row_is_no_refusal_of_rows() -> None:
    with (
        Estate("http://estate.test", http=httpx2.MockTransport(lambda _: problem(422))) as estate,
        pytest.raises(LoadInterrupted),
    ):
        estate.market.load([{"n": 1}])


@pytest.mark.parametrize("items", [[], [{"index": 0, "id": None, "status": "created"}] * 3])
def test_an_answer_for_other_rows_interrupts_the_load(items: list[dict[str, Any]]) -> None:
    answer = {"batch_id": ID, "items": items} | dict.fromkeys(STATUSES, 0)
    network = httpx2.MockTransport(lambda _: httpx2.Response(200, json=answer))
    with Estate("http://estate.test", http=network) as estate, pytest.raises(LoadInterrupted) as stopped:
        estate.client.load([{"n": 1}, {"n": 2}])
    assert stopped.value.report.rows == 0
    assert isinstance(stopped.value.__cause__, errors.UnexpectedAnswer)


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False).filter(lambda value: abs(value.adjusted()) < 100)


@settings(deadline=None)
@given(DECIMALS)
def test_decimals_are_written_out_wherever_they_stand(value: Decimal) -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json={})

    with Estate("http://estate.test", http=httpx2.MockTransport(answer)) as estate:
        estate.request(
            "POST", "/new", params={"one": value, "many": [value]}, body={"a": value, "in": [{"b": (value,)}]}
        )
    body, params = json.loads(asked[0].content), asked[0].url.params
    written = [params["one"], params["many"], body["a"], body["in"][0]["b"][0]]
    assert [Decimal(one) for one in written] == [value] * 4
    assert "E" not in "".join(written)


def test_a_row_that_cannot_be_written_out_is_refused_alone() -> None:
    circle: dict[str, Any] = {}
    circle["in"] = circle
    api = Api()
    with api.client() as estate:
        report = estate.client.load([{"n": Decimal("1E+999999999")}, circle, {"n": 1}])
    assert api.taken == [b'{"n":"1E+999999999"}', b'{"n":1}']
    assert [one.index for one in report.refused] == [1]


def test_amounts_and_times_are_written_whole() -> None:
    api = Api()
    when = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with api.client() as estate:
        estate.behavior.load([{"value": Decimal("1200000.10"), "at": when}, b'  {"as it": "stands"}  '])
        estate.behavior.load_deals([{"n": 1}])
        estate.behavior.load_conversations([{"n": 2}])
    assert api.taken[0] == b'{"value":"1200000.10","at":"2026-01-01T00:00:00Z"}'
    assert api.taken[1] == b'{"as it": "stands"}'
