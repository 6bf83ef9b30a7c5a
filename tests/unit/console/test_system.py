"""The system's page: what is well, what waits, what answers, who may use it, and rows that were refused."""

import re
from typing import Any

import pytest
from tests.unit.console.asked import HOSTILE, Api, page_of
from tests.unit.console.told import AT, ME, view

from estate.console.page import Sheet
from estate.console.pages.system import rejected, system

QUEUES = {
    "items": [
        {"topic": "agent.fold", "waiting": 0, "failed": 0, "oldest_s": 0.0, "reason": None},
        {"topic": "intake.commit", "waiting": 3, "failed": 0, "oldest_s": 90.0, "reason": None},
    ],
    "waiting": 3,
    "failed": 0,
    "oldest_s": 90.0,
    "sweep_age_s": 7.8,
    "redis": "ok",
    "queued_tasks": 0,
    "as_of": AT,
}
JOBS = {"runs": [{"name": "sweep", "last_at": None}], "in_hand": [], "failed": [], "as_of": AT}
FORETOLD = {"n": 28, "share_won": 0.4, "brier": 0.2, "log_loss": 0.6, "base_log_loss": 0.65}
TRAINING = {
    "model_id": ME,
    "kind": "closing",
    "active": True,
    "verdict": "promoted: none stood",
    "trained_at": AT,
    "window_from": AT,
    "window_to": AT,
    "n": 276,
    "foretold": FORETOLD | {"auc": 0.67},
    "folds": [FORETOLD | {"auc": 0.54}, FORETOLD | {"auc": None}, FORETOLD | {"auc": 0.8}],
    "bands": [
        {"band": "hot", "n": 120, "won": 49, "mean_score": 0.49, "share_won": 0.41, "lower": 0.34, "upper": 0.48},
        {"band": "cold", "n": 0, "won": 0, "mean_score": None, "share_won": None, "lower": None, "upper": None},
    ],
}
STANDING = {
    "kind": "closing",
    "answers": "model",
    "training": TRAINING,
    "unlearned": 12,
    "oldest_unlearned_at": AT,
    "stale": False,
}
POLICY: dict[str, Any] = {
    "version": 0,
    "before": None,
    "why": "built_in",
    "layers": {},
    "gain": None,
    "gain_lower": None,
    "n": 0,
}
REFUSED = {
    "rejected_id": 1,
    "batch_id": ME,
    "layer": "client",
    "row_number": 4,
    "status": "rejected",
    "reason": "budget: must be a number",
    "raw": HOSTILE,
    "raw_bytes": len(HOSTILE),
    "received_at": AT,
    "replayed_at": None,
}
KEY = {
    "key_id": "abc123",
    "name": HOSTILE,
    "role": "ingest",
    "user_id": None,
    "owner": "هدى",
    "agent_id": None,
    "team_id": None,
    "state": "replaced",
    "replaced_by": "def",
    "created_at": AT,
    "last_used_at": None,
    "expires_at": AT,
    "revoked_at": None,
    "secret": "never-shown",
}
USER = {
    "user_id": ME,
    "email": "a@example.com",
    "name": None,
    "role": "agent",
    "agent_id": None,
    "team_id": None,
    "team": "Harbour team",
    "state": "no_password",
    "created_at": AT,
    "disabled_at": None,
    "last_session_at": None,
}


def answers(**more: Any) -> dict[str, Any]:
    told = {
        "readyz": {"status": "ready", "database": "ok", "redis": "ok"},
        "queues": QUEUES,
        "jobs": JOBS,
        "models": {"items": [STANDING], "trainings": [TRAINING], "as_of": AT},
        "ranking": POLICY,
        "rejected": page_of(REFUSED),
        "keys": page_of(KEY),
        "users": page_of(USER),
    } | more
    places = {"readyz": "/readyz", "ranking": "/gpt/ranking", "rejected": "/ingest/rejected"}
    return {f"GET {places.get(name, f'/system/{name}')}": answer for name, answer in told.items()}


def drawn(sheet: Sheet) -> str:
    return "".join(map(_text, [sheet.content]))


def _text(node: Any) -> str:
    return "".join(map(_text, node)) if isinstance(node, list | tuple) else "" if node is None else str(node)


def page(**more: Any) -> str:
    return drawn(system(Api(answers(**more)).estate, view("/system", "admin")))


def test_the_page_is_live_until_somebody_stops_it() -> None:
    api = Api(answers())
    assert system(api.estate, view("/system", "admin")).live_s == 5.0
    assert system(api.estate, view("/system", "admin", live="off")).live_s is None


def test_work_that_waits_is_told_with_its_age_and_idle_kinds_are_left_out() -> None:
    html = page()
    assert "3 waiting, the oldest for 2 min; none given up." in html
    assert "intake.commit" in html
    assert "agent.fold" not in html
    assert "1 other kinds of work have nothing to do." in html
    assert "estate work --revive" not in html


def test_work_that_was_given_up_says_how_to_try_again() -> None:
    given_up = {"topic": "agent.fold", "waiting": 0, "failed": 2, "oldest_s": 0.0, "reason": "ValueError"}
    html = page(queues=QUEUES | {"items": [given_up], "waiting": 0, "failed": 2, "oldest_s": 0.0})
    assert "0 waiting; 2 given up." in html
    assert "<code>estate work --revive</code>" in html
    assert "ValueError" in html


@pytest.mark.parametrize(
    ("age", "said"),
    [(7.8, "Looked at all work 8 s ago."), (None, "None ever looked"), (900.0, "15 min ago. Run <code>estate doctor")],
)
def test_workers_are_told_by_when_they_last_looked(age: float | None, said: str) -> None:
    html = page(queues=QUEUES | {"sweep_age_s": age})
    assert said in html
    assert (">not seen<" in html) is (age != 7.8)


def test_without_redis_it_says_what_still_works() -> None:
    html = page(readyz={"status": "ready", "database": "ok", "redis": "unavailable"})
    assert "Everything is still taken and answered, only later." in html
    assert "Everything is still taken" not in page()


def test_a_run_that_never_was_says_so() -> None:
    assert re.search(r"Looked at all work</td><td><span class=\"badge warn\">never", page())


def test_a_failed_job_is_told_with_its_next_try() -> None:
    job = {"outbox_id": 1, "topic": "agent.fold", "key": HOSTILE, "attempts": 5, "crashes": 0, "error": "KeyError"} | {
        "given_up": True, "created_at": AT, "next_at": None, "request_id": "r-1",
    }  # fmt: skip
    html = page(jobs=JOBS | {"failed": [job]})
    for said in ("KeyError", "given up", "r-1", "&lt;script&gt;"):
        assert said in html
    assert HOSTILE not in html


def test_the_quality_of_a_model_has_the_span_of_its_folds_and_its_n() -> None:
    html = page()
    assert "AUC 67 % (54 % to 80 % over 2 folds)" in html
    assert '<td class="number">276</td>' in html
    assert "12 deals" in html
    assert "41 % (34 % to 48 %)" in html
    assert "not enough data" in html


def test_a_kind_without_a_training_answers_from_its_scorecard() -> None:
    bare = STANDING | {"answers": "card", "training": None, "unlearned": 1, "stale": True}
    html = page(models={"items": [bare], "trainings": [], "as_of": AT})
    for said in ("scorecard", "Not enough deals were learned from yet.", "1 deal ", "estate models train", "stale"):
        assert said in html
    assert "AUC 0" not in html


def test_a_training_of_one_outcome_has_no_figure() -> None:
    one = STANDING | {"training": TRAINING | {"foretold": FORETOLD | {"auc": None}}}
    assert "Not enough deals of both outcomes." in page(models={"items": [one], "trainings": [], "as_of": AT})


def test_a_training_that_nothing_judged_claims_no_unseen_deals() -> None:
    one = STANDING | {"training": TRAINING | {"foretold": FORETOLD | {"n": 0, "auc": None}, "folds": []}}
    html = page(models={"items": [one], "trainings": [], "as_of": AT})
    assert "Not enough deals to judge it by." in html
    assert "had not seen" not in html


def test_the_weights_of_the_assistant_are_told_with_what_proved_them() -> None:
    assert "Built in" in page()
    learned = POLICY | {"version": 3, "before": 0, "why": "learned", "gain": 0.0341, "gain_lower": 0.0052, "n": 412}
    html = page(ranking=learned)
    for said in ("Version 3", "built in", "Learned", "+0.034", "+0.005", "412"):
        assert said in html


def test_keys_and_users_are_told_without_secrets() -> None:
    html = page()
    for said in ("abc123", "replaced, good until it expires", "هدى", "a@example.com", "No name", "no password yet"):
        assert said in html
    assert "never-shown" not in html
    assert HOSTILE not in html


def test_nobody_and_nothing_says_how_to_begin() -> None:
    html = page(keys=page_of(), users=page_of(), rejected=page_of())
    for said in ("estate keys create", "estate users create", "No row was refused."):
        assert said in html
    assert "All refused rows" not in html


def test_refused_rows_are_filtered_paged_and_shown_as_they_came() -> None:
    api = Api(answers(rejected=page_of(REFUSED, next_cursor="next-1")))
    html = drawn(rejected(api.estate, view("/system/rejected", "admin", layer="client")))
    assert dict(api.asked[0].url.params) == {"layer": "client", "limit": "25"}
    assert "budget: must be a number" in html
    assert f'<pre class="raw" dir="auto">{HOSTILE.replace("<", "&lt;").replace(">", "&gt;")}</pre>' in html
    assert "/system/rejected?layer=client&amp;cursor=next-1" in html
    assert f'href="/system/rejected?batch_id={ME}"' in html


def test_of_a_refused_row_without_end_the_beginning_is_shown() -> None:
    long = REFUSED | {"raw": "x" * 65_536, "raw_bytes": 1_000_000}
    html = drawn(rejected(Api(answers(rejected=page_of(long))).estate, view("/system/rejected", "admin")))
    assert len(html) < 50_000
    assert "all 1,000,000 bytes" in html


def test_no_match_and_none_at_all_are_told_apart() -> None:
    api = Api(answers(rejected=page_of()))
    assert "No row was refused." in drawn(rejected(api.estate, view("/system/rejected", "admin")))
    assert "Clear a filter." in drawn(rejected(api.estate, view("/system/rejected", "admin", layer="agent")))
