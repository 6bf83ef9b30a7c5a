"""The event benchmarks run small as a person runs them, and judge themselves."""

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.long

DEADLINE_S = 240


def bench(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """Run `estate bench` and return its exit code, its JSON and what else it said."""
    command = [sys.executable, "-m", "estate", "bench", *arguments, "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_chaos_finds_nothing_in_the_product_and_every_planted_bug() -> None:
    code, report, said = bench("chaos")

    assert code == 0, said
    metrics = report["metrics"]
    assert metrics["kills_min"] >= 1
    assert metrics["kinds_missing"] == 0
    assert metrics["planted_caught"] == metrics["planted_bugs"] > 0
    assert (metrics["lost"], metrics["duplicates"], metrics["aggregate_mismatches"]) == (0, 0, 0)


def test_access_finds_no_leak_and_every_broken_policy() -> None:
    code, report, said = bench("access")

    assert code == 0, said
    metrics = report["metrics"]
    assert report["n"] >= 300
    assert (metrics["leaks"], metrics["wrongly_refused"]) == (0, 0)
    assert metrics["policies_caught"] == metrics["policies_tested"] > 0
    assert metrics["allowed_share"] > 0.3


def test_soak_meets_no_error_and_keeps_its_connections() -> None:
    _, report, said = bench("soak")

    metrics = report["metrics"]
    assert (metrics["unanswered"], metrics["errors_5xx"], metrics["connections_grown"]) == (0, 0, 0), said
    assert metrics["ok_share"] >= 0.98


def test_ingest_measures_both_sides() -> None:
    code, report, said = bench("ingest")

    assert code == 0, said
    assert report["metrics"]["single_rps"] > 0
    assert report["peers"].keys() == {"fastapi + asyncpg", "psycopg COPY"}


def test_fold_counts_every_event() -> None:
    code, report, said = bench("fold")

    assert code == 0, said
    assert report["metrics"]["mismatches"] == 0
    assert report["metrics"]["growth"] > 0


def test_plans_agree_with_arithmetic_of_their_own() -> None:
    code, report, said = bench("plans")

    assert code == 0, said
    assert report["n"] == 500
    assert report["metrics"]["rates"] > 0


def test_valuation_comes_near_the_noise_of_its_sales() -> None:
    code, report, said = bench("valuation")

    assert code == 0, said
    assert report["peers"].keys() == {"LightGBM", "LightGBM with the day", "area median"}
    assert report["metrics"]["mdape"] < report["peers"]["area median"]["mdape"]


def test_recommendations_keep_limits_and_say_what_the_rows_say() -> None:
    code, report, said = bench("recommend")

    assert code == 0, said
    assert report["metrics"]["violations"] == 0
    assert report["metrics"]["reasons_verified_share"] == 1
    assert report["peers"].keys() == {"popularity", "content-only", "rule filter"}


def test_what_is_said_of_pairs_follows_from_their_figures() -> None:
    code, report, said = bench("compare")

    assert code == 0, said
    assert report["metrics"]["pros"] > 0


def test_triggers_and_patterns_judge_themselves() -> None:
    for name in ("triggers", "patterns"):
        code, report, said = bench(name)
        assert code == 0, said
        assert report["passed"]


def test_qualification_compares_with_every_peer() -> None:
    code, report, said = bench("qualification")

    assert code == 0, said
    assert report["metrics"].keys() >= {"auc", "auc_minus_best_peer_lower", "log_loss_minus_best_peer_upper", "small_n"}
    assert report["peers"].keys() == {"base rate", "Odoo-style table", "ridge logistic", "LightGBM, small trees"}


def test_closing_never_rises_with_the_price() -> None:
    code, report, said = bench("closing")

    assert code == 0, said
    assert report["metrics"]["over_budget_rises"] == 0


def test_leaderboard_finds_better_agents_than_raw_rates() -> None:
    code, report, said = bench("leaderboard")

    assert code == 0, said
    assert report["metrics"]["spearman"] > report["peers"]["raw rate"]["spearman"]


def test_retrieval_finds_what_questions_need() -> None:
    code, report, said = bench("retrieval")

    assert code == 0, said
    metrics = report["metrics"]
    assert metrics["layer_recall_at_10"] >= 0.9
    assert metrics["fused_ndcg_at_10"] > metrics["dense_ndcg_at_10"] > 0
    assert set(metrics["filters"]) == {"0.1 %", "1 %", "10 %", "50 %", "100 %"}


def test_learning_never_ranks_worse_than_what_it_began_with() -> None:
    code, report, said = bench("learning")

    assert code == 0, said
    metrics = report["metrics"]
    assert metrics["ndcg_gain"] > metrics["ndcg_gain_lower"] > 0
    assert metrics["worst_drop"] >= -0.01


def test_erased_clients_leave_nothing_and_change_nothing() -> None:
    code, report, said = bench("erase")

    assert code == 0, said
    metrics = report["metrics"]
    assert (metrics["hits"], metrics["table_mismatches"]) == (0, 0)
    assert metrics["rows_erased"] > metrics["erased"] >= 4


@pytest.mark.parametrize("name", ["nothing", "report"])
def test_an_unknown_benchmark_is_refused_with_exit_code_2(name: str) -> None:
    code, _, said = bench(name)

    assert code == 2
    assert "no benchmark" in said


@pytest.mark.parametrize("name", ["heat", "forecast", "heatmap"])
def test_the_market_benchmarks_meet_their_quick_targets(name: str) -> None:
    code, report, said = bench(name)

    assert code == 0, said
    assert report["n"] > 0
    assert not {target for target in report["targets"] if target not in report["metrics"]}
