"""Questions about a stored world, with the records that each needs as SQL finds them; the product knows none of them.

Every template takes its values from rows of one layer. A question is kept when its SQL names at most three records,
so that a search for the first ten can hold all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

__all__ = ["Asked", "questions"]

Key = tuple[str, str]
MOST_NEEDED = 3
MIN_LETTERS = 5
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the records that it needs.

    Parameters
    ----------
    layer, kind : str
        Layer of the needed records; which template it was, ``misspelt`` when the name in it is.
    text : str
        As somebody would type it.
    needed : frozenset of (layer, record id)
        Records that answer it.
    """

    layer: str
    kind: str
    text: str
    needed: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Family:
    """Rows to ask about: their SQL gives ``needed`` (ids) and the values of the templates."""

    layer: str
    kind: str
    sql: LiteralString
    templates: Sequence[str]
    named: str | None = None


FAMILIES = (
    Family(
        "market",
        "area",
        "SELECT ARRAY[area_id::text] AS needed, area_name AS name FROM market_insights",
        (
            "Is now a good moment to buy in {name}?",
            "what do flats go for around {name} these days",
            "{name}: are prices climbing or falling?",
            "My client asks how busy the {name} area is.",
            "Tell me how many sales there were at {name} lately",
            "كيف حال السوق في {name} هذه الأيام؟",
            "هل الأسعار مرتفعة في {name}؟",
        ),
        "name",
    ),
    Family(
        "agent",
        "agent",
        "SELECT array_agg(agent_id::text) AS needed, name FROM agent_activity GROUP BY name",
        (
            "How good is {name} at closing?",
            "what is {name}'s average response time",
            "Number of deals that {name} has won so far",
            "Should I hand this lead to {name}?",
            "ما مستوى أداء {name}؟",
        ),
        "name",
    ),
    Family(
        "client",
        "client by name",
        "SELECT array_agg(client_id::text) AS needed, name FROM client_profiles GROUP BY name",
        (
            "How much can {name} spend?",
            "{name} called again, what were they after?",
            "Remind me of {name}'s objections",
            "is {name} a fast or a slow decider",
            "May we phone {name} or not?",
            "ماذا يريد {name}؟",
        ),
        "name",
    ),
    Family(
        "client",
        "client by wish",
        """
        SELECT array_agg(client_id::text) AS needed, t ->> 'area_name' AS area, interest ->> 'bedrooms' AS rooms,
            interest -> 'unit_types' ->> 0 AS kind, o AS objection
        FROM client_profiles, jsonb_array_elements(location_targets) t, jsonb_array_elements_text(objections) o
        GROUP BY 2, 3, 4, 5
        """,
        (
            "Which client wants a {rooms}-bedroom {kind} in {area} but objects to {objection}?",
            "client looking at {area}, {kind} with {rooms} bedrooms, objection {objection}",
        ),
    ),
    Family(
        "property",
        "unit by title",
        """
        SELECT array_agg(project_id || ':' || unit_id) AS needed, p.name AS project, title
        FROM properties u JOIN projects p USING (project_id) GROUP BY 2, 3
        """,
        (
            "Do you still have the {title}?",
            "what does the {title} cost",
            "Payment plan for {title}, please",
        ),
    ),
    Family(
        "property",
        "unit by project",
        """
        SELECT ARRAY[project_id || ':' || unit_id] AS needed, p.name AS project, bedrooms AS rooms,
            substring(title FROM 'floor (\\d+)') AS floor
        FROM properties u JOIN projects p USING (project_id)
        WHERE bedrooms > 0 AND title ~ 'floor' AND 1 = (
            SELECT count(*) FROM properties o WHERE o.project_id = u.project_id AND o.bedrooms = u.bedrooms
            AND substring(o.title FROM 'floor (\\d+)') = substring(u.title FROM 'floor (\\d+)'))
        """,
        (
            "the {rooms} bedroom place on floor {floor} of {project}",
            "In {project}, floor {floor}, {rooms} bedrooms: is it free?",
        ),
        "project",
    ),
    Family(
        "property",
        "unit by price",
        """
        SELECT array_agg(project_id || ':' || unit_id) AS needed, to_char(price, 'FM999,999,999') AS price
        FROM properties GROUP BY price
        """,
        ("Which unit is listed at exactly AED {price}?", "the home priced {price} AED"),
    ),
    Family(
        "property",
        "unit by budget",
        """
        SELECT (array_agg(project_id || ':' || unit_id ORDER BY price))[1:2] AS needed, area_name AS area,
            bedrooms AS rooms, to_char((array_agg(price ORDER BY price))[2] + 500, 'FM999,999,999') AS budget
        FROM properties JOIN market_insights USING (area_id)
        WHERE status = 'available' AND bedrooms > 1 GROUP BY area_name, bedrooms
        HAVING count(*) > 2 AND (array_agg(price ORDER BY price))[3] > (array_agg(price ORDER BY price))[2] + 500
            AND NOT EXISTS (
                SELECT FROM properties o JOIN market_insights i USING (area_id)
                WHERE i.area_name = market_insights.area_name AND o.bedrooms > properties.bedrooms
                AND o.status = 'available'
                AND o.price <= (array_agg(properties.price ORDER BY properties.price))[2] + 500)
        """,
        (
            "Anything with {rooms} bedrooms in {area} up to AED {budget}?",
            "I need a {rooms}-bedroom home in {area}, budget {budget} AED",
        ),
    ),
    Family(
        "behavior",
        "trigger",
        """
        SELECT DISTINCT ARRAY['trigger:' || term] AS needed, term FROM trigger_findings
        WHERE EXISTS (SELECT FROM documents d WHERE d.record_id = 'trigger:' || term)
        """,
        ("Does it pay to bring up {term}?", "how often do deals close when {term} is mentioned"),
    ),
    Family(
        "behavior",
        "deal by value",
        """
        SELECT array_agg(deal_id::text) AS needed, to_char(value, 'FM999,999,999') AS value, stage
        FROM deals WHERE value IS NOT NULL GROUP BY value, stage
        """,
        ("What became of the deal worth AED {value}?", "the {stage} deal over {value} AED"),
    ),
    Family(
        "behavior",
        "deal by day",
        """
        SELECT array_agg(deal_id::text) AS needed, stage,
            to_char(opened_at AT TIME ZONE 'UTC', 'FMDD FMMonth YYYY') AS day
        FROM deals GROUP BY 2, 3
        """,
        ("Which {stage} deal did we open on {day}?",),
    ),
    Family(
        "behavior",
        "conversation by day",
        """
        SELECT array_agg(conversation_id::text) AS needed, channel,
            to_char(started_at AT TIME ZONE 'UTC', 'FMMonth FMDD, YYYY') AS day
        FROM conversations GROUP BY 2, 3
        """,
        ("What was said in the {channel} of {day}?",),
    ),
    Family(
        "behavior",
        "deal of a client",
        """
        SELECT array_agg(deal_id::text) AS needed, client_id::text AS client, name
        FROM deals JOIN client_profiles USING (client_id) WHERE name IS NOT NULL
        AND NOT EXISTS (SELECT FROM conversations c WHERE c.client_id = deals.client_id)
        GROUP BY client_id, name
        """,
        ("Where does our deal with {name} stand?", "history of client {client}", "أين وصلت صفقة {name}؟"),
    ),
)


def questions(connection: psycopg.Connection[Any], rng: Random, n: int) -> list[Asked]:
    """Draw `n` questions, as many of each layer; every third with a name that can be misspelt has it misspelt."""
    layers: dict[str, list[Family]] = {}
    for family in FAMILIES:
        layers.setdefault(family.layer, []).append(family)
    return [one for families in layers.values() for one in _drawn(connection, families, rng, n // len(layers))]


def _drawn(connection: psycopg.Connection[Any], families: Sequence[Family], rng: Random, n: int) -> Iterator[Asked]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = {family.kind: _usable(cursor.execute(family.sql).fetchall()) for family in families}
    drawable = [family for family in families if rows[family.kind]]
    for number in range(n):
        family = drawable[number % len(drawable)]
        row = rng.choice(rows[family.kind])
        values, kind = dict(row), family.kind
        if family.named and rng.random() < 1 / 3:
            values[family.named] = misspelt(str(row[family.named]), rng)
            kind = "misspelt" if values[family.named] != row[family.named] else kind
        text = rng.choice(family.templates).format(**values)
        yield Asked(family.layer, kind, text, frozenset((family.layer, one) for one in row["needed"]))


def _usable(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    rows = [row for row in rows if len(row["needed"]) <= MOST_NEEDED and None not in row.values()]
    return sorted(rows, key=lambda row: str(row))


def misspelt(name: str, rng: Random) -> str:
    """Swap, drop, double or replace one letter of a longer word, as a hasty typist does."""
    words = name.split()
    places = [i for i, word in enumerate(words) if len(word) >= MIN_LETTERS and word.isascii() and word.isalpha()]
    if not places:
        return name
    place = rng.choice(places)
    word = words[place]
    at = rng.randrange(1, len(word) - 1)
    words[place] = rng.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + rng.choice(LETTERS) + word[at + 1 :],
        )
    )
    return " ".join(words)
