"""What a reply may stand on: the records by their role, with the figures computed from them."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from estate.realestate_gpt.facts import Fact
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.naming import NO_MATCH, Match
from estate.realestate_gpt.records import Key, Record

__all__ = ["MANY", "ONE", "Evidence", "days_old"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Records by the role that they play in the reply.

    Parameters
    ----------
    agent : Record
        The agent that the reply is for, with ``rank``, ``rank_lower``, ``rank_upper``.
    client : Record or None
        The client, with ``qualification_…``, ``closing_…`` and ``next_…`` fields.
    unit : Record or None
        The unit that the talk is about, with ``fair_value`` and its interval.
    units : tuple of Record
        Units to offer, best first, with ``reason_1``, ``reason_2``, ``trade_off``.
    areas : tuple of Record
        Areas that matter, with ``heat_…`` and ``forecast_…`` fields; ``forecast_why`` where a missing one is asked for.
    triggers : tuple of Record
        What the evidence supports saying, with ``term``, ``evidence``, ``lift``.
    deals : tuple of Record
        Open deals of this agent with this client.
    calls : tuple of Record
        Clients to call next, with ``last_contact``, or whom a call is asked about, with ``may_call``.
    later : tuple of Record
        Where nobody may be called now: clients to call at the first moment at which somebody may be.
    named : tuple of Record
        Records whose name stands in the question.
    asked : tuple of Record
        The record that a fact is asked of; several when they bear one name.
    beside : tuple of Record
        Records of other names that the fact is asked of as well.
    fact : Fact or None
        The fact that is asked for.
    second : Fact or None
        What is asked for in one breath with it.
    intents : tuple of Intent
        Topics of the question, its names left out, the main one first.
    match : Match
        How well the question names what it is about.
    foreign : bool
        Whether too little of the question was understood to say that the records bear on it.
    odd : int
        Words of the question that mean nothing here.
    unknown_place : bool
        Whether the question names a place that no record knows; of a fact, beside one that is known.
    fits : bool or None
        Whether `units` meet what the question asks for; False when they only suit the client's profile, and None when
        one of all units may meet it, as its sum is `uncompared`.
    budgeted : bool
        Whether a budget, of the question or of the client, bounds what meets the question.
    uncompared : bool
        Whether the sum in the question is in a currency that is open, or that no rate leads from.
    addressed : bool
        Whether the client, if there is one, is of the talk: who is only named is not written to.
    unlooked : bool
        Whether the question wishes for a handover, size, view or amenities, which `units` were not compared with.
    today : datetime.date
        Day of the reply: what lies before it is not announced.
    """

    agent: Record
    client: Record | None = None
    unit: Record | None = None
    units: tuple[Record, ...] = ()
    areas: tuple[Record, ...] = ()
    triggers: tuple[Record, ...] = ()
    deals: tuple[Record, ...] = ()
    calls: tuple[Record, ...] = ()
    later: tuple[Record, ...] = ()
    named: tuple[Record, ...] = ()
    asked: tuple[Record, ...] = ()
    beside: tuple[Record, ...] = ()
    fact: Fact | None = None
    second: Fact | None = None
    intents: tuple[Intent, ...] = ()
    match: Match = NO_MATCH
    foreign: bool = False
    odd: int = 0
    unknown_place: bool = False
    fits: bool | None = True
    budgeted: bool = True
    uncompared: bool = False
    addressed: bool = True
    unlooked: bool = False
    today: dt.date = dt.date.min

    @property
    def addressee(self) -> Record | None:
        """The client who may be written to: who refuses contact, or is only named, is not."""
        client = self.client if self.addressed else None
        return None if client is None or client.fields.get("do_not_contact") else client

    def wanted(self) -> Iterator[tuple[Record, Fact]]:
        """Yield each fact that is asked for, with the record that it is asked of."""
        for record in (*self.asked[:1], *self.beside):
            for fact in filter(None, (self.fact, self.second)):
                yield record, fact

    def joined(self) -> "Evidence":
        """Return the same roles where a record in several of them has the fields of all of them."""
        records = self.records()
        roles: dict[str, Any] = {role: tuple(records[r.key] for r in getattr(self, role)) for role in MANY}
        roles |= {role: records[r.key] for role in ONE if (r := getattr(self, role)) is not None}
        return replace(self, **roles)

    def records(self) -> dict[Key, Record]:
        """Return every record by layer and id."""
        merged: dict[Key, Record] = {}
        for record in self._all():
            known = merged.get(record.key)
            merged[record.key] = known.with_fields(record.fields) if known else record
        return merged

    def _all(self) -> Iterator[Record]:
        for role in MANY:
            yield from getattr(self, role)
        yield from (record for role in ONE if (record := getattr(self, role)) is not None)


ONE = ("unit", "client", "agent")
MANY = ("asked", "beside", "named", "calls", "later", "deals", "triggers", "areas", "units")
"""Roles in the order in which their fields are joined: what a later one computed counts."""

FLAGS = ("foreign", "odd", "unknown_place", "fits", "budgeted", "uncompared", "addressed", "unlooked")
"""What a reply keeps as it is; one of before has only those of its time."""


def days_old(record: Record, today: dt.date) -> int:
    """Return the days since a record was last confirmed, 0 when that is not known."""
    updated_at = record.fields.get("updated_at")
    return 0 if updated_at is None else max(0, (today - dt.date.fromisoformat(str(updated_at)[:10])).days)
