"""Dashboard, alert rules and scrape configuration fit what a running API and worker export.

PromQL is parsed by the parser of the `promql-parser` package. Rules are not evaluated: only Prometheus can do that.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import promql_parser
import pytest
import typer.main
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from tests.live import wait_until

from estate.cli.app import app

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DASHBOARD = DEPLOY / "grafana-dashboard.json"
FROM_PROMETHEUS = {"up"}
FROM_SCRAPES = {"job", "instance"}
SUFFIXES = ("_bucket", "_sum", "_count", "_total")
RATE_INTERVAL = "5m"
COMMAND = re.compile(r"\bestate ([a-z]+(?: [a-z]+)?)")
SELECTOR = re.compile(r"\b(estate_\w+|up)\b(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\bby \(([^)]*)\)")


def rules() -> list[dict[str, Any]]:
    groups = YAML(typ="safe").load(DEPLOY / "alerts.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", RATE_INTERVAL)


EXPRESSIONS = list(expressions())
NAMES = [f"{name}-{i}" for i, (name, _) in enumerate(EXPRESSIONS)]


@pytest.fixture(scope="module")
def exported(server: httpx2.Client, worker: None, environment: dict[str, str]) -> dict[str, set[str]]:
    """Every metric of the running API and worker, with the labels of its samples."""
    worker_url = f"http://127.0.0.1:{environment['ESTATE_WORKER_METRICS_PORT']}/metrics"

    def pages() -> list[str]:
        return [server.get("/metrics").text, httpx2.get(worker_url).text]

    def swept() -> bool:
        try:
            return all("estate_sweep_age_seconds" in page for page in pages())
        except httpx2.TransportError:
            return False

    wait_until(swept, "the worker sweeping")
    found: dict[str, set[str]] = {}
    for page in pages():
        for family in text_string_to_metric_families(page):
            names = [family.name, *(family.name + suffix for suffix in SUFFIXES)]
            for name in names if family.type in {"counter", "histogram"} else [family.name]:
                found.setdefault(name, set())
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS, ids=NAMES)
def test_every_expression_is_promql(name: str, expression: str) -> None:
    promql_parser.parse(expression)


@pytest.mark.parametrize("broken", ["sum(rate(estate_x_total[5m])", "rate(estate_x_total)", "max by topic (estate_x)"])
def test_the_parser_refuses_what_is_not_promql(broken: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse(broken)


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS, ids=NAMES)
def test_every_metric_and_label_is_exported(exported: dict[str, set[str]], name: str, expression: str) -> None:
    used = SELECTOR.findall(expression)
    assert used, "no metric of ours is looked at"
    metrics = {metric for metric, _ in used}
    assert metrics <= set(exported) | FROM_PROMETHEUS
    known = FROM_SCRAPES.union(*(exported.get(metric, set()) for metric in metrics))
    sampled = [metric for metric in metrics if exported.get(metric)]
    matched = {part.split("=")[0].rstrip("!~ ") for _, inside in used for part in filter(None, inside.split(","))}
    grouped = {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",")}
    if sampled or metrics & FROM_PROMETHEUS:
        assert matched | grouped <= known


def test_what_was_asked_for_is_watched() -> None:
    watched = " ".join(rule["expr"] for rule in rules())
    for metric in (
        "estate_http_requests_total",
        "estate_http_request_seconds_bucket",
        "estate_outbox_oldest_seconds",
        "estate_fold_lag_seconds",
        "estate_outbox_dead_rows",
        "estate_model_age_seconds",
        "estate_db_pool_checked_out",
        "estate_disk_free_bytes",
        "estate_database_up",
        "estate_rate_limit_open_total",
    ):
        assert metric in watched


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_rule_says_how_bad_what_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "mend"}
    assert all(rule["annotations"].values())
    assert re.fullmatch(r"\d+[mh]", rule["for"])


def test_every_command_of_ours_in_a_mend_exists() -> None:
    group: Any = typer.main.get_command(app)
    for rule in rules():
        for words in COMMAND.findall(rule["annotations"]["mend"]):
            first, *rest = shlex.split(words)
            assert first in group.commands, words
            below = getattr(group.commands[first], "commands", None)
            assert below is None or rest[0] in below, words


def test_every_rule_and_file_is_told_of_in_the_operations_page() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    missing = [rule["alert"] for rule in rules() if rule["alert"] not in page]
    assert missing == []
    assert [path.name for path in DEPLOY.iterdir() if path.name not in page] == []


def test_the_scrape_configuration_names_the_services_and_the_rules() -> None:
    scraped = YAML(typ="safe").load(DEPLOY / "prometheus.yml")
    services = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]
    targets = [t for job in scraped["scrape_configs"] for static in job["static_configs"] for t in static["targets"]]
    assert {target.split(":")[0] for target in targets} == {"web", "worker"} <= set(services)
    first = services["worker"]["environment"]["ESTATE_WORKER_METRICS_PORT"]
    assert f"worker:{first}" in targets
    assert all((DEPLOY / name).is_file() for name in scraped["rule_files"])


def test_panels_do_not_overlap_and_have_titles() -> None:
    places = [panel["gridPos"] for panel in json.loads(DASHBOARD.read_text())["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert all(panel["title"] and panel["description"] and panel["targets"] for panel in panels())
