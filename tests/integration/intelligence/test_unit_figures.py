"""Figures of units equal a recount, follow what happens and what only time changes, and never overrule a person."""

import datetime as dt
import random
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session
from tests.live import committing, wait_until

from estate.behavior import service as behavior
from estate.behavior import tasks as behavior_tasks
from estate.core import outbox
from estate.core.db import act_as, unit_of_work, use_database
from estate.core.figures import FIGURES_TOPIC
from estate.core.identifiers import UnitRef
from estate.core.ingest import SourceRow
from estate.core.outbox import Claim
from estate.core.queue import sweep
from estate.core.security import Actor
from estate.importers.world import load_world
from estate.intelligence import unit_value
from estate.intelligence.tasks import count_figures
from estate.intelligence.unit_figures import count
from estate.property import figures
from estate.property import service as homes
from estate.property.schemas import UnitOut

from .conftest import NOW, Brokerage, days_ago

FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
NAMES = ("real_demand", "sales_velocity", "positive_triggers", "negative_reviews")
MONTH = Decimal("30.4375")


class Desk(Brokerage):
    """A brokerage whose clients talk about units."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.one = self.agent(1)

    def about(self, ref: UnitRef, client: uuid.UUID, days: float, **fields: Any) -> None:
        unit = {"property_project_id": str(ref.project_id), "property_unit_id": str(ref.unit_id)}
        self.event(client, days, agent=self.one, **unit, **fields)

    def sale(self, number: int, ref: UnitRef, client: uuid.UUID, opened: float, closed: float | None, **f: Any) -> None:
        self.deal(
            number, self.one, client, opened, closed, project_id=str(ref.project_id), unit_id=str(ref.unit_id), **f
        )

    def fold(self) -> None:
        outbox.drain(behavior_tasks.FOLD, behavior_tasks.fold, now=FAR)

    def read(self, *refs: UnitRef, now: dt.datetime = NOW) -> list[UnitOut]:
        """Fold what waits and count units at a moment."""
        self.fold()
        count(self.session, refs, now)
        return [homes.get_unit(self.session, ref) for ref in refs]

    def waiting(self) -> set[str]:
        """Return the units whose figures are to be counted, and forget that they are."""
        rows = self.session.execute(
            text("DELETE FROM outbox WHERE topic = :topic RETURNING key, payload"), {"topic": FIGURES_TOPIC}
        )
        return {unit for key, payload in rows for unit in payload.get("items", [key])}

    def state(self, number: int, **fields: Any) -> UnitRef:
        return self.unit(number, updated_at=days_ago(0), **fields)


@pytest.fixture
def desk(session: Session) -> Desk:
    return Desk(session)


def terms(listed: Any) -> dict[str, tuple[int, int, int, str]] | None:
    if listed is None:
        return None
    return {row["term"]: (row["won"], row["lost"], row["open"], row["evidence"]) for row in listed}


# Definitions


def test_demand_is_the_different_clients_of_thirty_days(desk: Desk) -> None:
    unit, quiet, old = desk.unit(1), desk.unit(2), desk.unit(3)
    first, second, third = (desk.client(i) for i in range(3))
    for client, days in ((first, 1), (first, 2), (second, 29.9), (third, 30), (third, 31)):
        desk.about(unit, client, days)
    desk.sale(1, unit, desk.client(4), 3, None)
    desk.about(old, first, 200)
    found, never, once = desk.read(unit, quiet, old)
    assert found.real_demand == 3, "the third is exactly thirty days old and does not count"
    evidence = found.computed["real_demand"]
    assert (evidence.n, evidence.window_days, evidence.as_of) == (4, 30, NOW)
    assert evidence.why == "3 clients named the unit in 4 events and new deals within 30 days."
    assert (never.real_demand, never.computed) == (None, {}), "nothing is known, which is not the same as nobody"
    assert (once.real_demand, once.computed["real_demand"].n) == (0, 0)


def test_velocity_is_the_sales_of_the_project_a_month(desk: Desk) -> None:
    sold = {"status": "sold", "listed_at": days_ago(500)}
    desk.unit(1, sold_at=days_ago(10), **sold)
    desk.unit(2, sold_at=days_ago(182), **sold)
    timeless = desk.unit(3, **sold)
    desk.unit(7, **sold)
    told_earlier = desk.unit(4, sold_at=days_ago(300), **sold)
    by_deal, lost = desk.unit(5), desk.unit(6)
    client = desk.client(1)
    desk.sale(1, by_deal, client, 50, 40, stage="won")
    desk.sale(2, lost, client, 50, 40, stage="lost")
    desk.sale(3, told_earlier, client, 50, 40, stage="won")
    desk.sale(4, timeless, client, 50, 30, stage="won")
    found, other = desk.read(by_deal, lost)
    assert found.sales_velocity == other.sales_velocity == float(round(3 / (182 / MONTH), 2))
    assert found.computed["sales_velocity"].n == 3
    assert homes.get_unit(desk.session, told_earlier).sales_velocity == found.sales_velocity, "all of them share it"


def test_velocity_of_a_young_project_is_over_its_own_time(desk: Desk) -> None:
    unit = desk.unit(1, listed_at=days_ago(61))
    desk.unit(2, listed_at=days_ago(20), status="sold", sold_at=days_ago(5))
    (found,) = desk.read(unit)
    assert found.sales_velocity == float(round(1 / (61 / MONTH), 2))
    (later,) = desk.read(unit, now=NOW + dt.timedelta(days=10))
    assert later.sales_velocity == float(round(1 / (71 / MONTH), 2))
    assert recount_at(desk, unit) == NOW + dt.timedelta(days=11), "each day adds to what is covered"


def test_velocity_covers_the_sales_before_the_first_listing(desk: Desk) -> None:
    units = [desk.unit(i, status="sold", sold_at=days_ago(5 * i)) for i in range(1, 31)]
    (unlisted,) = desk.read(units[0])
    assert unlisted.sales_velocity == float(round(30 / (150 / MONTH), 2))
    assert unlisted.computed["sales_velocity"].why == "30 units of the project were sold in 4.93 months."
    (listed,) = desk.read(desk.unit(31, listed_at=days_ago(3)))
    assert (listed.sales_velocity, listed.computed) == (unlisted.sales_velocity, unlisted.computed)


def test_velocity_needs_a_sale_or_a_listing(desk: Desk) -> None:
    (unknown,) = desk.read(desk.unit(1))
    assert unknown.sales_velocity is None
    (unsold,) = desk.read(desk.unit(1, updated_at=days_ago(0), listed_at=days_ago(300)))
    assert (unsold.sales_velocity, unsold.computed["sales_velocity"].n) == (0, 0)


def test_terms_are_listed_by_how_their_events_ended(desk: Desk) -> None:
    unit, silent = desk.unit(1), desk.unit(2)
    client = desk.client(1)
    for word, effects in {"Sea  View": (1, 1, -1), "noise": (-1,), "view": (1, -1), "price": (None,)}.items():
        for effect in effects:
            desk.about(unit, client, 400, trigger_word=word, conversion_effect=effect)
    desk.about(unit, client, 400, trigger_word="decide today", conversion_effect=-1, metadata={"speaker": "agent"})
    desk.about(silent, client, 400, trigger_word="hurry", conversion_effect=-1, metadata={"speaker": "agent"})
    found, by_agent = desk.read(unit, silent)
    assert terms(found.positive_triggers) == {"sea view": (2, 1, 0, "counted")}
    assert terms(found.negative_reviews) == {"noise": (0, 1, 0, "counted")}, "what an agent says is no review"
    assert [found.computed[name].n for name in NAMES[2:]] == [8, 7]
    assert (by_agent.positive_triggers, by_agent.negative_reviews) == ([], None)


def test_a_term_after_the_deal_closed_is_not_listed(desk: Desk) -> None:
    unit, client = desk.unit(1), desk.client(1)
    desk.sale(1, unit, client, 50, 20, stage="won")
    deal = str(uuid.UUID(int=5_001))
    for word, days in {"sea view": 30, "snagging list": 10}.items():
        desk.about(unit, client, days, trigger_word=word, deal_id=deal)
    (found,) = desk.read(unit)
    assert terms(found.positive_triggers) == {"sea view": (1, 0, 0, "counted")}
    desk.waiting()
    desk.sale(1, unit, client, 50, 5, stage="won")
    desk.fold()
    assert desk.waiting() == {str(unit)}
    (corrected,) = desk.read(unit)
    assert (terms(corrected.positive_triggers) or {}).keys() == {"sea view", "snagging list"}


def proven(session: Session, speaker: str, term: str, log_odds: float) -> None:
    run = uuid.uuid4()
    session.execute(
        text("INSERT INTO analysis_runs (run_id, as_of, n_won, n_lost, n_open) VALUES (:run, :now, 1, 1, 0)"),
        {"run": run, "now": NOW},
    )
    session.execute(
        text("""
        INSERT INTO trigger_findings (run_id, speaker, term, rank, evidence, log_odds, lift, lower, upper, q, n_with,
            n_without, n_agents, win_rate_with, win_rate_without)
        VALUES (:run, :speaker, :term, 1, 'proven', :odds, 1, 1, 1, 0, 1, 1, 1, 1, 1)
        """),
        {"run": run, "speaker": speaker, "term": term, "odds": log_odds},
    )


def test_a_proven_term_is_what_it_is_proven_to_be(desk: Desk) -> None:
    unit, client = desk.unit(1), desk.client(1)
    proven(desk.session, "client", "parking", 1.2)
    for _ in range(2):
        desk.about(unit, client, 3, trigger_word="parking", conversion_effect=-1, metadata={"speaker": "client"})
    desk.about(unit, client, 3, trigger_word="parking", conversion_effect=-1)
    (found,) = desk.read(unit)
    assert terms(found.positive_triggers) == {"parking": (0, 2, 0, "proven")}
    assert terms(found.negative_reviews) == {"parking": (0, 1, 0, "counted")}, "of an unknown speaker nothing is proven"


# What people state


def test_a_stated_figure_stands_until_it_is_cleared(desk: Desk) -> None:
    unit = desk.unit(1, listed_at=days_ago(300), real_demand=41.5, negative_reviews=["noise"])
    desk.about(unit, desk.client(1), 3, trigger_word="view", conversion_effect=1)
    (found,) = desk.read(unit)
    assert (found.real_demand, found.negative_reviews) == (41.5, ["noise"])
    assert found.computed.keys() == {"sales_velocity", "positive_triggers"}
    desk.waiting()
    desk.state(1, real_demand=None)
    assert desk.waiting() == {str(unit)}
    (cleared,) = desk.read(unit)
    assert (cleared.real_demand, cleared.computed["real_demand"].n) == (1, 1)
    assert cleared.negative_reviews == ["noise"]


def test_a_figure_that_was_counted_may_be_stated_later(desk: Desk) -> None:
    unit = desk.unit(1)
    desk.about(unit, desk.client(1), 3, trigger_word="view", conversion_effect=1)
    desk.read(unit)
    desk.state(1, real_demand=1, title="As it was")
    desk.about(unit, desk.client(2), 2)
    (found,) = desk.read(unit)
    assert found.real_demand == 1, "even a statement of the same value is one"
    assert found.computed.keys() == {"positive_triggers", "negative_reviews"}


def test_counting_leaves_the_time_of_the_last_statement(desk: Desk) -> None:
    unit = desk.unit(1)
    desk.about(unit, desk.client(1), 3)
    (found,) = desk.read(unit)
    assert found.updated_at.isoformat() == days_ago(400)
    row = {"project_id": str(unit.project_id), "unit_id": str(unit.unit_id), "real_demand": 7}
    result = homes.ingest(desk.session, [SourceRow(0, row | {"updated_at": days_ago(401)})])
    assert [item.status for item in result.items] == ["stale"]
    assert homes.get_unit(desk.session, unit) == found


# What is counted again, and when


def test_only_units_that_something_happened_to_are_counted_again(desk: Desk) -> None:
    unit, other, third = desk.unit(1), desk.unit(2), desk.unit(3)
    client = desk.client(1)
    assert desk.waiting() == {str(unit), str(other), str(third)}, "new units share the sales of their project"
    desk.about(unit, client, 3)
    assert desk.waiting() == set(), "an event costs nothing where it comes in"
    desk.fold()
    assert desk.waiting() == {str(unit)}
    desk.sale(1, other, client, 5, None)
    desk.fold()
    assert desk.waiting() == {str(other)}
    desk.sale(1, third, client, 5, None, updated_at=dt.datetime.now(dt.UTC).isoformat())
    desk.fold()
    assert desk.waiting() == {str(other), str(third)}
    desk.state(1, title="Another")
    assert desk.waiting() == set()
    desk.state(1, status="sold")
    assert desk.waiting() == {str(unit)}
    behavior.move_client(desk.session, client, desk.client(2))
    assert desk.waiting() >= {str(unit), str(third)}


def test_a_term_that_is_proven_has_its_units_counted_again(desk: Desk) -> None:
    first, second = desk.unit(1), desk.unit(2)
    client = desk.client(1)
    desk.about(first, client, 3, trigger_word="Sea view", conversion_effect=1)
    desk.about(second, client, 3, trigger_word="parking", conversion_effect=1)
    desk.fold()
    proven(desk.session, "unknown", "sea view", 1.0)
    desk.waiting()
    behavior.analyse(desk.session, now=NOW + dt.timedelta(hours=1))
    assert desk.waiting() == {str(first)}, "two events prove nothing: it was proven and is not any more"


def test_a_redelivery_changes_nothing(desk: Desk) -> None:
    now = dt.datetime.now(dt.UTC)
    unit = desk.unit(1, listed_at=days_ago(300))
    desk.about(unit, desk.client(1), 0, time_of_event=now.isoformat(), trigger_word="view", conversion_effect=1)
    (before,) = desk.read(unit, now=now)
    assert before.computed.keys() == set(NAMES)
    desk.session.execute(text("DELETE FROM outbox"))
    for _ in range(2):
        count_figures(desk.session, [Claim(1, str(unit), {}), Claim(2, "", {"items": [str(unit), str(unit)]})])
    assert homes.get_unit(desk.session, unit) == before
    assert desk.session.scalar(text("SELECT count(*) FROM outbox")) == 0


def test_a_unit_that_is_gone_is_no_error(desk: Desk) -> None:
    count_figures(desk.session, [Claim(1, f"{uuid.uuid4()}:{uuid.uuid4()}", {})])


def recount_at(desk: Desk, ref: UnitRef) -> dt.datetime | None:
    query = text("SELECT recount_at FROM properties WHERE unit_id = :id")
    found: dt.datetime | None = desk.session.scalar(query, {"id": ref.unit_id})
    return found


def test_what_only_time_changes_is_swept_up_at_its_moment(desk: Desk) -> None:
    unit, client = desk.unit(1), desk.client(1)
    desk.about(unit, client, 10)
    desk.about(unit, client, 3)
    desk.read(unit)
    leaves = NOW + dt.timedelta(days=20)
    assert recount_at(desk, unit) == leaves
    desk.session.execute(text("DELETE FROM outbox"))
    figures.enqueue_due(desk.session, leaves - dt.timedelta(seconds=1))
    assert desk.waiting() == set()
    figures.enqueue_due(desk.session, leaves)
    assert desk.waiting() == {str(unit)}
    figures.enqueue_due(desk.session, leaves)
    assert desk.waiting() == set(), "it is taken once"
    (found,) = desk.read(unit, now=leaves)
    assert (found.real_demand, found.computed["real_demand"].n) == (1, 1)
    (gone,) = desk.read(unit, now=NOW + dt.timedelta(days=27))
    assert (gone.real_demand, gone.computed["real_demand"].n, recount_at(desk, unit)) == (0, 0, None)


def test_the_sweep_does_it_all(desk: Desk, drain: Callable[[], int]) -> None:
    unit = desk.unit(1, negative_reviews=[{"topic_id": "7", "text": "noise"}])
    at = (dt.datetime.now(dt.UTC) - dt.timedelta(days=29)).isoformat()
    desk.about(unit, desk.client(1), 0, time_of_event=at, trigger_word="sea view", conversion_effect=1)
    drain()
    assert homes.get_unit(desk.session, unit).real_demand == 1
    desk.session.execute(
        text("UPDATE behavior_events SET time_of_event = time_of_event - interval '2 days', updated_at = now()")
    )
    desk.session.execute(text("UPDATE properties SET recount_at = recount_at - interval '2 days'"))
    sweep()
    desk.session.expire_all()
    assert homes.get_unit(desk.session, unit).real_demand == 0
    fields = desk.session.scalar(text("SELECT fields FROM documents WHERE record_id = :id"), {"id": str(unit)})
    assert fields["real_demand"] == "0", "the search document follows"
    assert (fields["positive_triggers"], fields["negative_reviews"]) == ("sea view", "text noise")


# A recount


def recounted(session: Session, now: dt.datetime) -> dict[UnitRef, tuple[Any, ...]]:
    """Work out all four figures afresh and one by one, straight from the definitions."""
    units = session.execute(text("SELECT project_id, unit_id, status, sold_at, listed_at FROM properties")).all()
    events = session.execute(
        text("""SELECT property_project_id, property_unit_id, client_id, time_of_event, lower(trigger_word),
        coalesce(metadata ->> 'speaker', 'unknown'), folded_outcome FROM behavior_events
        WHERE property_unit_id IS NOT NULL""")
    ).all()
    deals = session.execute(
        text("""SELECT project_id, unit_id, client_id, opened_at, closed_at, outcome FROM deals
        WHERE unit_id IS NOT NULL""")
    ).all()
    sold: defaultdict[uuid.UUID, list[dt.datetime]] = defaultdict(list)
    listed: defaultdict[uuid.UUID, list[dt.datetime]] = defaultdict(list)
    for project, unit, status, sold_at, listed_at in units:
        won = [d[4] for d in deals if d[1] == unit and d[5] == "won" and d[4] <= now]
        at = sold_at if status == "sold" and sold_at else max(won, default=None)
        sold[project] += [at] if at else []
        listed[project] += [listed_at] if listed_at else []
    found = {}
    for project, unit, *_ in units:
        shown = [(e[2], e[3]) for e in events if e[1] == unit and e[2]] + [(d[2], d[3]) for d in deals if d[1] == unit]
        recent = {client for client, at in shown if now - dt.timedelta(days=30) < at <= now}
        demand = len(recent) if any(at <= now for _, at in shown) else None
        inside = [at for at in sold[project] if now - dt.timedelta(days=182) < at <= now]
        since = min(listed[project] + sold[project], default=FAR)
        months = max(Decimal(min(182, (now - since).days)) / MONTH, Decimal(1))
        velocity = round(len(inside) / months, 2) if since <= now else None
        said: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for of_event in events:
            if of_event[1] == unit and of_event[4] is not None:
                said[of_event[5], of_event[4]][of_event[6]] += 1
        good = {key for key, n in said.items() if n["won"] > n["lost"]} if said else None
        heard = {key: n for key, n in said.items() if key[0] != "agent"}
        bad = {key for key, n in heard.items() if n["lost"] > n["won"]} if heard else None
        found[UnitRef(project, unit)] = (demand, velocity, good, bad)
    return found


def stored(session: Session) -> dict[UnitRef, tuple[Any, ...]]:
    def keys(listed: Any) -> set[tuple[str, str]] | None:
        return None if listed is None else {(row["speaker"], row["term"]) for row in listed}

    rows = session.execute(text(f"SELECT project_id, unit_id, {', '.join(NAMES)} FROM properties"))
    return {UnitRef(p, u): (demand, velocity, keys(good), keys(bad)) for p, u, demand, velocity, good, bad in rows}


def drain_figures(now: dt.datetime) -> None:
    def handler(session: Session, claims: Sequence[Claim]) -> None:
        count(session, {UnitRef.parse(item) for c in claims for item in c.items or [c.key]}, now)

    outbox.drain(FIGURES_TOPIC, handler, now=FAR)


@pytest.mark.parametrize("seed", range(3))
def test_figures_equal_a_recount_after_any_history(desk: Desk, seed: int) -> None:
    draw = random.Random(seed)
    units = [desk.unit(i) for i in range(5)]
    clients = [desk.client(i) for i in range(4)]
    now = NOW
    for step in range(60):
        unit, client = draw.choice(units), draw.choice(clients)
        act = draw.randrange(6)
        if act <= 2:
            words = draw.choice([None, "noise", "sea view"])
            who = {"speaker": draw.choice(["agent", "client"])}
            effect = draw.choice([None, 1, -1])
            days = draw.uniform(0, 60) - (now - NOW).days
            desk.about(unit, client, days, trigger_word=words, conversion_effect=effect, metadata=who)
        elif act == 3:
            opened = draw.uniform(30, 250)
            closed = {"won": opened - 20, "lost": opened - 5}
            stage = draw.choice(["viewing", "won", "lost"])
            at = (NOW + dt.timedelta(seconds=step)).isoformat()
            desk.sale(draw.randrange(4), unit, client, opened, closed.get(stage), stage=stage, updated_at=at)
        elif act == 4:
            sold = {"status": "sold", "sold_at": days_ago(draw.uniform(0, 200))}
            status = draw.choice([{"status": "available"}, {"status": "sold"}, sold])
            desk.state(units.index(unit), listed_at=days_ago(draw.uniform(200, 300)), **status)
        else:
            now += dt.timedelta(days=draw.randint(0, 5))
            figures.enqueue_due(desk.session, now)
        if draw.random() < 0.4:
            desk.fold()
            drain_figures(now)
    desk.fold()
    figures.enqueue_due(desk.session, now)
    drain_figures(now)
    wanted = recounted(desk.session, now)
    assert stored(desk.session) == wanted
    assert any(row[0] for row in wanted.values())
    assert any(row[2] for row in wanted.values())


# Two workers at once


@pytest.fixture
def committed(engine: Engine) -> Iterator[None]:
    with committing(engine, "estate_figures") as database, use_database(database):
        yield


def test_of_two_workers_the_one_that_saw_more_has_the_last_word(committed: None) -> None:
    with unit_of_work(Actor.system()) as session:
        desk = Desk(session)
        unit, first, second = desk.unit(1), desk.client(1), desk.client(2)
        desk.about(unit, first, 3)
    waits = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")

    def other() -> None:
        with unit_of_work(Actor.system()) as session:
            count(session, [unit], NOW)

    thread = threading.Thread(target=other)

    def meanwhile(*sent: Any) -> None:
        if "jsonb_to_recordset" not in sent[2] or thread.ident is not None:
            return
        with unit_of_work(Actor.system()) as session:
            desk.session = session
            desk.about(unit, second, 2)
        thread.start()
        with unit_of_work(Actor.system()) as session:
            wait_until(lambda: bool(session.scalar(waits)) or not thread.is_alive(), "the other worker getting there")

    with unit_of_work(Actor.system()) as session:
        event.listen(session.connection(), "before_cursor_execute", meanwhile)
        count(session, [unit], NOW)
    thread.join(timeout=30)
    with unit_of_work(Actor.system()) as session:
        assert homes.get_unit(session, unit).real_demand == 2


def test_the_sample_world_has_figures(session: Session, drain: Callable[[], int]) -> None:
    load_world(1, 3, dt.datetime.now(dt.UTC), lambda n: None)  # Work that waits is done as of the real present.
    waiting = text("SELECT count(DISTINCT key) FROM outbox WHERE topic = :topic")
    assert session.scalar(waiting, {"topic": FIGURES_TOPIC}) == 240
    drain()
    rows = session.execute(
        text("""
        SELECT count(*), count(real_demand), count(sales_velocity), count(positive_triggers), count(negative_reviews),
            count(*) FILTER (WHERE jsonb_exists_all(computed, '{real_demand,sales_velocity}')),
            sum(sales_velocity), count(*) FILTER (WHERE jsonb_array_length(positive_triggers) > 1)
        FROM properties
        """)
    ).one()
    total, demand, velocity, positive, negative, both, sold, several = rows
    assert velocity == total == 240
    assert min(demand, positive, negative) > total / 2
    assert both == demand
    assert sold > 0
    assert several > 0


@pytest.mark.parametrize("status", ["available", "reserved", "sold"])
def test_a_won_deal_is_a_sale_in_the_time_to_sell_as_it_is_in_the_velocity(desk: Desk, status: str) -> None:
    area, client = desk.area(1), desk.client(1)
    fields: dict[str, Any] = {"area_id": str(area), "listed_at": days_ago(200)}
    refs = [desk.unit(i, **fields) for i in range(30)]
    for i, ref in enumerate(refs[:24]):
        desk.sale(i, ref, client, 150, 120 - i, stage="won")
        desk.state(i, status=status)
    relisted = desk.unit(30, **fields | {"listed_at": days_ago(50)})
    desk.sale(30, relisted, client, 150, 100, stage="won")
    act_as(desk.session, Actor("agent", desk.agent(2)))
    told = unit_value.predict(desk.session, refs[29]).time_to_sell
    act_as(desk.session, Actor("system"))
    assert (told.n, told.sold) == (31, 24)
    for i in range(24):
        desk.state(i, status="sold", sold_at=days_ago(120 - i))
    stated = unit_value.predict(desk.session, refs[29]).time_to_sell
    for one, other in zip(told.chances, stated.chances, strict=True):
        assert one.model_dump() == pytest.approx(other.model_dump())


def test_units_are_told_apart_by_counts_only_beyond_chance(desk: Desk) -> None:
    clients = [desk.client(i) for i in range(12)]
    few, fewer, many = (desk.unit(i) for i in range(3))
    for ref, n in ((few, 3), (fewer, 1), (many, 12)):
        for client in clients[:n]:
            desk.about(ref, client, days=5, trigger_word="metro")
    desk.read(few, fewer, many)
    said = homes.compare(desk.session, [few, fewer, many]).units[0]
    (even,) = (point for point in said.even if point.field == "real_demand")
    assert even.text == "Demand: 3 against 1; 3 against 1 clients may be chance."
    (con,) = (point for point in said.cons if point.field == "real_demand")
    assert con.text == "Demand: 3 against 12 (3 against 12 clients), 75 % lower."
