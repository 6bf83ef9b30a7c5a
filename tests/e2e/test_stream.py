"""A streamed reply on a running platform: no transaction waits for the model, and it stops when its reader is gone."""

from collections.abc import Iterator

import httpx2
import pytest
from benchmarks.harness.obeying_model import ObeyingModel
from sqlalchemy import Engine, create_engine, text
from tests.live import new_platform, running_api, wait_until

from estate.realestate_gpt.drafting import COMPOSED

ID = "30000000-0000-4000-8000-0000000000"
AREA, AGENT, CLIENT = (f"{ID}{n:02d}" for n in range(1, 4))
QUESTION = {"client_input": "How is the market in Qamar Quay?", "agent_id": AGENT, "client_id": CLIENT}
IN_TRANSACTION = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now()")
REPLIES = text("SELECT count(*) FROM gpt_responses")


@pytest.fixture(scope="module")
def model() -> Iterator[ObeyingModel]:
    with ObeyingModel(delay_s=0.5, pause_s=0.05, repeat=8) as model:
        yield model


@pytest.fixture(scope="module")
def platform(
    engine: Engine, redis_url: str, model: ObeyingModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx2.Client, Engine]]:
    environment = new_platform(engine, redis_url, "estate_stream") | {
        "ESTATE_LLM_BASE_URL": model.url,
        "ESTATE_LLM_MODEL": "slow",
        "ESTATE_LLM_ALLOW_PRIVATE_ADDRESSES": "true",
    }
    watcher = create_engine(environment["ESTATE_DATABASE_URL"])
    with running_api(environment, tmp_path_factory.mktemp("stream")) as api:
        rows = {
            "market": {"area_id": AREA, "area_name": "Qamar Quay", "demand_score": 70, "price_avg": "1200000.00"},
            "agent": {"agent_id": AGENT, "name": "Omar Saleh", "closing_rate": 0.31, "deals_closed": 24},
            "client": {"client_id": CLIENT, "name": "Layla Haddad", "owner_agent_id": AGENT},
        }
        for layer, row in rows.items():
            assert api.post(f"/{layer}/ingest", json=[row]).status_code == 200
        yield api, watcher
    watcher.dispose()


def count(watcher: Engine, query: object) -> int:
    with watcher.connect() as connection:
        connection.execute(text("SET ROLE estate_system"))
        return int(connection.execute(query).scalar_one())  # type: ignore[call-overload]


def test_sentences_come_while_the_model_writes_and_no_transaction_is_open(
    platform: tuple[httpx2.Client, Engine],
) -> None:
    api, watcher = platform
    seen: list[str] = []
    lines: list[str] = []
    with api.stream("POST", "/gpt/respond/stream", json=QUESTION) as answer:
        for line in answer.iter_lines():
            lines.append(line)
            if line.startswith("event: "):
                seen.append(line.removeprefix("event: "))
                if seen == ["sentence"]:  # The model goes on for seconds.
                    assert count(watcher, IN_TRANSACTION) == 0
                    assert count(watcher, REPLIES) == 0
    assert seen[-1] == "reply"
    assert not any(COMPOSED in line for line in lines)
    assert set(seen[:-1]) == {"sentence"}
    assert count(watcher, REPLIES) == 1


def test_a_model_stops_when_nobody_reads_any_more(platform: tuple[httpx2.Client, Engine], model: ObeyingModel) -> None:
    api, watcher = platform
    kept = count(watcher, REPLIES)
    with api.stream("POST", "/gpt/respond/stream", json=QUESTION) as answer:
        next(answer.iter_lines())
    wait_until(lambda: model.broken_off == 1, "the model being left")
    assert count(watcher, IN_TRANSACTION) == 0
    assert count(watcher, REPLIES) == kept
