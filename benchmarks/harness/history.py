"""Fills a database with a long history of events that look as if the product had folded them, within minutes.

The rows are made by the database itself. Indexes, keys and foreign keys of the events table are dropped before
and made again after, from their own definitions, so that what is measured afterwards runs on the full table.
"""

from random import Random

import psycopg

from benchmarks.harness.world import Event, new_id

__all__ = ["fill", "new_events", "recount_differs"]

AGENTS = 200
TERMS = 200
EVENTS_PER_CLIENT = 50
EVENTS_PER_UNIT = 100

# Ids follow from numbers, so that the same history comes out each time and new events can name its people.
_ID = "md5('{kind} ' || {number})::uuid"
AGENT, CLIENT, UNIT, DEAL, EVENT = (
    _ID.format(kind=k, number="{}") for k in ("agent", "client", "unit", "deal", "event")
)
PROJECT = "md5('project')::uuid"
START = "timestamptz '2015-01-01'"

_PEOPLE = f"""
INSERT INTO agent_activity (agent_id, name, currency)
SELECT {AGENT.format("i")}, 'Agent ' || i, 'AED' FROM generate_series(0, {AGENTS} - 1) i;
INSERT INTO client_profiles (client_id, name, currency)
SELECT {CLIENT.format("i")}, 'Client ' || i, 'AED'
FROM generate_series(0, %(events)s / {EVENTS_PER_CLIENT}) i;
INSERT INTO projects (project_id, name) VALUES ({PROJECT}, 'Project');
INSERT INTO properties (project_id, unit_id, price, currency)
SELECT {PROJECT}, {UNIT.format("i")}, 1000000 + i, 'AED'
FROM generate_series(0, %(events)s / {EVENTS_PER_UNIT}) i;
INSERT INTO deals (deal_id, agent_id, client_id, stage, opened_at, closed_at, outcome, currency)
SELECT {DEAL.format("i")}, {AGENT.format(f"i % {AGENTS}")}, {CLIENT.format("i")},
    (ARRAY['won', 'lost', 'new'])[1 + i % 3], {START}, CASE WHEN i % 3 < 2 THEN {START} + interval '10 years' END,
    (ARRAY['won', 'lost', NULL])[1 + i % 3], 'AED'
FROM generate_series(0, %(events)s / {EVENTS_PER_CLIENT}) i WHERE i % 2 = 0;
"""  # noqa: S608 (constants)

# Every second client has a deal with one agent; that client's events are decided by it.
_EVENTS = f"""
INSERT INTO behavior_events (event_id, agent_id, client_id, property_project_id, property_unit_id, trigger_word,
    emotion_detected, response_speed, conversion_effect, time_of_event, pattern_group, content_hash,
    deal_id, folded_deal_id, folded_outcome, folded_at)
SELECT {EVENT.format("i")}, {AGENT.format(f"c % {AGENTS}")}, {CLIENT.format("c")},
    CASE WHEN i % 3 = 0 THEN {PROJECT} END, CASE WHEN i % 3 = 0 THEN {UNIT.format(f"i / {EVENTS_PER_UNIT}")} END,
    'term ' || i % {TERMS}, (ARRAY['calm', 'keen', 'worried'])[1 + i % 3], i % 900, (i % 3) - 1,
    {START} + i * interval '20 seconds', CASE WHEN c % 2 = 0 THEN (ARRAY['won', 'lost', 'new'])[1 + c % 3]
        ELSE CASE WHEN i % 3 = 2 THEN 'won' ELSE 'lost' END END,
    decode(md5(i::text) || md5(i::text), 'hex'),
    CASE WHEN c % 2 = 0 AND i % 5 = 0 THEN {DEAL.format("c")} END,
    CASE WHEN c % 2 = 0 THEN {DEAL.format("c")} END,
    CASE WHEN c % 2 = 0 THEN (ARRAY['won', 'lost', 'open'])[1 + c % 3]
        ELSE CASE WHEN i % 3 = 2 THEN 'won' ELSE 'lost' END END, now()
FROM (SELECT i, i / {EVENTS_PER_CLIENT} AS c FROM generate_series(0, %(events)s - 1) i) numbers
"""  # noqa: S608 (constants)

_DRAWN = f"""
SELECT {AGENT.format(f"c %% {AGENTS}")}::text, {CLIENT.format("c")}::text, {PROJECT}::text, {UNIT.format("u")}::text
FROM unnest(%(clients)s::int[], %(units)s::int[]) AS drawn (c, u)
"""  # noqa: S608 (constants)

_COUNTS = """
TRUNCATE trigger_stats;
INSERT INTO trigger_stats (term, n_won, n_lost, n_open)
SELECT trigger_word, count(*) FILTER (WHERE folded_outcome = 'won'), count(*) FILTER (WHERE folded_outcome = 'lost'),
    count(*) FILTER (WHERE folded_outcome = 'open') FROM behavior_events GROUP BY 1;
UPDATE agent_activity a SET event_count = e.n, response_count = e.responses, response_seconds_total = e.seconds
FROM (SELECT agent_id, count(*) AS n, count(response_speed) AS responses, sum(response_speed) AS seconds
    FROM behavior_events GROUP BY 1) e WHERE e.agent_id = a.agent_id;
UPDATE properties p SET event_count = e.n
FROM (SELECT property_unit_id, count(*) AS n FROM behavior_events WHERE property_unit_id IS NOT NULL GROUP BY 1) e
WHERE e.property_unit_id = p.unit_id;
"""

# The outcome of an event anew: that of the deal between its agent and client, of which there is one at most, else what
# its own effect says.
_DIFFERENCES = """
SELECT (SELECT count(*) FILTER (WHERE (s.n_won, s.n_lost, s.n_open) IS DISTINCT FROM (e.won, e.lost, e.open))
            + coalesce(sum(e.wrong), 0)
        FROM trigger_stats s FULL JOIN (
            SELECT trigger_word AS term, count(*) FILTER (WHERE outcome = 'won') AS won,
                count(*) FILTER (WHERE outcome = 'lost') AS lost, count(*) FILTER (WHERE outcome = 'open') AS open,
                count(*) FILTER (WHERE folded_outcome IS DISTINCT FROM outcome OR folded_at IS NULL) AS wrong
            FROM (
                SELECT e.*, CASE WHEN d.deal_id IS NOT NULL THEN coalesce(d.outcome, 'open')
                    WHEN e.conversion_effect IS NULL THEN 'open'
                    WHEN e.conversion_effect > 0 THEN 'won' ELSE 'lost' END AS outcome
                FROM behavior_events e LEFT JOIN deals d USING (agent_id, client_id)) decided
            GROUP BY 1) e USING (term))
    + (SELECT count(*) FROM agent_activity a LEFT JOIN (
        SELECT agent_id, count(*) AS n, count(response_speed) AS responses, sum(response_speed) AS seconds
        FROM behavior_events GROUP BY 1) e USING (agent_id)
        WHERE (a.event_count, a.response_count, a.response_seconds_total)
            <> (coalesce(e.n, 0), coalesce(e.responses, 0), coalesce(e.seconds, 0)))
    + (SELECT count(*) FROM properties p LEFT JOIN (
        SELECT property_unit_id AS unit_id, count(*) AS n FROM behavior_events GROUP BY 1) e USING (unit_id)
        WHERE p.event_count <> coalesce(e.n, 0))
"""

_CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid), contype::text FROM pg_constraint
WHERE conrelid = 'behavior_events'::regclass AND contype IN ('p', 'f') ORDER BY contype DESC
"""
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'behavior_events' AND indexname NOT LIKE 'pk%'
"""


def fill(connection: psycopg.Connection, events: int) -> None:
    """Make a history in a database that has none.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit mode, as the owner of the tables.
    events : int
        How many events it is to have.
    """
    for statement in _PEOPLE.split(";\n"):
        if statement.strip():
            _run(connection, statement, events)
    constraints = connection.execute(_CONSTRAINTS).fetchall()
    indexes = connection.execute(_INDEXES).fetchall()
    for name, _, _ in sorted(constraints, key=lambda c: c[2]):
        connection.execute(f"ALTER TABLE behavior_events DROP CONSTRAINT {name}".encode())
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    _run(connection, _EVENTS, events)
    connection.execute("SET maintenance_work_mem = '512MB'")
    for name, definition, _ in constraints:
        connection.execute(f"ALTER TABLE behavior_events ADD CONSTRAINT {name} {definition}".encode())
    for _, definition in indexes:
        connection.execute(definition.encode())
    connection.execute(_COUNTS.encode())
    connection.execute("VACUUM ANALYZE")


def _run(connection: psycopg.Connection, statement: str, events: int) -> None:
    """Run a statement in which every percent sign but that of the parameter is meant as such."""
    connection.execute(statement.replace("%(events)s", str(events)).encode())


def recount_differs(connection: psycopg.Connection) -> int:
    """Count the rows of the aggregates, and the events, whose figures or outcome differ from a recount of all events.

    Outcomes are recounted from deals and effects, not from what folding wrote beside each event.
    """
    row = connection.execute(_DIFFERENCES.encode()).fetchone()
    assert row is not None
    return int(row[0])


def new_events(connection: psycopg.Connection, rng: Random, history: int, n: int) -> list[Event]:
    """Draw new events about the people of a history, spread over all of them."""
    clients = [rng.randrange(history // EVENTS_PER_CLIENT) for _ in range(n)]
    units = [rng.randrange(history // EVENTS_PER_UNIT) for _ in range(n)]
    rows = connection.execute(_DRAWN.encode(), {"clients": clients, "units": units})
    return [_event(rng, *row) for row in rows]


def _event(rng: Random, agent: str, client: str, project: str, unit: str) -> Event:
    event: Event = {"event_id": new_id(rng), "agent_id": agent, "client_id": client}
    event |= {"trigger_word": f"term {rng.randrange(TERMS)}", "conversion_effect": rng.choice((0.5, -0.5))}
    event |= {"response_speed": float(rng.randrange(900)), "time_of_event": "2024-06-01T00:00:00Z"}
    if rng.random() < 1 / 3:
        event |= {"property_project_id": project, "property_unit_id": unit}
    return event
