"""Imports: the list, the way in, and one import from the first question to the undo."""

import re
from collections.abc import Mapping
from typing import Any, get_args

import httpx2
import pytest
from fastapi import FastAPI
from htpy import div
from starlette.requests import Request
from starlette.testclient import TestClient
from tests.unit.console.asked import HOSTILE, Api, page_of
from tests.unit.console.told import AGENT, AT, IMPORT, column, counts, imported, row, view

from estate.console.actions import Sent
from estate.console.page import Sheet
from estate.console.pages import import_words as words
from estate.console.pages import imports as module
from estate.console.pages.import_actions import commit, fix, mapping, said_of, shown, undo
from estate.console.pages.import_steps import one_import
from estate.console.pages.imports import imports
from estate.console.session import PLAIN_NAME, SECURE_NAME, session_of
from estate.core.settings import get_console_settings
from estate.intake.analytics.columns import NUMERIC
from estate.intake.analytics.targets import KINDS, TARGETS, UNITS
from estate.intake.schemas import RowStatus, State
from estate.sdk import Estate
from estate.sdk.models.agent import Agent
from estate.sdk.models.imports import Column

PLACE = f"/imports/{IMPORT}"
QUESTION = {
    "column": 0,
    "header": "Budget",
    "target": "budget",
    "question": "decimal",
    "options": [{"value": ".", "meaning": "1.250 is 1.250"}, {"value": ",", "meaning": "1.250 is 1250"}],
    "rows": 5,
}


USER = {"role": "agent", "agent_id": None, "team_id": None, "team": None, "state": "active", "created_at": AT} | {
    "disabled_at": None,
    "last_session_at": None,
}
COUNTED = {"updated_at": AT, "currency": "AED", "event_count": 0, "response_count": 0, "response_seconds_total": 0.0}


def drawn(sheet: Sheet) -> str:
    return "".join(map(_text, [sheet.content]))


def _text(node: Any) -> str:
    return "".join(map(_text, node)) if isinstance(node, list | tuple) else "" if node is None else str(node)


def shown_import(found: Mapping[str, Any], *rows: Any, role: str = "agent", **query: str) -> tuple[Sheet, Api]:
    answers = {f"GET {PLACE}": found, f"GET {PLACE}/rows": page_of(*rows), "GET /agent/query": page_of()}
    api = Api(answers)
    return one_import(api.estate, view(PLACE, role, {"import_id": IMPORT}, **query)), api


# Words


def test_every_field_that_a_column_can_go_to_has_a_name() -> None:
    assert {kind: set(fields) for kind, fields in words.FIELDS.items()} == {kind: set(TARGETS[kind]) for kind in KINDS}


def test_a_column_is_asked_what_its_field_can_be_told() -> None:
    for kind, fields in words.FIELDS.items():
        for name, known in fields.items():
            how = TARGETS[kind][name].how  # type: ignore[index]
            asks = {"decimal"} if how in NUMERIC else set()
            asks |= {"unit"} if how in UNITS else set()
            asks |= {"percent"} if how == "share" else set()
            asks |= {"date_order", "day_numbers"} if how in ("day", "period") else set()
            asks |= {"region"} if how == "phone" else set()
            assert set(known.asks) == asks, f"{kind} {name}"


def test_every_state_of_an_import_and_of_a_row_has_words() -> None:
    assert set(words.STATES) == set(get_args(State))
    assert set(words.BECAME) == set(get_args(RowStatus))


@pytest.mark.parametrize(
    ("decided", "by", "target", "stated", "said"),
    [
        ({"decimal": ","}, words.STATED, "budget", {"decimal": ","}, "Comma (1.250,5). Somebody said so."),
        ({"decimal": ","}, "16 of its values.", "budget", {}, "Comma (1.250,5). 16 of its values."),
        ({"unit": 0.09290304}, words.STATED, "area_sqm", {"unit": "sqft"}, "Square feet. Somebody said so."),
        ({"unit": 60.0}, words.STATED, "avg_response_time", {"unit": "minutes"}, "Minutes. Somebody said so."),
        ({"region": "EG"}, words.STATED, "phone", {"region": "EG"}, "Numbers of EG (+20). Somebody said so."),
        (
            {"percent": True},
            "Some are above 1.",
            "closing_rate",
            {},
            "Out of a hundred (0.5 is 0.5 %). Some are above 1.",
        ),
        (
            {"percent": False},
            words.STATED,
            "closing_rate",
            {"percent": "one"},
            "Shares of one (0.5 is 50 %). Somebody said so.",
        ),
        ({"times": 1_000}, "Its header names it.", "budget", {}, "Times 1,000. Its header names it."),
    ],
)
def test_how_a_column_is_read_in_words_and_as_it_is_sent_again(
    decided: dict[str, Any], by: str, target: str, stated: dict[str, str], said: str
) -> None:
    one = Column.model_validate(column(target=target, decided=decided, decided_by=dict.fromkeys(decided, by)))
    assert words.stated_answers(one) == stated
    assert list(words.read_as(one)) == [said]


# What is sent


def test_columns_are_said_as_a_whole_and_empty_fields_say_nothing() -> None:
    fields = {"target_3": "-", "decimal_3": ",", "region_12": "ae", "unit_12": "", "target_12": "", "other_1": "x"}
    assert said_of(fields) == {
        "columns": [{"column": 3, "target": None, "decimal": ","}, {"column": 12, "region": "AE"}]
    }


def test_an_empty_field_of_the_file_takes_back_what_was_said() -> None:
    said = said_of({"encoding": "", "delimiter": "\t", "header_line": "0", "currency": "egp"})
    assert said == {"encoding": None, "delimiter": "\t", "header_line": 0, "currency": "EGP"}


def test_the_kind_goes_along_only_when_it_is_another_one() -> None:
    assert said_of({"kind": "clients", "was_kind": "clients"}) == {}
    assert said_of({"kind": "units", "was_kind": "clients"}) == {"kind": "units"}
    assert said_of({"kind": "", "was_kind": "clients"}) == {"kind": None}


def test_a_mapping_is_sent_under_the_key_of_the_browser() -> None:
    api = Api({f"POST {PLACE}/mapping": imported()})
    done = mapping(api.estate, Sent({"import_id": IMPORT, "decimal_0": ","}, "key-1"))
    assert (api.sent(), api.last_key) == ({"columns": [{"column": 0, "decimal": ","}]}, "key-1")
    assert (done.said, done.go) == ("Checked again: 28 rows ready, 2 rejected.", "")


def test_a_mended_row_keeps_the_order_of_its_cells_and_numbers_that_nobody_touched() -> None:
    api = Api({f"POST {PLACE}/rows/7": row(status="created")})
    fields = {f"cell_{at}": value for at, value in enumerate(("a", "1250.5", "12", "", "true", "x\ny"))}
    was = {"was_1": "1250.5", "was_2": "11", "was_3": "null", "was_4": "true", "was_5": '"x\\r\\ny"'}
    done = fix(api.estate, Sent({"import_id": IMPORT, "line": "7", **was, **fields}, "key-2"))
    assert api.sent() == {"cells": ["a", 1250.5, "12", None, True, "x\r\ny"]}
    assert (api.last_key, done.said) == ("key-2", "Line 7 is created.")


def test_a_row_that_is_still_wrong_says_why() -> None:
    wrong = [{"column": "Budget", "field": "budget", "message": "is no number"}]
    api = Api({f"POST {PLACE}/rows/7": row(problems=wrong)})
    assert fix(api.estate, Sent({"import_id": IMPORT, "line": "7"}, "k")).said == "Line 7 is rejected: is no number."


@pytest.mark.parametrize(("act", "name"), [(commit, "commit"), (undo, "undo")])
def test_taking_and_taking_back_happen_once(act: Any, name: str) -> None:
    api = Api({f"POST {PLACE}/{name}": imported()})
    assert act(api.estate, Sent({"import_id": IMPORT}, "key-3")).go == ""
    assert (api.paths, api.last_key) == ([f"{PLACE}/{name}"], "key-3")


@pytest.mark.parametrize(("cell", "written"), [(None, ""), ("2M", "2M"), (54.5, "54.5"), (3, "3"), (True, "true")])
def test_cells_are_written_as_they_may_be_changed(cell: Any, written: str) -> None:
    assert shown(cell) == written


# One import


def test_the_counts_are_an_equation_whose_terms_open_their_rows() -> None:
    sheet, _ = shown_import(imported())
    html = drawn(sheet)
    terms = re.findall(r'data-sign="(.)"><dt>(\w+)</dt><dd><a href="([^"]+)">(\d+)</a>', html)
    assert terms == [
        (sign, name, f"{PLACE}?status={status}#rows", n)
        for sign, name, status, n in (
            ("=", "Created", "created", "0"),
            ("+", "Updated", "updated", "0"),
            ("+", "Unchanged", "unchanged", "0"),
            ("+", "Rejected", "rejected", "2"),
            ("+", "Ignored", "ignored", "6"),
            ("+", "Ready", "waiting", "28"),
        )
    ]
    assert "<dt>Read</dt><dd>36</dd>" in html
    assert "adds up" in html
    assert "does not add up" not in html


def test_counts_that_do_not_add_up_say_so() -> None:
    assert "does not add up" in drawn(shown_import(imported(adds_up=False))[0])


def test_what_was_found_is_told_with_its_reasons() -> None:
    html = drawn(shown_import(imported(remembered=True))[0])
    for said in ("Windows Arabic (1256)", "not sure", "The bytes stand in runs.", "Semicolon", "Line 3", "95 % sure"):
        assert said in html
    assert "What was said of an earlier file with the same header was taken over." in html


def test_questions_come_first_and_send_what_was_said_before() -> None:
    one = column(decided={"unit": 0.09290304}, decided_by={"unit": words.STATED}, target="area_sqm", bad_values="empty")
    html = drawn(shown_import(imported(columns=[one], questions=[QUESTION]), row())[0])
    form = html[html.index('id="questions"') : html.index('id="found"')]
    assert 'type="radio" name="decimal_0" value=","' in form
    assert 'type="hidden" name="unit_0" value="sqft"' in form
    assert 'type="hidden" name="bad_values_0" value="empty"' in form
    assert 'name="target_0"' not in form
    assert 'data-action="import_commit"' not in html
    assert 'data-action="import_fix"' not in html


def test_a_column_that_is_not_what_its_name_says_is_asked_about_once_and_the_answer_is_kept() -> None:
    options = [{"value": "refuse", "meaning": "rows are refused"}, {"value": "empty", "meaning": "it stays empty"}]
    asked = {**QUESTION, "question": "bad_values", "options": options}
    html = drawn(shown_import(imported(questions=[asked]))[0])
    assert html.count('name="bad_values_0"') == len(options)
    assert words.QUESTIONS["bad_values"] in html
    answered = drawn(shown_import(imported())[0])
    assert '<option value="refuse" selected>Its row is rejected</option>' in answered


def test_a_question_without_options_is_a_field() -> None:
    asked = {**QUESTION, "column": None, "header": None, "target": None, "question": "observed_on", "options": []}
    html = drawn(shown_import(imported(kind="market", questions=[asked]), role="admin")[0])
    assert re.search(r'<input name="observed_on" type="date" required>', html)


def test_a_column_shows_what_a_person_said_and_otherwise_what_was_found() -> None:
    found, said = column(0), column(1, target=None, why=words.STATED)
    html = drawn(shown_import(imported(columns=[found, said]))[0])
    assert '<option value="" selected>Found: Budget</option>' in html
    assert '<option value="-" selected>No field</option>' in html


def test_a_rejected_row_is_mended_in_place_with_the_cell_that_is_wrong() -> None:
    wrong = [{"column": "Budget", "field": "budget", "message": "is no number"}]
    one = row(cells=["2 or 3M", "too much"], problems=wrong)
    sheet, api = shown_import(imported(), one, status="rejected")
    html = drawn(sheet)
    assert api.asked[-1].url.params["status"] == "rejected"
    assert f'data-draft="import-{IMPORT}-7"' in html
    assert re.search(r'aria-invalid="true"[^>]*value="2 or 3M"|value="2 or 3M"[^>]*aria-invalid="true"', html)
    assert "Budget: is no number" in html
    assert '<span dir="auto">too much</span>' in html


def test_a_row_of_an_import_that_is_taken_back_is_mended_no_more() -> None:
    for state, may in (("committed", True), ("undone", False), ("committing", False)):
        html = drawn(shown_import(imported(state=state, committed_at=AT), row())[0])
        assert ('data-action="import_fix"' in html, 'href="#line-7"' in html) == (may, may)


def test_a_cell_of_several_lines_keeps_them() -> None:
    html = drawn(shown_import(imported(), row(cells=["\nfirst\nsecond"]))[0])
    assert ">\n\nfirst\nsecond</textarea>" in html


def test_names_of_files_headers_and_cells_are_escaped() -> None:
    html = drawn(shown_import(imported(columns=[column(header=HOSTILE)]), row(cells=[HOSTILE]))[0])
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;") >= 3


def test_an_agent_is_told_who_may_take_units() -> None:
    html = drawn(shown_import(imported(kind="units", columns=[]))[0])
    assert "Your role takes clients only. Ask an administrator" in html
    assert "import_commit" not in html
    assert 'data-action="import_commit"' in drawn(shown_import(imported(kind="units"), role="admin")[0])


def test_a_manager_is_asked_whose_the_clients_are() -> None:
    agent = dict.fromkeys(Agent.model_fields) | COUNTED | {"agent_id": AGENT, "name": "عمر ناصر"}
    answers = {f"GET {PLACE}": imported(), f"GET {PLACE}/rows": page_of(), "GET /agent/query": page_of(agent)}
    html = drawn(one_import(Api(answers).estate, view(PLACE, "manager", {"import_id": IMPORT})))
    assert "Whose clients are they?" in html
    assert "عمر ناصر" in html
    answers[f"GET {PLACE}"] = imported(owner_agent_id=AGENT)
    again = drawn(one_import(Api(answers).estate, view(PLACE, "manager", {"import_id": IMPORT})))
    assert "Whose clients are they?" not in again


@pytest.mark.parametrize(
    ("state", "live"), [("committing", 2.0), ("undoing", 2.0), ("read", None), ("committed", None)]
)
def test_the_page_is_live_only_while_something_moves(state: str, live: float | None) -> None:
    assert shown_import(imported(state=state, committed_at=AT))[0].live_s == live


def test_progress_is_told_in_rows_and_records() -> None:
    html = drawn(shown_import(imported(state="committing", counts=counts(read=30, waiting=10, created=20)))[0])
    assert '<progress value="20" max="30" aria-label="Rows taken">' in html
    undo = {"waiting": 6, "restored": 1, "removed": 2, "kept": 1}
    assert '<progress value="4" max="10"' in drawn(shown_import(imported(state="undoing", undo=undo))[0])


def test_the_same_file_again_changes_nothing_and_says_so() -> None:
    again = imported(state="committed", committed_at=AT, counts=counts(read=30, unchanged=30))
    html = drawn(shown_import(again)[0])
    assert "Nothing changed: every row that was taken says what is stored already." in html
    assert "30 unchanged" in html
    assert 'data-action="import_undo"' not in html


def test_an_import_of_which_nothing_was_taken_says_so() -> None:
    html = drawn(shown_import(imported(state="committed", committed_at=AT, counts=counts(read=3, rejected=3)))[0])
    assert "No row was taken." in html
    assert "Nothing changed" not in html


@pytest.mark.parametrize(
    ("until", "said", "may"),
    [("2999-01-01T00:00:00Z", "Possible until", True), (None, "for good", True), (AT, "no longer kept", False)],
)
def test_an_undo_says_until_when(until: str | None, said: str, may: bool) -> None:
    taken = imported(state="committed", committed_at=AT, counts=counts(read=3, created=3), undo_until=until)
    html = drawn(shown_import(taken)[0])
    assert said in html
    assert ('data-action="import_undo"' in html) is may


def test_what_an_undo_did_is_told_row_by_row() -> None:
    undo = {"waiting": 0, "restored": 4, "removed": 5, "kept": 1}
    back, kept = row(8, status="created", undone="back"), row(9, status="updated", undone="somebody changed it since")
    html = drawn(shown_import(imported(state="undone", undone_at=AT, undo=undo), back, kept)[0])
    assert re.search(r'Restored</span><span class="stat-value">4<', html)
    assert re.search(r'Removed</span><span class="stat-value">5<', html)
    assert re.search(r'Kept</span><span class="stat-value">1<', html)
    assert "somebody changed it since" in html
    assert "brought again" in html


# The list and the way in


def test_the_list_tells_states_in_words_and_who_brought_what() -> None:
    mine, other = imported(filename=HOSTILE), imported(state="undone", created_by=AGENT, kind=None)
    users = page_of({"user_id": AGENT, "name": "هدى", "email": "h@example.com"} | USER)
    api = Api({"GET /imports": page_of(mine, other), "GET /system/users": users})
    html = drawn(imports(api.estate, view("/imports", "admin", state="read")))
    assert api.asked[0].url.params["state"] == "read"
    for said in ("Checked, not taken yet", "Taken back", ">You<", "هدى", f'href="{PLACE}"'):
        assert said in html
    assert HOSTILE not in html


def test_an_agent_asks_for_no_users_and_sees_how_to_begin() -> None:
    api = Api({"GET /imports": page_of()})
    html = drawn(imports(api.estate, view("/imports")))
    assert api.paths == ["/imports"]
    assert "No file was brought yet." in html
    assert '<option value="units">Units</option>' not in html[: html.index('role="search"')]
    assert "No import matches" in drawn(imports(api.estate, view("/imports", kind="units")))


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> tuple[TestClient, Api, dict[str, Any]]:
    answers: dict[str, Any] = {"POST /imports": imported()}
    api = Api(answers)

    def estate_of(request: Request) -> Estate:
        assert session_of(request) == "t"
        return api.estate

    monkeypatch.setattr(module, "estate_of", estate_of)
    limited = get_console_settings().model_copy(update={"import_max_bytes": 10})
    monkeypatch.setattr(module, "get_console_settings", lambda: limited)
    app = FastAPI()
    module.register(app)
    client = TestClient(app, cookies={PLAIN_NAME: "t", SECURE_NAME: "t"})
    return client, api, answers


def test_a_file_is_handed_on_as_it_is(browser: tuple[TestClient, Api, dict[str, Any]]) -> None:
    client, api, _ = browser
    answer = client.post("/imports/bring?filename=a.csv&kind=", content=b"\xff\xfea;b", headers={"X-Key": "key-4"})
    assert answer.json() == {"go": PLACE}
    asked = api.asked[-1]
    assert (asked.content, dict(asked.url.params), api.last_key) == (b"\xff\xfea;b", {"filename": "a.csv"}, "key-4")


def test_a_file_over_the_limit_is_not_handed_on(browser: tuple[TestClient, Api, dict[str, Any]]) -> None:
    client, api, _ = browser
    whole = client.post("/imports/bring?filename=a.csv", content=b"x" * 11, headers={"X-Key": "k"})
    parts = client.post("/imports/bring?filename=a.csv", content=iter([b"x" * 6, b"x" * 5]), headers={"X-Key": "k"})
    assert (whole.status_code, parts.status_code, api.asked) == (413, 413, [])


def test_what_the_api_has_against_a_file_is_told(browser: tuple[TestClient, Api, dict[str, Any]]) -> None:
    client, _, answers = browser
    answers["POST /imports"] = httpx2.Response(
        422, json={"type": "urn:estate:problem:invalid", "title": "No", "status": 422, "detail": "The file is empty."}
    )
    answer = client.post("/imports/bring?filename=a.csv", content=b" ", headers={"X-Key": "k"})
    assert (answer.status_code, answer.json()["detail"]) == (422, "The file is empty.")
    assert answer.json()["hint"] == ""


def test_a_file_needs_a_session_and_a_key(browser: tuple[TestClient, Api, dict[str, Any]]) -> None:
    client, api, _ = browser
    assert client.post("/imports/bring?filename=a.csv", content=b"x").status_code == 400
    client.cookies.clear()
    assert client.post("/imports/bring?filename=a.csv", content=b"x", headers={"X-Key": "k"}).status_code == 401
    assert api.asked == []


def test_countries_are_told_with_their_codes() -> None:
    assert str(div[words.country("AE")]) == '<div><span data-region="AE">AE</span> (+971)</div>'
    assert str(div[words.country("XX")]) == '<div><span data-region="XX">XX</span></div>'
