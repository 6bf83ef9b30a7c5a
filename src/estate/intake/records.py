"""Makes of the values of a row what a layer's ingest takes, and finds out which record the row is."""

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from estate.core.canonical import canonical_json, content_hash
from estate.core.identifiers import UnitRef
from estate.intake.analytics.cells import normal
from estate.intake.analytics.rows import CellProblem
from estate.intake.analytics.targets import Kind
from estate.intake.keys import code_id, derived_id

__all__ = ["Frame", "Known", "Made", "Person", "RowRefused", "make"]

Values = Mapping[str, Any]
Key = Mapping[str, str]


class RowRefused(Exception):
    """A row that was read is no record, or it is open which one; `problem` says which cell is at fault."""

    def __init__(self, target: str | None, message: str) -> None:
        super().__init__(message)
        self.problem = CellProblem(None, target, message)


@dataclass(frozen=True, slots=True)
class Frame:
    """What holds for all rows of an import.

    Parameters
    ----------
    source : str
        Within which codes are ids.
    currency : str
        Of amounts that name none.
    observed_on : date or None
        Day of snapshots without one.
    owner_agent_id : UUID or None
        Agent of new clients without one.
    """

    source: str
    currency: str
    observed_on: dt.date | None = None
    owner_agent_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A client that is there already."""

    client_id: uuid.UUID
    name: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is there already, of what some rows name.

    Parameters
    ----------
    agents : mapping
        Name in normal form to the ids of agents.
    areas : mapping
        Name in small letters to id and stored name.
    projects : mapping
        Name in small letters to ids with their areas.
    people : mapping
        Telephone number, or e-mail in small letters, to clients.
    """

    agents: Mapping[str, Sequence[uuid.UUID]] = field(default_factory=dict)
    areas: Mapping[str, tuple[uuid.UUID, str]] = field(default_factory=dict)
    projects: Mapping[str, Sequence[tuple[uuid.UUID, uuid.UUID | None]]] = field(default_factory=dict)
    people: Mapping[str, Collection[Person]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """What a row says, ready for its layer.

    Parameters
    ----------
    record_id : str
        Which record it is.
    content : dict
        What the layer's ingest takes.
    touches : tuple
        Table and key of every record that it may write.
    new_area : tuple or None
        Id and name of an area that has to be there first.
    """

    record_id: str
    content: dict[str, Any]
    touches: tuple[tuple[str, Key], ...]
    new_area: tuple[uuid.UUID, str] | None = None

    @property
    def said(self) -> bytes:
        """A hash of what the row says: two rows of one record must not differ in it."""
        return content_hash(self.content)


def make(kind: Kind, values: Values, frame: Frame, known: Known) -> Made:
    """Make a record of the values of a row.

    Raises
    ------
    RowRefused
        When it names none, or one of several.
    """
    return _MAKERS[kind](values, frame, known)


def _pick(values: Values, *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _priced(values: Values, target: str, frame: Frame) -> dict[str, Any]:
    """Return an amount with its currency: its own, or that of its column, of its row, of the file.

    A currency alone says nothing: the amount that is stored already may be in another.
    """
    if target not in values:
        return {}
    amount, beside = values[target]
    stated = values.get("currency")
    if beside is not None and stated is not None and beside != stated:
        raise RowRefused(target, "names another currency than the column of currencies")
    return {target: amount, "currency": beside or stated or frame.currency}


def _full_name(values: Values) -> str | None:
    parts = [str(values[name]) for name in ("first_name", "last_name") if name in values]
    return str(values["name"]) if "name" in values else " ".join(parts) or None


# Clients


def _client(values: Values, frame: Frame, known: Known) -> Made:
    name, phone, email = _full_name(values), values.get("phone"), values.get("email")
    if not (name or phone or email or "client_id" in values):
        raise RowRefused(None, "names nobody: a name, a telephone number, an e-mail address or an id is needed")
    client_id = _which_client(values, name, frame, known)
    content: dict[str, Any] = {"client_id": str(client_id)}
    content |= {"name": name} if name else {}
    content |= _pick(
        values, "phone", "email", "contact_consent", "do_not_contact", "location_targets", "objections",
        "decision_speed", "emotional_type",
    )  # fmt: skip
    content |= _priced(values, "budget", frame)
    if interest := _pick(values, "purpose", "unit_types", "bedrooms"):
        content["interest"] = interest
    if "owner_agent_id" in values:
        content["owner_agent_id"] = str(_agent(str(values["owner_agent_id"]), frame, known))
    return Made(str(client_id), content, (("client_profiles", {"client_id": str(client_id)}),))


def _which_client(values: Values, name: str | None, frame: Frame, known: Known) -> uuid.UUID:
    if "client_id" in values:
        return code_id("client", frame.source, str(values["client_id"]))
    phone, email = values.get("phone"), str(values.get("email", "")).lower()
    there = {
        person.client_id
        for reached in filter(None, (phone, email))
        for person in known.people.get(str(reached), ())
        if not name or not person.name or normal(person.name) == normal(name)
    }
    if len(there) > 1:
        raise RowRefused("phone" if phone else "email", "several clients have this number or address and this name")
    if there:
        return next(iter(there))
    reached = str(phone or email or frame.source)
    return derived_id("client", reached, normal(name or ""))


def _agent(named: str, frame: Frame, known: Known) -> uuid.UUID:
    found = known.agents.get(normal(named), ())
    if len(found) > 1:
        raise RowRefused("owner_agent_id", "several agents have this name: write the id")
    if not found:
        raise RowRefused("owner_agent_id", "no agent has this name or id")
    return found[0]


# Units


def _unit(values: Values, frame: Frame, known: Known) -> Made:
    if not values.keys() & {"unit_id", "title", "price"}:
        raise RowRefused(None, "names no unit: a number, a title or a price is needed")
    area_id, new_area = _area(values.get("area"), known)
    project_id, project = _project(values, area_id, frame, known)
    ref = _which_unit(values, project_id, frame)
    content = {"project_id": str(ref.project_id), "unit_id": str(ref.unit_id), **_priced(values, "price", frame)}
    content |= _pick(
        values, "title", "unit_type", "segment", "bedrooms", "bathrooms", "area_sqm", "status", "delivery_date",
        "payment_plan", "amenities", "developer",
    )  # fmt: skip
    content |= {name: f"{values[name]}T00:00:00Z" for name in ("listed_at", "sold_at") if name in values}
    content |= {"area_id": str(area_id)} if area_id else {}
    content |= {"project": project} if project else {}
    touches: list[tuple[str, Key]] = [
        ("properties", {"project_id": str(ref.project_id), "unit_id": str(ref.unit_id)}),
        ("projects", {"project_id": str(ref.project_id)}),
    ]
    if new_area is not None:
        touches.append(("market_insights", {"area_id": str(new_area[0])}))
    return Made(str(ref), content, tuple(touches), new_area)


def _area(named: object, known: Known) -> tuple[uuid.UUID | None, tuple[uuid.UUID, str] | None]:
    """Return the area with a name, and with it again when it is new."""
    if named is None:
        return None, None
    name = str(named)
    if (there := known.areas.get(name.lower())) is not None:
        return there[0], None
    area_id = code_id("area", "", name.lower())
    return area_id, (area_id, name)


def _project(values: Values, area_id: uuid.UUID | None, frame: Frame, known: Known) -> tuple[uuid.UUID, dict[str, str]]:
    """Return the project of a unit, and what is said of it."""
    name = values.get("project_name")
    said = {"name": str(name)} if name else {}
    if "project_id" in values:
        return code_id("project", frame.source, str(values["project_id"])), said
    at = str(area_id or "")
    if not name:
        return derived_id("project", frame.source, at), {"area_id": at} if at else {}
    named = [p for p in known.projects.get(str(name).lower(), ()) if area_id is None or p[1] in (None, area_id)]
    if len(named) > 1:
        raise RowRefused("project_name", "several projects have this name: write the id")
    if named:
        return named[0][0], {}
    return derived_id("project", at, str(name).lower()), said | ({"area_id": at} if at else {})


def _which_unit(values: Values, project_id: uuid.UUID, frame: Frame) -> UnitRef:
    """Return the unit that a number names within its project; without one, the unit that is as the row says."""
    code = values.get("unit_id")
    if code is None:
        return UnitRef(project_id, derived_id("unit", frame.source, canonical_json(values).decode()))
    if str(code).count(":") == 1:
        project, unit = str(code).split(":")
        project_id, code = code_id("project", frame.source, project), unit
    return UnitRef(project_id, code_id("unit", str(project_id), str(code)))


# Agents


def _agent_record(values: Values, frame: Frame, known: Known) -> Made:
    name = _full_name(values)
    agent_id = _which_agent(values, name, frame, known)
    content: dict[str, Any] = {"agent_id": str(agent_id)}
    content |= {"name": name} if name else {}
    content |= _pick(
        values, "team_name", "calls_per_day", "lead_responses", "deals_closed", "closing_rate", "avg_response_time"
    )
    content |= _priced(values, "avg_closing_price", frame)
    touches: list[tuple[str, Key]] = [("agent_activity", {"agent_id": str(agent_id)})]
    if "team_name" in values:
        touches.append(("teams", {"name": str(values["team_name"])}))
    return Made(str(agent_id), content, tuple(touches))


def _which_agent(values: Values, name: str | None, frame: Frame, known: Known) -> uuid.UUID:
    if "agent_id" in values:
        return code_id("agent", frame.source, str(values["agent_id"]))
    if not name:
        raise RowRefused(None, "names nobody: a name or an id is needed")
    there = known.agents.get(normal(name), ())
    if len(there) > 1:
        raise RowRefused("name", "several agents have this name: write the id")
    return there[0] if there else derived_id("agent", normal(name))


# Market


def _snapshot(values: Values, frame: Frame, known: Known) -> Made:
    if "area" not in values:
        raise RowRefused("area", "names no area")
    day = values.get("observed_on") or (frame.observed_on and frame.observed_on.isoformat())
    if day is None:
        raise RowRefused("observed_on", "names no day")
    area_id, new_area = _area(values["area"], known)
    name = new_area[1] if new_area is not None else known.areas[str(values["area"]).lower()][1]
    segment = str(values.get("segment", "all"))
    content = {"area_id": str(area_id), "area_name": name, "observed_on": day, "source": frame.source}
    content |= {"segment": segment, **_priced(values, "price_avg", frame)}
    content |= _pick(
        values, "demand_score", "supply_score", "sales_volume", "days_on_market", "inventory", "views_per_listing",
        "agent_density",
    )  # fmt: skip
    key = {"area_id": str(area_id), "segment": segment, "observed_on": str(day), "source": frame.source}
    touches = (("market_snapshots", key), ("market_insights", {"area_id": str(area_id)}))
    return Made(":".join(key.values()), content, touches)


_MAKERS = cast(
    "Mapping[Kind, Callable[[Values, Frame, Known], Made]]",
    {"clients": _client, "units": _unit, "agents": _agent_record, "market": _snapshot},
)
