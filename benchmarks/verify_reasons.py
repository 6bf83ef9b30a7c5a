"""Derives anew, by SQL of its own, what recommendations say and whether they keep the limits.

It shares nothing with the product: each statement is read as a person would, from its field, its value and its
counts, and held against the stored rows.
"""

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import psycopg

from estate.intelligence.schemas import Reason, Recommendation, TradeOff

__all__ = ["prepare", "verified", "violations"]

TOLERANCE = 1e-9
NEWEST = 2_000

_UNIT = """
SELECT p.*, j.developer FROM properties p JOIN projects j USING (project_id)
WHERE p.project_id = %(project)s AND p.unit_id = %(unit)s
"""
_ASKED = """
SELECT DISTINCT p.*, j.developer FROM properties p JOIN projects j USING (project_id)
WHERE (p.project_id, p.unit_id) IN (
    SELECT property_project_id, property_unit_id FROM behavior_events WHERE client_id = %(client)s
    UNION SELECT project_id, unit_id FROM deals WHERE client_id = %(client)s
) AND (p.project_id, p.unit_id) NOT IN (
    SELECT project_id, unit_id FROM deals WHERE client_id = %(client)s AND outcome = 'lost' AND unit_id IS NOT NULL)
"""
_ENQUIRIES = "SELECT * FROM enquiries"
_PREPARE = """
CREATE TEMP TABLE enquiries AS SELECT p.*, j.developer FROM (
    SELECT property_project_id, property_unit_id FROM behavior_events
    WHERE client_id IS NOT NULL AND property_unit_id IS NOT NULL AND time_of_event <= '{now}'
    ORDER BY time_of_event DESC, event_id LIMIT {newest}
) e JOIN properties p ON (p.project_id, p.unit_id) = (e.property_project_id, e.property_unit_id)
JOIN projects j USING (project_id)
"""
_COUNT = "SELECT count(*), count(*) FILTER (WHERE {holds}), min(area_sqm), max(area_sqm) FROM ({rows}) r"
_LIKE: dict[str, str] = {
    name: f"r.{name} = %(value)s" for name in ("developer", "bedrooms", "unit_type", "segment")
} | {
    "area_id": "r.area_id = CAST(%(value)s AS uuid)",
    "project_id": "r.project_id = CAST(%(value)s AS uuid)",
    "amenities": "EXISTS (SELECT FROM jsonb_array_elements(r.amenities) a WHERE a ->> 'code' = %(value)s)",
    "enquiries": "r.project_id = %(project)s AND r.unit_id = %(unit)s",
    "area_sqm": "true",
}
_REFUSED = """
SELECT count(DISTINCT d.unit_id) FROM deals d JOIN properties p USING (project_id, unit_id), properties shown
WHERE d.client_id = %(client)s AND d.outcome = 'lost' AND (p.area_id = shown.area_id OR p.project_id = shown.project_id)
AND shown.project_id = %(project)s AND shown.unit_id = %(unit)s
"""
_CLIENT = "SELECT interest, location_targets, budget FROM client_profiles WHERE client_id = %(client)s"
_BAD = """
SELECT count(*) FROM unnest(%(projects)s::uuid[], %(units)s::uuid[]) AS shown (project_id, unit_id)
LEFT JOIN properties p USING (project_id, unit_id), client_profiles c
WHERE c.client_id = %(client)s AND NOT coalesce(
    p.status = 'available' AND p.price <= c.budget
    AND p.bedrooms >= coalesce((c.interest -> 'must' ->> 'bedrooms_min')::int, 0)
    AND p.delivery_date <= coalesce((c.interest -> 'must' ->> 'delivery_by')::date, 'infinity')
    AND NOT EXISTS (
        SELECT FROM jsonb_array_elements_text(coalesce(c.interest -> 'must' -> 'amenities', '[]')) wanted (code)
        WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(p.amenities) a WHERE a ->> 'code' = wanted.code))
    AND NOT EXISTS (
        SELECT FROM deals d WHERE d.client_id = c.client_id AND d.unit_id = p.unit_id AND d.outcome = 'lost'), false)
"""


def prepare(connection: psycopg.Connection, now: dt.datetime) -> None:
    """Set the newest enquiries aside, which many statements count."""
    connection.execute(_PREPARE.format(now=now.isoformat(), newest=NEWEST).encode())


def violations(connection: psycopg.Connection, client_id: uuid.UUID, items: Sequence[Recommendation]) -> int:
    """Count the units shown that are not for sale, break a limit of the client, or were turned down."""
    asked = {"client": client_id, "projects": [i.project_id for i in items], "units": [i.unit_id for i in items]}
    row = connection.execute(_BAD.encode(), asked).fetchone()
    assert row is not None
    return int(row[0])


def verified(
    connection: psycopg.Connection, client_id: uuid.UUID, item: Recommendation, now: dt.datetime
) -> list[bool]:
    """Tell for each reason and trade-off whether the rows say the same, and last whether the item is whole.

    Whole are two reasons that are worth something in themselves, a trade-off, and parts that sum to the score.
    """
    cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
    names = {"client": client_id, "project": item.project_id, "unit": item.unit_id, "now": now}
    unit = cursor.execute(_UNIT.encode(), names).fetchone()
    client = cursor.execute(_CLIENT.encode(), names).fetchone()
    assert unit is not None
    assert client is not None
    found = [_true(connection, reason, unit, client, names) for reason in item.reasons]
    found += [_true_against(connection, point, unit, client, names) for point in item.trade_offs]
    real = [reason for reason in item.reasons if reason.field not in ("status", "unit_id")]
    whole = len(real) >= 2 and bool(item.trade_offs)
    return [*found, whole and abs(sum(r.part for r in item.reasons) - item.score) <= TOLERANCE]


def _true(
    connection: psycopg.Connection, reason: Reason, unit: dict[str, Any], client: dict[str, Any], names: dict[str, Any]
) -> bool:
    if not _stored(reason, unit, names):
        return False
    numbers = re.findall(r"\d[\d,]*", reason.text)
    if any(str(n) not in numbers and f"{n:,}" not in numbers for n in reason.evidence.values()):
        return False
    if reason.field == "interest":
        seen = connection.execute(_COUNT.format(rows=_ASKED, holds=_LIKE["enquiries"]).encode(), names).fetchone()
        return seen is not None and seen[1] >= 1
    if reason.field == "listed_at":
        return bool(reason.evidence["days"] == (names["now"] - unit["listed_at"]).days)
    if reason.evidence:
        return _counted(connection, reason, names)
    return _as_wished(reason, unit, client)


def _true_against(
    connection: psycopg.Connection,
    point: TradeOff,
    unit: dict[str, Any],
    client: dict[str, Any],
    names: dict[str, Any],
) -> bool:
    if point.field == "refused":
        row = connection.execute(_REFUSED.encode(), names).fetchone()
        return row is not None and bool(row[0] == point.value == point.evidence["refused"])
    if point.value is None:
        return point.field == "amenities" and not _codes(unit) & set(client["interest"]["amenities"])
    if not _stored(point, unit, names):
        return False
    if point.evidence:
        return _counted(connection, point, names)
    if point.field == "price":
        share = unit["price"] / client["budget"]
        how = "far below" if share <= Decimal("0.5") else "little is left"
        return f"{share:.0%} of the budget" in point.text and how in point.text
    if point.field == "event_count":
        return bool(unit["event_count"] == 0) == ("Nobody" in point.text)
    return _misses(point, unit, client)


def _misses(point: TradeOff, unit: dict[str, Any], client: dict[str, Any]) -> bool:
    """Tell whether a wish that the profile states is missed."""
    interest = client["interest"]
    if point.field == "area_id":
        return str(unit["area_id"]) not in {target["area_id"] for target in client["location_targets"]}
    if point.field == "bedrooms":
        return bool(unit["bedrooms"] != interest["bedrooms"])
    return point.field == "amenities" and not set(interest["amenities"]) <= _codes(unit)


def _codes(unit: dict[str, Any]) -> set[str]:
    return {amenity["code"] for amenity in unit["amenities"]}


def _stored(reason: Reason | TradeOff, unit: dict[str, Any], names: dict[str, Any]) -> bool:
    """Tell whether the value is what the row of the unit holds."""
    if reason.field == "enquiries":
        n, usual = reason.evidence["enquiries"], re.search(r"usual[a-z ]*: ([\d.]+)\.$", reason.text)
        if usual is None or n == float(usual[1]) or (n < float(usual[1])) != isinstance(reason, TradeOff):
            return False
        return reason.value == n
    if reason.field == "interest":
        return bool(reason.value == f"{names['project']}:{names['unit']}")
    if reason.field == "amenities":
        return set(str(reason.value).split(", ")) <= _codes(unit)
    stored = unit[reason.field]
    if reason.field == "listed_at":
        return bool(dt.datetime.fromisoformat(str(reason.value)) == stored)
    return str(reason.value) == str(stored) or reason.value == stored or _near(reason.value, stored)


def _near(value: object, stored: object) -> bool:
    try:
        return abs(float(str(value)) - float(str(stored))) < TOLERANCE
    except ValueError:
        return False


def _counted(connection: psycopg.Connection, reason: Reason | TradeOff, names: dict[str, Any]) -> bool:
    """Count anew what the statement counts."""
    said = reason.evidence
    rows = _ENQUIRIES if "enquiries" in said else _ASKED
    query = _COUNT.format(rows=rows, holds=_LIKE[reason.field])
    row = connection.execute(query.encode(), names | {"value": reason.value}).fetchone()
    assert row is not None
    of, holds, least, most = row
    if reason.field == "area_sqm":
        within = float(least) <= float(str(reason.value)) <= float(most)
        return bool(within and said["least"] <= least < said["least"] + 1 and said["most"] - 1 < most <= said["most"])
    return list(said.values()) == [int(holds), int(of)]


def _as_wished(reason: Reason, unit: dict[str, Any], client: dict[str, Any]) -> bool:
    """Tell whether a statement about a wish holds for what the profile states."""
    interest = client["interest"]
    if reason.field == "area_id":
        wanted = {target["area_id"] for target in client["location_targets"] or []}
        return str(unit["area_id"]) in wanted and "wanted" in reason.text
    if reason.field == "bedrooms":
        return bool(interest.get("bedrooms") == unit["bedrooms"] and "as wished" in reason.text)
    if reason.field == "price":
        return bool(unit["price"] <= client["budget"] and "within the budget" in reason.text)
    if reason.field == "amenities":
        return set(str(reason.value).split(", ")) == set(interest.get("amenities", []))
    return reason.field in ("status", "unit_id") and (reason.field != "status" or unit["status"] == "available")
