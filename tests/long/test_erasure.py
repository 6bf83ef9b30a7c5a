"""A running platform, logged in as what it may be and no more, erases a client from tables, Redis and logs."""

from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, create_engine, inspect, text
from tests.live import new_platform, running_api, running_worker, wait_until

pytestmark = pytest.mark.long

AGENT, CLIENT, DEAL = (f"40000000-0000-4000-8000-00000000000{n}" for n in "123")
NAME, PHONE, EMAIL = "Zéphyrine Quill", "+971509000001", "zephyrine@canary.example"
KNOWN_AS = (CLIENT, NAME, PHONE, EMAIL)


def test_nothing_is_left_of_an_erased_client(engine: Engine, redis_url: str, tmp_path: Path) -> None:
    settings = new_platform(engine, redis_url, "estate_erasure") | {"ESTATE_TRAINING_DELAY_S": "0"}
    owner = create_engine(settings["ESTATE_DATABASE_URL"], connect_args={"options": "-c role=estate_system"})

    def rows(statement: str) -> list[Any]:
        with owner.connect() as connection:
            return list(connection.execute(text(statement)))

    def idle() -> bool:
        return not rows("SELECT FROM outbox WHERE available_at <= now()")

    with running_api(settings, tmp_path) as api, running_worker(settings, tmp_path):

        def post(path: str, body: Any, status: int = 200) -> Any:
            answer = api.post(path, json=body)
            assert answer.status_code == status, answer.text
            return answer.json()

        post("/agent/ingest", {"agent_id": AGENT, "name": "Layla"})
        person = {"client_id": CLIENT, "name": NAME, "phone": PHONE, "email": EMAIL, "owner_agent_id": AGENT}
        post("/client/ingest", person)
        closed = {"stage": "won", "opened_at": "2026-01-01T00:00:00Z", "closed_at": "2026-02-01T00:00:00Z"}
        post("/behavior/deal", {"deal_id": DEAL, "agent_id": AGENT, "client_id": CLIENT, **closed})
        post("/behavior/event", {"event_id": "none", "client_id": CLIENT, "metadata": {"of": NAME}}, 422)
        wait_until(lambda: bool(rows("SELECT FROM trained_models")) and idle(), "the training")
        post("/gpt/respond", {"client_input": f"What suits {NAME}?", "agent_id": AGENT, "client_id": CLIENT})
        assert api.get(f"/client/{CLIENT}/export").json()["tables"]["deals"][0]["deal_id"] == DEAL
        answer = api.delete(f"/client/{CLIENT}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["erased"]["trained_models"] == 2
        assert api.delete(f"/client/{CLIENT}").status_code == 404
        wait_until(idle, "the work that follows")

        with redis.Redis.from_url(redis_url) as store:
            kept = [f"{key!r} {store.dump(key)!r}" for key in store.scan_iter()]
    kept += [path.read_text() for path in tmp_path.glob("*.log")]
    for table in set(inspect(owner).get_table_names()) - {"alembic_version"}:
        for row in rows(f"SELECT * FROM {table}"):
            kept += [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in row]
    owner.dispose()
    assert [known for known in KNOWN_AS if any(known.lower() in one.lower() for one in kept)] == []
