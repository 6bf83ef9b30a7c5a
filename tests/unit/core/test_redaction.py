"""Personal data and secrets do not leave in log lines: hidden by field, by shape, as words of an exception."""

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from estate.core.context import request_id, working_for
from estate.core.errors import NotFound
from estate.core.logs import configure_logging
from estate.core.redaction import HIDDEN, describe, redact, said, scrub
from estate.core.settings import Settings, get_settings

NAME, PHONE, MAIL, BUDGET = "Zubaydah Qanari", "+971 50 765 4321", "zubaydah@qanari.example", "AED 7,654,321"
CANARIES = (NAME, PHONE, MAIL, BUDGET)
PAYLOAD_74 = 'x\r\n{"event": "request", "status": 200}\u2028\x85\x0b'

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What the configured loggers wrote since, one JSON object a line."""
    root, written = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    configure_logging(Settings())
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:], root.level = before


@pytest.mark.parametrize(
    "canary", [PHONE, MAIL, BUDGET, "00971507654321", "(050) 765 4321 99", "7,654,321", "7.5m AED"]
)
def test_what_has_a_shape_is_hidden_in_any_text(canary: str) -> None:
    assert scrub(f"asked for {canary} today") == f"asked for {HIDDEN} today"


@pytest.mark.parametrize(
    "text",
    [
        "Uvicorn running on http://127.0.0.1:8000",
        "Task estate.drain[5cb90a77-a99f-491f-81b9-054b835ed909] succeeded in 0.0123456789s: 12",
        "3 of 120 rows, HTTP 503, sqlstate 23505",
    ],
)
def test_what_helps_at_night_is_not_hidden(text: str) -> None:
    assert scrub(text) == text


def test_secrets_are_hidden_wherever_they_stand() -> None:
    key = get_settings().bootstrap_api_key
    assert key is not None
    assert key.get_secret_value() not in scrub(f"x{key.get_secret_value()}y")
    assert scrub("redis://:hunter2@host:6379/0") == f"redis://{HIDDEN}host:6379/0"
    assert scrub("X-API-Key: abcdef") == HIDDEN
    assert scrub("Authorization: Bearer abc.def") == HIDDEN
    assert scrub("sent bearer abc.def") == f"sent {HIDDEN}"


def test_a_field_is_shown_only_if_somebody_thought_of_it() -> None:
    assert redact({"topic": "behavior.fold", "rows": 3, "client": NAME, "budget": 7654321}) == {
        "topic": "behavior.fold",
        "rows": 3,
        "client": HIDDEN,
        "budget": HIDDEN,
    }


def test_an_exception_is_told_by_type_and_place() -> None:
    try:
        try:
            raise KeyError(NAME)
        except KeyError as cause:
            raise ValueError(f"{NAME} {BUDGET}") from cause
    except ValueError as error:
        told = describe(error)
    assert "builtins.ValueError" in told
    assert "builtins.KeyError" in told
    assert "test_an_exception_is_told_by_type_and_place" in told
    assert NAME not in told
    assert "7,654,321" not in told


def test_our_own_sentences_and_codes_of_the_database_are_told() -> None:
    assert describe(NotFound("No client has this id.")) == "estate.core.errors.NotFound: No client has this id."
    refused = IntegrityError("INSERT", {}, psycopg.errors.UniqueViolation(f"DETAIL: Key (email)=({MAIL})"))
    assert MAIL not in describe(refused)


def test_no_canary_of_a_log_call_comes_through(lines: Lines) -> None:
    log = logging.getLogger("some.library")
    log.warning("calling %s", PHONE, extra={"client": NAME, "args_of_task": [MAIL]})
    log.error(ValueError(NAME))
    log.error("refused: %s", ValueError(NAME))
    log.error(f"row failed\nDETAIL: Failing row contains ({NAME}, {MAIL})")
    try:
        raise RuntimeError(f"{NAME} {MAIL} {PHONE} {BUDGET}")
    except RuntimeError as error:
        log.exception("Task %(name)s raised: %(exc)s", {"name": "estate.drain", "exc": repr(error)})
    sys.excepthook(RuntimeError, RuntimeError(NAME), None)
    thread = threading.Thread(target=lambda: dict[str, str]()[NAME])
    thread.start()
    thread.join()
    written = lines()
    assert len(written) == 7
    assert [line["level"] for line in written] == ["warning", *["error"] * 4, *["critical"] * 2]
    assert not [canary for canary in CANARIES if canary in json.dumps(written, ensure_ascii=False)]
    assert written[4]["event"] == "Task %(name)s raised: %(exc)s"
    assert "builtins.KeyError" in written[6]["exception"]


def test_a_line_carries_the_request_it_belongs_to(lines: Lines) -> None:
    with working_for("request-0001"):
        logging.getLogger("x").warning("one")
    logging.getLogger("x").warning("two")
    assert [line.get("request_id") for line in lines()] == ["request-0001", None]
    assert request_id.get() is None


def test_a_forged_line_stays_within_its_line(lines: Lines) -> None:
    logging.getLogger("x").warning(PAYLOAD_74)
    logging.getLogger("x").warning("said %s", PAYLOAD_74, extra={"topic": PAYLOAD_74})
    assert [line["level"] for line in lines()] == ["warning", "warning"]


@given(st.text(), st.text(), st.booleans())
def test_any_text_can_be_said(message: str, argument: str, failed: bool) -> None:
    told = said(message, (argument,), failed=failed)
    assert not failed or told == said(message, (NAME,), failed=True)
