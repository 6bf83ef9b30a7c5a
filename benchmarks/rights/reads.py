"""The reading requests of the access bench, with what each may answer."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

from benchmarks.rights.draw import Call, Complaint, Draw, Listed, operation
from benchmarks.rights.oracle import MARK, Row

__all__ = ["PEOPLE", "READERS"]

EVERYBODY = ("admin", "manager", "agent", "ingest", "read_only")
READERS = ("admin", "manager", "agent", "read_only")
PEOPLE = ("admin", "manager", "agent")
LEADERS = ("admin", "manager")
LOADERS = ("admin", "ingest")
IMPORTERS = (*PEOPLE, "ingest")

PLACE_FIELDS = {"agent_id", "rank", "rank_lower", "rank_upper", "status", "evidence"}
CLOSED = ("won", "lost")
PAGES = 3
MOST = 200


def _rows(draw: Draw, table: str) -> Iterator[Row]:
    rows = draw.oracle.rows[table]
    return (rows[key] for key in draw.oracle.seen(draw.actor, table))


def _listed(draw: Draw, table: str, name: str, wanted: dict[str, Any]) -> Listed:
    """Expect the visible rows that have some values."""
    fitting = (row for row in _rows(draw, table) if all(row[column] == value for column, value in wanted.items()))
    return Listed(name, frozenset(row[name] for row in fitting))


def _limit(draw: Draw, expected: Collection[str]) -> dict[str, int]:
    """Return a limit with which the list takes up to three pages."""
    return {"limit": min(MOST, len(expected) // draw.rng.randint(1, PAGES) + 1)}


@operation("GET /auth/me", EVERYBODY, 0.3)
def _me(draw: Draw) -> Call:
    def check(answer: Any) -> Iterator[Complaint]:
        if answer["role"] != draw.actor.role:
            yield "leak", "another role"

    return Call("/auth/me", check=check)


@operation("POST /auth/logout", EVERYBODY, 0.1)
def _logout(draw: Draw) -> Call:
    return Call("/auth/logout")


def _wanted_clients(draw: Draw) -> tuple[dict[str, Any], frozenset[str]]:
    """Return filters of clients, and those who fit and may be seen."""
    kind = draw.rng.choice(("all", "client_id", "owner_agent_id", "search", "budget"))
    params: dict[str, Any] = {}
    if kind == "client_id":
        params["client_id"] = draw.one("client_profiles")
    elif kind == "owner_agent_id":
        params["owner_agent_id"] = draw.one("agent_activity")
    elif kind == "search":
        params["search"] = draw.word("client_profiles")
    elif kind == "budget":
        params["budget_min"], params["budget_max"] = 500_000, draw.rng.randrange(600_000, 6_000_000)

    def fits(row: Row) -> bool:
        if kind == "budget":
            budget = row["budget"] if row["currency"] == "AED" else None
            return budget is not None and Decimal(500_000) <= budget <= Decimal(params["budget_max"])
        if kind == "search":
            return params["search"] in (row["name"] or "")
        return kind == "all" or row[kind] == params[kind]

    return params, frozenset(row["client_id"] for row in _rows(draw, "client_profiles") if fits(row))


@operation("GET /client/query", READERS, 6)
def _clients(draw: Draw) -> Call:
    params, expected = _wanted_clients(draw)
    return Call("/client/query", params | _limit(draw, expected), listed=Listed("client_id", expected))


@operation("GET /client/count", READERS, 2)
def _counted(draw: Draw) -> Call:
    params, expected = _wanted_clients(draw)

    def check(answer: Any) -> Iterator[Complaint]:
        yield from _same_number(answer["count"], len(expected), "clients")

    return Call("/client/count", params, check=check, refused=False)


def _same_number(told: int, there: int, what: str) -> Iterator[Complaint]:
    if told != there:
        yield ("leak" if told > there else "refusal"), f"{told} {what} are counted, {there} are seen"


@operation("GET /behavior/deals", READERS, 3)
def _deals(draw: Draw) -> Call:
    kind = draw.rng.choice((None, "agent_id", "client_id"))
    table = {"agent_id": "agent_activity", "client_id": "client_profiles"}
    wanted = {} if kind is None else {kind: draw.one(table[kind])}
    listed = _listed(draw, "deals", "deal_id", wanted)
    return Call(
        "/behavior/deals", {**wanted} | _limit(draw, listed.expected), listed=listed, has_twin=not listed.expected
    )


@operation("GET /behavior/pipeline", READERS, 1)
def _pipeline(draw: Draw) -> Call:
    there = sum(row["stage"] not in CLOSED for row in _rows(draw, "deals"))

    def check(answer: Any) -> Iterator[Complaint]:
        yield from _same_number(answer["n"], there, "open deals")

    return Call("/behavior/pipeline", check=check)


@operation("GET /behavior/query", READERS, 6)
def _events(draw: Draw) -> Call:
    kind = draw.rng.choice((None, "agent_id", "client_id", "trigger_word"))
    table = {"agent_id": "agent_activity", "client_id": "client_profiles"}
    times = sorted(row["time_of_event"] for row in draw.oracle.rows["behavior_events"].values())
    since = times[draw.rng.randrange(len(times) // 2, len(times))]
    wanted: dict[str, Any] = {}
    if kind in table:
        wanted[kind] = draw.one(table[kind])
    elif kind:
        wanted[kind] = draw.rng.choice(sorted({r[kind] for r in _rows(draw, "behavior_events") if r[kind]}) or ["none"])
    fitting = frozenset(
        row["event_id"]
        for row in _rows(draw, "behavior_events")
        if row["time_of_event"] >= since and all(row[name] == value for name, value in wanted.items())
    )
    params = {**wanted, "since": since.isoformat()} | _limit(draw, fitting)
    # What a colleague did with a client of one's own is listed, so only an empty list is like that of an unknown id.
    return Call("/behavior/query", params, listed=Listed("event_id", fitting), has_twin=not fitting)


@operation("GET /agent/query", READERS, 4)
def _agents(draw: Draw) -> Call:
    kind = draw.rng.choice(("all", "agent_id", "team_id", "search"))
    wanted: dict[str, Any] = {}
    if kind == "agent_id":
        wanted[kind] = draw.one("agent_activity")
    elif kind == "team_id":
        wanted[kind] = draw.rng.choice(
            sorted({r["team_id"] for r in draw.oracle.rows["agent_activity"].values()} - {None})
        )
    elif kind == "search":
        word = draw.word("agent_activity")
        found = frozenset(r["agent_id"] for r in _rows(draw, "agent_activity") if word in r["name"])
        return Call("/agent/query", {"search": word}, listed=Listed("agent_id", found))
    return Call("/agent/query", {**wanted, "limit": 7}, listed=_listed(draw, "agent_activity", "agent_id", wanted))


@operation("GET /agent/rankings", READERS, 0.4)
def _rankings(draw: Draw) -> Call:
    own = draw.oracle.ids(draw.actor, "agent_activity")

    def check(answer: Any) -> Iterator[Complaint]:
        for item in answer["items"]:
            told = {name for name, value in item.items() if value not in (None, [])} - PLACE_FIELDS
            if told and item["agent_id"] not in own:
                yield "leak", f"{', '.join(sorted(told))} of a colleague"
            if item["agent_id"] in own and item["n"] is None:
                yield "refusal", "no figures of an agent who is visible"

    every = frozenset(key[0] for key in draw.oracle.rows["agent_activity"])
    return Call("/agent/rankings", listed=Listed("agent_id", every), check=check)


@operation("GET /client/duplicates", LEADERS, 0.7)
def _duplicates(draw: Draw) -> Call:
    by_phone: dict[str, list[str]] = {}
    for row in _rows(draw, "client_profiles"):
        by_phone.setdefault(row["phone"], []).append(row["client_id"])
    pairs = {frozenset(ids) for phone, ids in by_phone.items() if phone and len(ids) == 2}

    def check(answer: Any) -> Iterator[Complaint]:
        found = {frozenset((i["keep"]["client_id"], i["merge"]["client_id"])) for i in answer["items"]}
        if answer["next_cursor"] is None and not pairs <= found:
            yield "refusal", "two clients of one phone are not listed"

    return Call("/client/duplicates", {"limit": 200}, check=check)


@operation("GET /gpt/responses/{response_id}", READERS, 4)
def _reply(draw: Draw) -> Call:
    response_id = draw.one("gpt_responses")
    path = f"/gpt/responses/{response_id}"
    row = draw.row("gpt_responses", response_id)
    if row is None:
        return Call(path)
    draw.sent += MARK.findall(row["client_input"])  # The words of who asked, about a client whom the reader sees.
    return Call(path, refused=True if draw.oracle.hidden_records(draw.actor, response_id) else None)


@operation("GET /client/qualification/{client_id}", READERS, 1)
def _qualification(draw: Draw) -> Call:
    return Call(f"/client/qualification/{draw.one('client_profiles')}")


@operation("GET /client/qualification/{client_id}", READERS, 0.5)
def _merged(draw: Draw) -> Call:
    """Ask for a client that was merged: whoever sees the kept one is told so."""
    return Call(f"/client/qualification/{draw.one('client_merges')}", statuses=(410,))


@operation("GET /client/predict", READERS, 0.5)
def _chance(draw: Draw) -> Call:
    params = {"agent_id": draw.one("agent_activity"), "client_id": draw.one("client_profiles")}
    return Call("/client/predict", params)


@operation("GET /agent/predict", READERS, 2)
def _closings(draw: Draw) -> Call:
    return Call("/agent/predict", {"agent_id": draw.one("agent_activity")})


@operation("GET /client/{client_id}/timeline", READERS, 1)
def _timeline(draw: Draw) -> Call:
    return Call(f"/client/{draw.one('client_profiles')}/timeline")


@operation("GET /client/recommend", READERS, 0.4)
def _calls(draw: Draw) -> Call:
    agent = draw.one("agent_activity")
    clients = _listed(draw, "client_profiles", "client_id", {"owner_agent_id": agent}).expected

    def check(answer: Any) -> Iterator[Complaint]:
        if not {item["client_id"] for item in answer["items"]} <= clients:
            yield "leak", "a call to somebody else's client"

    return Call("/client/recommend", {"agent_id": agent, "limit": 10}, check=check)


@operation("GET /agent/recommend", READERS, 0.5)
def _routed(draw: Draw) -> Call:
    params = {"client_id": draw.one("client_profiles"), "limit": 200}
    if draw.hope != "good":
        return Call("/agent/recommend", params)
    return Call("/agent/recommend", params, listed=_listed(draw, "agent_activity", "agent_id", {}))


def _of_client(path: str, weight: float) -> None:
    @operation(f"GET {path}", READERS, weight)
    def _(draw: Draw) -> Call:
        return Call(path, {"client_id": draw.one("client_profiles")})


for _path, _weight in {
    "/market/recommend": 1,
    "/property/recommend": 0.5,
    "/behavior/predict": 2,
    "/behavior/recommend": 0.5,
}.items():
    _of_client(_path, _weight)


@operation("POST /client/closing", READERS, 0.6)
def _chances(draw: Draw) -> Call:
    n = draw.rng.randint(1, 3)
    triples = [{"agent_id": draw.one("agent_activity"), "client_id": draw.one("client_profiles")} for _ in range(n)]

    def check(answer: Any) -> Iterator[Complaint]:
        if [(i["agent_id"], i["client_id"]) for i in answer["items"]] != [tuple(t.values()) for t in triples]:
            yield "refusal", "not the triples that were asked for"

    return Call("/client/closing", body={"triples": triples}, check=check)


@operation("GET /ingest/rejected", LOADERS, 1)
def _rejected(draw: Draw) -> Call:
    every = frozenset(str(key[0]) for key in draw.oracle.seen(draw.actor, "rejected_rows"))
    return Call("/ingest/rejected", {"limit": 200}, listed=Listed("rejected_id", every))


def _shared(path: str, weight: float, **params: Any) -> None:
    @operation(f"GET {path}", READERS, weight)
    def _(draw: Draw) -> Call:
        return Call(path, params)


for _path, _weight in {
    "/market/query": 0.5,
    "/market/heatmap": 0.3,
    "/market/track-record": 0.2,
    "/property/query": 0.5,
    "/property/count": 0.5,
    "/behavior/triggers": 1,
    "/behavior/patterns": 0.5,
    "/client/quality": 0.4,
    "/client/skip-reasons": 0.3,
    "/gpt/ranking": 0.3,
}.items():
    _shared(_path, _weight)


@operation("GET /client/{client_id}/export", PEOPLE, 0.6)
def _exported(draw: Draw) -> Call:
    client_id = draw.one("client_profiles")
    for row in _rows(draw, "gpt_responses"):
        if row["client_id"] == client_id:
            draw.sent += MARK.findall(row["client_input"])  # As with a reply: the words of who asked.

    def check(answer: Any) -> Iterator[Complaint]:
        if answer["client_id"] != client_id:
            yield "leak", "another client is given out"

    return Call(f"/client/{client_id}/export", check=check)


def _of_the_system(path: str) -> None:
    @operation(f"GET {path}", ("admin",), 2.5)  # One caller of twenty is an administrator.
    def ask(draw: Draw) -> Call:
        return Call(path)


for _path in ("/system/queues", "/system/jobs", "/system/models", "/system/keys", "/system/users"):
    _of_the_system(_path)


@operation("GET /market/predict", READERS, 0.3)
def _area(draw: Draw) -> Call:
    return Call("/market/predict", {"area_id": draw.rng.choice(draw.oracle.areas)})


@operation("GET /property/predict", READERS, 0.3)
def _unit(draw: Draw) -> Call:
    return Call("/property/predict", {"unit": draw.rng.choice(draw.oracle.units)})


@operation("GET /property/compare", READERS, 0.3)
def _compared(draw: Draw) -> Call:
    first, second = draw.rng.sample(draw.oracle.units, 2)
    return Call("/property/compare", {"unitA": first, "unitB": second})


@operation("GET /imports", IMPORTERS, 1)
def _imports(draw: Draw) -> Call:
    expected = frozenset(str(row["import_id"]) for row in _rows(draw, "imports"))
    return Call("/imports", _limit(draw, expected), listed=Listed("import_id", expected))


@operation("GET /imports/{import_id}", IMPORTERS, 1)
def _import(draw: Draw) -> Call:
    return Call(f"/imports/{draw.one('imports')}")


@operation("GET /imports/{import_id}/rows", IMPORTERS, 1)
def _rows_of_import(draw: Draw) -> Call:
    return Call(f"/imports/{draw.one('imports')}/rows", {"limit": MOST})
