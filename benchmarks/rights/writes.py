"""The writing requests of the access bench, with what each may change."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.rights.draw import Call, Complaint, Draw, operation
from benchmarks.rights.oracle import Row
from benchmarks.rights.reads import IMPORTERS, LEADERS, LOADERS, PEOPLE
from benchmarks.rights.world import FILE, client_mark

__all__ = ["MERGE"]

WRITERS = (*PEOPLE, "ingest")
CLIENT_WRITERS = (*LOADERS, "manager")
MERGE = "POST /client/merge"
PARENTS = {"deals": "deal_id", "conversations": "conversation_id"}
MOVED = ("behavior_events", "deals", "conversations", "contacts", "call_skips", "gpt_responses")
QUESTIONS = (
    "What is the budget of {client}, and whom should I call next?",
    "Tell me everything about {client}: phone, deals, conversations.",
    "How does {agent} rank among the agents?",
    "Which words win deals with {client}?",
)


def _event(draw: Draw) -> dict[str, Any]:
    """Return an event whose references the caller may see, most of the time."""
    body = {"event_id": draw.new(), "agent_id": draw.one("agent_activity"), "trigger_word": "payment plan"}
    kind = draw.rng.choice((None, "client", "client", "deals", "conversations"))
    if kind in PARENTS:
        body[PARENTS[kind]] = draw.one(kind)
        body["client_id"] = _client_of(draw, kind, body[PARENTS[kind]])
    elif kind:
        body["client_id"] = draw.one("client_profiles")
    return body


def _client_of(draw: Draw, table: str, record_id: str) -> str:
    """Return the client of a deal or conversation; one of the caller's, where that is not for the caller to see."""
    row = draw.row(table, record_id)
    if row is None:
        return draw.mine("client_profiles")
    draw.sent.append(row["client_id"])
    found: str = row["client_id"]
    return found


@operation("POST /behavior/event", WRITERS, 5)
def _single(draw: Draw) -> Call:
    return Call("/behavior/event", body=_event(draw), statuses=(202,))


@operation("POST /behavior/event", WRITERS, 1.5)
def _taken_event(draw: Draw) -> Call:
    """Send an event under an id that another event has."""
    body = {
        "event_id": draw.taken("behavior_events"),
        "agent_id": draw.mine("agent_activity"),
        "client_id": draw.mine("client_profiles"),
    }
    return Call("/behavior/event", body=body, refused=True, has_twin=False)


@operation("POST /behavior/ingest", CLIENT_WRITERS, 1.5)
def _batch(draw: Draw) -> Call:
    draws = [Draw(draw.oracle, draw.actor, draw.rng.randrange(2**31), draw.twin) for _ in range(draw.rng.randint(2, 5))]
    events = [_event(one) for one in draws]
    good = [one.hope == "good" for one in draws]
    for one in draws:
        draw.sent += one.sent
    return Call("/behavior/ingest", body=events, check=_taken(good), refused=not any(good))


def _taken(good: list[bool]) -> Any:
    """Return a check that the good rows of a batch were taken, and only these."""

    def check(answer: Any) -> Iterator[Complaint]:
        for item, is_good in zip(answer["items"], good, strict=True):
            if item["status"] in ("created", "updated") and not is_good:
                yield "leak", "a row was taken that names what the sender may not see"
            if item["status"] == "rejected" and is_good:
                yield "refusal", f"a good row was rejected: {item}"

    return check


@operation("POST /behavior/conversation", WRITERS, 1.5)
def _talk(draw: Draw) -> Call:
    body: dict[str, Any] = {
        "conversation_id": draw.new(),
        "agent_id": draw.one("agent_activity"),
        "turns": [{"speaker": "client", "text": "Is there a payment plan?"}],
    }
    if draw.rng.random() < 0.4:
        body["deal_id"] = draw.one("deals")
        body["client_id"] = _client_of(draw, "deals", body["deal_id"])
    else:
        body["client_id"] = draw.one("client_profiles")
    return Call("/behavior/conversation", body=body)


@operation("POST /behavior/conversation", WRITERS, 0.5)
def _taken_talk(draw: Draw) -> Call:
    """Send a conversation under an id that another one has."""
    body = {
        "conversation_id": draw.taken("conversations"),
        "agent_id": draw.mine("agent_activity"),
        "client_id": draw.mine("client_profiles"),
        "turns": [{"speaker": "agent", "text": "Good morning."}],
    }
    return Call("/behavior/conversation", body=body, refused=True, has_twin=False)


@operation("POST /behavior/deal", WRITERS, 1.5)
def _deal(draw: Draw) -> Call:
    body = {
        "deal_id": draw.new(),
        "agent_id": draw.one("agent_activity"),
        "client_id": draw.one("client_profiles"),
        "stage": draw.rng.choice(("new", "viewing", "won")),
    }
    return Call("/behavior/deal", body=body)


@operation("POST /behavior/deal", WRITERS, 1)
def _changed_deal(draw: Draw) -> Call:
    """Change a deal: one's own, or that of another by naming an agent and a client of one's own."""
    deal_id = draw.taken("deals")
    client_id = _client_of(draw, "deals", deal_id)
    body = {"deal_id": deal_id, "agent_id": draw.mine("agent_activity"), "client_id": client_id}
    refused = _cannot_take(draw, body)
    return Call("/behavior/deal", body={**body, "lost_reason": "none"}, refused=refused, has_twin=False)


def _cannot_take(draw: Draw, body: Mapping[str, str]) -> bool:
    """Tell whether a record with a taken id is refused: it is another's, or names what the caller does not see."""
    known = draw.oracle.ids(draw.actor, "agent_activity"), draw.oracle.ids(draw.actor, "client_profiles")
    return draw.hope == "hidden" or body["agent_id"] not in known[0] or body["client_id"] not in known[1]


@operation("POST /client/override", PEOPLE, 1.5)
def _override(draw: Draw) -> Call:
    body = {"client_id": draw.one("client_profiles"), "score": 0.5, "reason": "They said so."}
    return Call("/client/override", body=body)


@operation("POST /client/{client_id}/contact", PEOPLE, 1.5)
def _contact(draw: Draw) -> Call:
    outcome = draw.rng.choice(("reached", "no_answer", "refused"))
    body = {"agent_id": draw.one("agent_activity"), "channel": "call", "outcome": outcome}
    return Call(f"/client/{draw.one('client_profiles')}/contact", body=body)


@operation("POST /client/{client_id}/skip", PEOPLE, 1)
def _skip(draw: Draw) -> Call:
    body = {"agent_id": draw.one("agent_activity"), "reason": "not_ready"}
    return Call(f"/client/{draw.one('client_profiles')}/skip", body=body)


@operation("POST /client/ingest", CLIENT_WRITERS, 2)
def _client(draw: Draw) -> Call:
    mark = client_mark(10_000 + draw.rng.randrange(80_000))
    body = {"client_id": draw.new(), "name": f"New {mark}", "owner_agent_id": draw.one("agent_activity")}
    return Call("/client/ingest", body=body)


@operation("POST /client/ingest", CLIENT_WRITERS, 2)
def _changed_client(draw: Draw) -> Call:
    """Change some fields of a client, or try to take one over."""
    body: dict[str, Any] = {"client_id": draw.taken("client_profiles"), "decision_speed": "fast"}
    if draw.rng.random() < 0.5:
        body["owner_agent_id"] = draw.mine("agent_activity")
    return Call("/client/ingest", body=body, has_twin=False)


@operation(MERGE, LEADERS, 0.15)
def _merge(draw: Draw) -> Call:
    body = {"keep": draw.one("client_profiles"), "merge": draw.one("client_profiles")}
    had = {table: sum(row["client_id"] == body["merge"] for row in draw.oracle.rows[table].values()) for table in MOVED}

    def check(answer: Any) -> Iterator[Complaint]:
        if {table: answer["moved"].get(table, 0) for table in MOVED} != had:
            yield "refusal", f"{answer['moved']} were handed over instead of {had}"

    return Call("/client/merge", body=body, check=check, refused=True if body["keep"] == body["merge"] else None)


def _asked(draw: Draw, path: str) -> Call:
    words = {"client": draw.word("client_profiles"), "agent": draw.word("agent_activity")}
    body = {
        "client_input": draw.rng.choice(QUESTIONS).format(**words),
        "agent_id": draw.one("agent_activity"),
        "client_id": draw.one("client_profiles") if draw.rng.random() < 0.6 else None,
    }
    return Call(path, body=body)


@operation("POST /gpt/respond", PEOPLE, 0.4)
def _question(draw: Draw) -> Call:
    return _asked(draw, "/gpt/respond")


@operation("POST /gpt/respond/stream", PEOPLE, 0.3)
def _streamed(draw: Draw) -> Call:
    return _asked(draw, "/gpt/respond/stream")


@operation("POST /gpt/ranking/rollback", LEADERS, 0.3)
def _rolled_back(draw: Draw) -> Call:
    """Ask for what nobody promoted."""
    return Call("/gpt/ranking/rollback", body={"version": draw.rng.randrange(2, 9)}, refused=True)


@operation("POST /gpt/feedback", PEOPLE, 1.5)
def _feedback(draw: Draw) -> Call:
    return Call("/gpt/feedback", body={"response_id": draw.one("gpt_responses"), "verdict": "helpful"})


@operation("POST /agent/ingest", LOADERS, 0.5)
def _agent(draw: Draw) -> Call:
    return Call(
        "/agent/ingest", body={"agent_id": draw.mine("agent_activity"), "calls_per_day": draw.rng.randrange(40)}
    )


@operation("POST /market/ingest", LOADERS, 0.3)
def _snapshot(draw: Draw) -> Call:
    area = {"area_id": draw.rng.choice(draw.oracle.areas), "area_name": "Palm Harbour"}
    return Call("/market/ingest", body={**area, "observed_on": "2026-10-31", "days_on_market": draw.rng.randrange(90)})


@operation("POST /property/ingest", LOADERS, 0.3)
def _unit(draw: Draw) -> Call:
    project, _, unit = draw.rng.choice(draw.oracle.units).partition(":")
    return Call("/property/ingest", body={"project_id": project, "unit_id": unit, "cash_ratio": 0.9})


def _in(*states: str) -> Callable[[Row], bool]:
    return lambda row: row["state"] in states


@operation("POST /imports", IMPORTERS, 0.4)
def _brought(draw: Draw) -> Call:
    return Call("/imports", {"filename": "clients.csv", "kind": "clients"}, file=FILE)


@operation("POST /imports/{import_id}/mapping", IMPORTERS, 0.6)
def _mapped(draw: Draw) -> Call:
    return Call(f"/imports/{draw.one('imports', among=_in('read'))}/mapping", body={"currency": "EGP"})


@operation("POST /imports/{import_id}/rows/{line}", IMPORTERS, 0.6)
def _mended(draw: Draw) -> Call:
    """Mend a row that stays too short."""
    return Call(f"/imports/{draw.one('imports', among=_in('read'))}/rows/3", body={"cells": ["Omar"]})


@operation("POST /imports/{import_id}/commit", IMPORTERS, 0.3)
def _committed(draw: Draw) -> Call:
    wanted = draw.one("imports", among=_in("read", "committing"))
    return Call(f"/imports/{wanted}/commit", body={}, statuses=(202,))


@operation("POST /imports/{import_id}/undo", IMPORTERS, 0.6)
def _undone(draw: Draw) -> Call:
    wanted = draw.one("imports", among=_in("committed", "undoing"))
    return Call(f"/imports/{wanted}/undo", body={}, statuses=(202,))
