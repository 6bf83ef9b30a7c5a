"""All SQL of the client layer."""

import datetime as dt
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    Uuid,
    all_,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONPATH, array
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from estate.client.models import ClientMerge, ClientProfile, ClientScore, name_key
from estate.client.schemas import ClientFilter, ClientsWanted, ScoreMade
from estate.core.amounts import to_ascii_digits
from estate.core.db import only_agent
from estate.core.export import held
from estate.core.paging import Key, Page, count_rows, fetch_page
from estate.core.upsert import Written, upsert

__all__ = [
    "add_merge",
    "agreements",
    "change_client",
    "client_ids",
    "clients",
    "clients_of",
    "count_clients",
    "delete_client",
    "forget_scores",
    "get_client",
    "hold_clients",
    "keep_clients",
    "kept_ids",
    "known_agents",
    "lock_clients",
    "merge_of",
    "merged_ids",
    "move_scores",
    "one_merge_at_a_time",
    "page_clients",
    "page_matches",
    "profiles_of",
    "rows_about",
    "score_history",
    "scores_at",
    "shared_names",
    "state_score",
    "store_scores",
    "take_client",
    "write_clients",
]

OWNERS = text("SELECT client_id, owner_agent_id FROM client_profiles WHERE client_id = ANY(:ids)")
AGENTS = text("SELECT agent_id FROM agent_activity WHERE agent_id = ANY(:ids)")

# A stored score follows every change; the history keeps the first, and then those that differ by half a percent.
SCORES = text("""
WITH scored AS (
    SELECT * FROM unnest(
        CAST(:ids AS uuid[]), CAST(:scores AS float8[]), CAST(:lowers AS float8[]), CAST(:uppers AS float8[]),
        CAST(:counts AS int[]), CAST(:models AS uuid[])
    ) AS s (client_id, score, lower, upper, n, model_id)
), changed AS (
    SELECT s.*, c.qualification_score AS before, h.n IS NULL AS is_first
    FROM client_profiles c JOIN scored s USING (client_id)
    LEFT JOIN LATERAL (
        SELECT 1 AS n FROM client_scores WHERE client_id = c.client_id AND kind = 'model' LIMIT 1
    ) h ON true
    WHERE h.n IS NULL
        OR (c.qualification_score, c.qualification_lower, c.qualification_upper, c.qualification_n)
            IS DISTINCT FROM (s.score::numeric, s.lower::numeric, s.upper::numeric, s.n)
    ORDER BY c.client_id FOR NO KEY UPDATE OF c
), kept AS (
    INSERT INTO client_scores (client_id, kind, scored_at, score, lower, upper, n, model_id)
    SELECT client_id, 'model', :now, score, lower, upper, n, model_id FROM changed
    WHERE is_first OR before IS NULL OR abs(before::float8 - score) >= :step
    ON CONFLICT DO NOTHING
)
UPDATE client_profiles c SET
    qualification_score = changed.score, qualification_lower = changed.lower, qualification_upper = changed.upper,
    qualification_n = changed.n
FROM changed WHERE c.client_id = changed.client_id
RETURNING c.client_id
""")
SCORES_AT = text("""
SELECT a.place, s.score::float8
FROM unnest(CAST(:clients AS uuid[]), CAST(:moments AS timestamptz[])) WITH ORDINALITY a (client_id, moment, place)
CROSS JOIN LATERAL (
    SELECT score FROM client_scores
    WHERE client_id = a.client_id AND kind = 'model' AND scored_at <= a.moment ORDER BY scored_at DESC LIMIT 1
) s
""")
HISTORY_STEP = 0.005


def _name_parts(words: str) -> str:
    """Return the SQL of what a name that holds some words, in any order, is like: a pattern for each of them."""
    return f"(string_to_array('%' || replace({name_key(words)}, ' ', '% %') || '%', ' '))"


# A name is found in texts whichever of its words comes first: one of the same words in another order is shared, too.
SHARED = text(
    """
WITH asked AS MATERIALIZED (
    SELECT name AS asked_name, /*words of name*/ AS words, /*parts of name*/ AS parts
    FROM unnest(CAST(:names AS text[])) AS n (name)
), others AS (
    SELECT asked_name, words, name FROM asked, agent_activity
    UNION ALL
    SELECT asked_name, words, name FROM asked JOIN client_profiles ON name_key LIKE ALL (parts)
    WHERE NOT client_id = ANY(:ids)
)
SELECT DISTINCT asked_name FROM others WHERE words = /*words of name*/
""".replace(
        "/*words of name*/",
        "(SELECT string_agg(word, ' ' ORDER BY word) FROM regexp_split_to_table(lower(name), '[^[:alnum:]]+') AS word"
        " WHERE word <> '')",
    ).replace("/*parts of name*/", _name_parts("name"))
)
NAME_PARTS = text(_name_parts(":words"))
NO_NAME = re.compile(r"""[][(){}<>+*?$^|\\%;=/"!@#&]""")
"""What stands in no name; a text with such a sign is looked for as it is."""
FEWEST_DIGITS = 6
"""Digits that a search must end a phone number with; fewer are a year, a budget or a number of rooms."""
KEEP = text("SELECT client_id FROM client_profiles WHERE client_id = ANY(:ids) ORDER BY client_id FOR KEY SHARE")
HOLD = text("SELECT 1 FROM client_profiles WHERE client_id = ANY(:ids) ORDER BY client_id FOR NO KEY UPDATE")

# Every key is an equality that a sort or hash finds, and each client is matched with the first of those that share
# its key only: as many rows as clients, never as many as pairs. A name alone is none: a second fact must agree.
MATCHES = text("""
WITH namesakes AS MATERIALIZED (
    SELECT client_id, name_key, owner_agent_id, budget, currency, location_targets FROM client_profiles
    WHERE name_key IN (SELECT name_key FROM client_profiles GROUP BY name_key HAVING count(*) > 1)
), facts (client_id, kind, key, fact) AS (
    SELECT client_id, 1, phone, '' FROM client_profiles
    WHERE phone IN (SELECT phone FROM client_profiles GROUP BY phone HAVING count(*) > 1)
    UNION ALL
    SELECT client_id, 2, lower(email), '' FROM client_profiles
    WHERE lower(email) IN (SELECT lower(email) FROM client_profiles GROUP BY lower(email) HAVING count(*) > 1)
    UNION ALL
    SELECT client_id, 3, name_key, CAST(owner_agent_id AS text) FROM namesakes WHERE owner_agent_id IS NOT NULL
    UNION ALL
    SELECT client_id, 4, name_key, budget || currency FROM namesakes WHERE budget IS NOT NULL
    UNION ALL
    SELECT client_id, 5, name_key, lower(place #>> '{}')
    FROM namesakes, jsonb_path_query(location_targets, 'strict $.**') AS place WHERE jsonb_typeof(place) = 'string'
), shared AS (
    SELECT client_id AS second, min(CAST(client_id AS text)) OVER (PARTITION BY kind, key, fact) AS first FROM facts
)
SELECT DISTINCT CAST(first AS uuid) AS first, second FROM shared WHERE first <> CAST(second AS text)
""").columns(first=Uuid, second=Uuid)

AGREE = text("""
SELECT a.client_id, b.client_id, array_remove(ARRAY[
    CASE WHEN a.phone = b.phone THEN 'phone' END,
    CASE WHEN lower(a.email) = lower(b.email) THEN 'email' END,
    CASE WHEN a.name_key = b.name_key THEN 'name' END,
    CASE WHEN a.owner_agent_id = b.owner_agent_id THEN 'owner_agent_id' END,
    CASE WHEN (a.budget, a.currency) = (b.budget, b.currency) THEN 'budget' END,
    CASE WHEN EXISTS (
        SELECT lower(place #>> '{}') FROM jsonb_path_query(a.location_targets, 'strict $.**') AS place
        WHERE jsonb_typeof(place) = 'string'
        INTERSECT
        SELECT lower(place #>> '{}') FROM jsonb_path_query(b.location_targets, 'strict $.**') AS place
        WHERE jsonb_typeof(place) = 'string'
    ) THEN 'location_targets' END
], NULL)
FROM unnest(CAST(:firsts AS uuid[]), CAST(:seconds AS uuid[])) WITH ORDINALITY AS p (first, second, position)
JOIN client_profiles a ON a.client_id = p.first
JOIN client_profiles b ON b.client_id = p.second
ORDER BY p.position
""")


def known_agents(session: Session, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some ids that are agents."""
    return set(session.execute(AGENTS, {"ids": sorted(ids)}).scalars()) if ids else set()


def write_clients(session: Session, rows: Sequence[Mapping[str, Any]], on_insert: Mapping[str, Any]) -> list[Written]:
    """Upsert clients; return ``created``, ``updated`` or ``stale`` for each row.

    A row that names no owner is offered with the stored one: to the row policy it is a new row before it is a change.
    """
    stored = session.execute(OWNERS, {"ids": [row["client_id"] for row in rows]})
    owners = {row[0]: row[1] for row in stored}

    def offered(row: Mapping[str, Any]) -> dict[str, Any]:
        return {**on_insert, "owner_agent_id": owners.get(row["client_id"])}

    return upsert(session, cast(Table, ClientProfile.__table__), rows, on_insert=offered)


def store_scores(session: Session, scores: Mapping[uuid.UUID, ScoreMade], now: dt.datetime) -> list[uuid.UUID]:
    """Write qualification scores and return whose changed; ``updated_at`` stays, since it dates the profile."""
    made = list(scores.values())
    values = {
        "ids": list(scores),
        "scores": [one.score for one in made],
        "lowers": [one.lower for one in made],
        "uppers": [one.upper for one in made],
        "counts": [one.n for one in made],
        "models": [one.model_id for one in made],
        "now": now,
        "step": HISTORY_STEP,
    }
    return list(session.execute(SCORES, values).scalars())


def state_score(session: Session, row: Mapping[str, Any]) -> None:
    """Set the stated score of a client, and keep who stated it, when and why."""
    session.execute(insert(ClientScore).values(kind="stated", **row))
    stated = update(ClientProfile).where(ClientProfile.client_id == row["client_id"])
    session.execute(stated.values(stated_score=row["score"]))


def score_history(session: Session, client_id: uuid.UUID, most: int) -> Sequence[ClientScore]:
    """Return the scores of a client, the newest first."""
    query = select(ClientScore).where(ClientScore.client_id == client_id)
    return session.scalars(query.order_by(ClientScore.scored_at.desc(), ClientScore.kind).limit(most)).all()


def scores_at(session: Session, moments: Sequence[tuple[uuid.UUID, dt.datetime]]) -> dict[int, float]:
    """Return the model's last score of each (client, moment) by its place; where there was none it is absent."""
    asked = {"clients": [c for c, _ in moments], "moments": [at for _, at in moments]}
    return {place - 1: score for place, score in session.execute(SCORES_AT, asked)}


def move_scores(session: Session, from_id: uuid.UUID, to_id: uuid.UUID) -> int:
    """Hand the scores of one client to another; of two of one moment the other's own stays."""
    own = aliased(ClientScore)
    twin = exists().where(own.client_id == to_id, own.kind == ClientScore.kind, own.scored_at == ClientScore.scored_at)
    of_client = ClientScore.client_id == from_id
    session.execute(delete(ClientScore).where(of_client, twin).execution_options(synchronize_session=False))
    moved = update(ClientScore).where(of_client).values(client_id=to_id).returning(ClientScore.kind)
    return len(session.execute(moved.execution_options(synchronize_session=False)).all())


def client_ids(session: Session) -> list[uuid.UUID]:
    """Return the ids of all clients."""
    return list(session.scalars(select(ClientProfile.client_id).order_by(ClientProfile.client_id)))


def get_client(session: Session, client_id: uuid.UUID) -> ClientProfile | None:
    """Return one client."""
    return session.get(ClientProfile, client_id, populate_existing=True)


def clients(session: Session, ids: Collection[uuid.UUID]) -> Sequence[ClientProfile]:
    """Return the clients of some ids in the order of these."""
    query = select(ClientProfile).where(ClientProfile.client_id.in_(ids)).order_by(ClientProfile.client_id)
    return session.scalars(query).all()


def reached_by(session: Session, phones: Collection[str], emails: Collection[str]) -> Sequence[ClientProfile]:
    """Return the clients with one of some telephone numbers, or of some e-mail addresses in small letters."""
    reached = or_(ClientProfile.phone.in_(phones), func.lower(ClientProfile.email).in_(emails))
    return session.scalars(select(ClientProfile).where(reached).order_by(ClientProfile.client_id)).all()


def clients_of(session: Session, agent_id: uuid.UUID) -> Sequence[ClientProfile]:
    """Return the clients of one agent."""
    query = select(ClientProfile).where(ClientProfile.owner_agent_id == agent_id).order_by(ClientProfile.client_id)
    return session.scalars(query).all()


def page_clients(session: Session, wanted: ClientFilter, currency: str | None) -> Page[ClientProfile]:
    """Return clients in the order of their ids; `currency` limits them to budgets in it."""
    query = _filtered(session, wanted, currency)
    return fetch_page(session, query, Key((ClientProfile.client_id,)), cursor=wanted.cursor, limit=wanted.limit)


def count_clients(session: Session, wanted: ClientsWanted, currency: str | None) -> int:
    """Return how many clients `page_clients` lists on all its pages."""
    return count_rows(session, _filtered(session, wanted, currency))


def _filtered(session: Session, wanted: ClientsWanted, currency: str | None) -> Select[ClientProfile]:
    query = select(ClientProfile).where(*_identity(wanted), *_means(wanted, currency))
    if (agent_id := only_agent(session)) is not None:
        query = query.where(ClientProfile.owner_agent_id == agent_id)
    if wanted.search is not None:
        query = query.where(_mentions(wanted.search))
    if wanted.location is not None:
        query = query.where(_says(ClientProfile.location_targets, wanted.location))
    return query


def _identity(wanted: ClientsWanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.client_id:
        conditions.append(ClientProfile.client_id.in_(wanted.client_id))
    if wanted.owner_agent_id is not None:
        conditions.append(ClientProfile.owner_agent_id == wanted.owner_agent_id)
    if wanted.updated_since is not None:
        conditions.append(ClientProfile.updated_at >= wanted.updated_since)
    return conditions


def _means(wanted: ClientsWanted, currency: str | None) -> list[ColumnElement[bool]]:
    conditions = []
    if currency is not None:
        conditions.append(ClientProfile.currency == currency)
    if wanted.budget_min is not None:
        conditions.append(ClientProfile.budget >= wanted.budget_min)
    if wanted.budget_max is not None:
        conditions.append(ClientProfile.budget <= wanted.budget_max)
    if wanted.min_score is not None:
        conditions.append(ClientProfile.qualification_score >= wanted.min_score)
    return conditions


def _mentions(words: str) -> ColumnElement[bool]:
    """Match all words of a name in any order, a free text, a whole e-mail, or how a phone number ends."""
    conditions = [
        func.strpos(func.lower(ClientProfile.name), words.lower()) > 0,
        func.lower(ClientProfile.email) == words.lower(),
        _says(ClientProfile.interest, words),
        _says(ClientProfile.location_targets, words),
        _says(ClientProfile.objections, words),
    ]
    if not NO_NAME.search(words):
        conditions.append(ClientProfile.name_key.like(all_(NAME_PARTS.bindparams(words=words))))
    if end := _phone_end(words):
        conditions.append(ClientProfile.phone.endswith(end))
    return or_(*conditions)


def _phone_end(words: str) -> str | None:
    """Return the digits that a phone number ends with, of a text that is nothing but one, in any digits and spelling.

    Examples
    --------
    >>> _phone_end("00971 50-123 4567"), _phone_end("٠٥٠١٢٣٤٥٦٧"), _phone_end("12345"), _phone_end("villa 123456")
    ('971501234567', '501234567', None, None)
    """
    digits = re.sub(r"\D", "", to_ascii_digits(words)).lstrip("0")
    return digits if len(digits) >= FEWEST_DIGITS and not any(c.isalpha() for c in words) else None


def _says(column: InstrumentedAttribute[Any], words: str) -> ColumnElement[bool]:
    """Match words within the text values of a jsonb column, not within its keys or punctuation.

    The values are taken apart only where the words, as JSON writes them, stand anywhere in the document.
    """
    written = to_json(words.lower()).decode()[1:-1]
    stands = func.strpos(func.lower(sql_cast(column, Text)), written) > 0
    part = func.jsonb_path_query(column, sql_cast("strict $.**", JSONPATH)).table_valued("value").render_derived()
    said = func.lower(part.c.value.op("#>>")(text("'{}'")), type_=Text)
    is_text = func.jsonb_typeof(part.c.value) == "string"
    return and_(stands, exists(select(1).select_from(part).where(is_text, func.strpos(said, words.lower()) > 0)))


def page_matches(session: Session, *, cursor: str | None, limit: int) -> Page[Sequence[uuid.UUID]]:
    """Return pairs of clients that share a key, in the order of their ids."""
    pairs = MATCHES.subquery("pairs")
    key = Key((pairs.c.first, pairs.c.second))
    return fetch_page(session, select(array(key.columns)), key, cursor=cursor, limit=limit)


def agreements(
    session: Session, pairs: Sequence[Sequence[uuid.UUID]]
) -> list[tuple[uuid.UUID, uuid.UUID, Sequence[str]]]:
    """Return the columns in which the two clients of each pair agree; a pair of which one is gone is left out."""
    asked = {"firsts": [first for first, _ in pairs], "seconds": [second for _, second in pairs]}
    return [(row[0], row[1], row[2]) for row in session.execute(AGREE, asked)] if pairs else []


def hold_clients(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Lock those of some clients that exist, in the order of their ids, so that none is merged meanwhile."""
    if ids:
        session.execute(HOLD, {"ids": list(ids)})


def keep_clients(session: Session, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some clients that exist, locked against being deleted, but not against being changed."""
    return set(session.scalars(KEEP, {"ids": list(ids)})) if ids else set()


def kept_ids(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return, for those of some ids that were merged, the client that holds their history now."""
    if not ids:
        return {}
    query = select(ClientMerge.merged_id, ClientMerge.kept_id).where(ClientMerge.merged_id.in_(ids))
    return {row[0]: row[1] for row in session.execute(query)}


def merged_ids(session: Session) -> dict[uuid.UUID, uuid.UUID]:
    """Return for every client that was merged the one that holds its history now."""
    return {row[0]: row[1] for row in session.execute(select(ClientMerge.merged_id, ClientMerge.kept_id))}


def merge_of(session: Session, merged_id: uuid.UUID) -> ClientMerge | None:
    """Return the record of a merge."""
    return session.get(ClientMerge, merged_id, populate_existing=True)


def one_merge_at_a_time(session: Session) -> None:
    """Wait for a merge that is under way, and let others wait until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("client_merges", 0))))


def lock_clients(
    session: Session, ids: Collection[uuid.UUID], *, to_delete: bool = False
) -> dict[uuid.UUID, dict[str, Any]]:
    """Return the columns of some clients, locked; to delete them, also against new references to them."""
    table = cast(Table, ClientProfile.__table__)
    query = select(table).where(table.c.client_id.in_(ids)).order_by(table.c.client_id)
    rows = session.execute(query.with_for_update(key_share=not to_delete))
    return {row.client_id: dict(row._mapping) for row in rows}


def change_client(session: Session, client_id: uuid.UUID, changes: Mapping[str, Any]) -> None:
    """Write some columns of a client."""
    if changes:
        session.execute(update(ClientProfile).where(ClientProfile.client_id == client_id).values(**changes))


def take_client(session: Session, client_id: uuid.UUID, kept_id: uuid.UUID) -> None:
    """Delete a client, and let those that were merged into it belong to the one that is kept."""
    session.execute(update(ClientMerge).where(ClientMerge.kept_id == client_id).values(kept_id=kept_id))
    session.execute(delete(ClientProfile).where(ClientProfile.client_id == client_id))


def add_merge(session: Session, values: Mapping[str, Any]) -> None:
    """Write the record of a merge."""
    session.execute(insert(ClientMerge), [dict(values)])


def rows_about(session: Session, client_id: uuid.UUID) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a client, whole, by table."""
    return {
        "client_profiles": held(session, ClientProfile, ClientProfile.client_id == client_id),
        "client_merges": held(session, ClientMerge, ClientMerge.kept_id == client_id),
        "client_scores": held(session, ClientScore, ClientScore.client_id == client_id),
    }


def profiles_of(session: Session, client_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return the profile of a client, then those of the clients that were merged into it."""
    own = select(cast(Table, ClientProfile.__table__)).where(ClientProfile.client_id == client_id)
    merged = select(ClientMerge.profile).where(ClientMerge.kept_id == client_id).order_by(ClientMerge.merged_id)
    return [*(dict(row) for row in session.execute(own).mappings()), *session.scalars(merged)]


def shared_names(session: Session, names: Collection[str], ids: Collection[uuid.UUID]) -> set[str]:
    """Return those of some names that an agent has, or a client other than some."""
    return set(session.scalars(SHARED, {"names": list(names), "ids": list(ids)})) if names else set()


def delete_client(session: Session, client_id: uuid.UUID) -> dict[str, int]:
    """Delete a client with its scores and merges; return how many rows of each table."""
    counts = {}
    for model, of_client in (
        (ClientScore, ClientScore.client_id == client_id),
        (ClientMerge, ClientMerge.kept_id == client_id),
        (ClientProfile, ClientProfile.client_id == client_id),
    ):
        gone = delete(model).where(of_client).execution_options(synchronize_session=False)
        counts[cast(Table, model.__table__).name] = session.execute(gone).rowcount  # type: ignore[attr-defined]
    return counts


def forget_scores(session: Session, model_ids: Collection[uuid.UUID]) -> None:
    """Delete the scores that some models made."""
    gone = delete(ClientScore).where(ClientScore.model_id.in_(model_ids))
    session.execute(gone.execution_options(synchronize_session=False))
