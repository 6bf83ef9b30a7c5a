"""`estate bench recommend`: units for clients of a generated market, against plain peers on the same rows.

What a client will ask about in the days to come is kept back. Ours is asked through `estate.intelligence.matching`
on a database that holds profiles, units, past events and deals and nothing else; a peer scores the same rows, within
the same limits. The worlds are drawn from the seeds 100·S to 100·S + 4; the judged ones are those of S = 1.
"""

import json
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from starlette.testclient import TestClient

from benchmarks.buyers import AMENITIES, DAYS, DEVELOPERS, NOW, TYPES, Buyer, World, at, draw_world
from benchmarks.harness.stack import API_KEY, Postgres, passing_postgres
from benchmarks.peers.recommenders import PEERS
from benchmarks.report import Options, Report
from benchmarks.verify_reasons import prepare, verified, violations
from estate.api.app import create_app
from estate.core.db import Database, unit_of_work, use_database
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.intelligence.matching import recommend
from estate.intelligence.schemas import Recommendation

__all__ = ["TARGETS", "bench"]

Floats = NDArray[np.float64]

WORLDS, UNITS, WARM, COLD = 5, 1_200, 150, 60
QUICK_WORLDS, QUICK_UNITS, QUICK_WARM, QUICK_COLD = 1, 200, 7, 3
SHOWN, LISTED, RECALLED = 10, 100, 20
FIT_AT_LEAST = 5
DRAWS, LEVEL = 2_000, 0.90
SMALL, LARGE = 1_000, 100_000
ASKED_FOR, RATE, TIMED_WARM = 60, 20.0, 420
DISCOUNTS = 1 / np.log2(np.arange(2, SHOWN + 2))

TARGETS: dict[str, tuple[str, float]] = {
    "ndcg_minus_best_peer_lower": (">", 0),
    "cold_unit_minus_best_peer_lower": (">", 0),
    "cold_client_minus_best_peer_lower": (">", 0),
    "items_per_client": (">=", FIT_AT_LEAST),
    "violations": ("==", 0),
    "reasons_verified_share": ("==", 1),
    "growth": ("<=", 3),
}
QUICK_TARGETS: dict[str, tuple[str, float]] = {
    "items_per_client": (">=", FIT_AT_LEAST),
    "violations": ("==", 0),
    "reasons_verified_share": ("==", 1),
}


@dataclass(slots=True)
class Measured:
    """Figures of each client, by who ranked; and what was checked."""

    overall: dict[str, list[float]] = field(default_factory=dict)
    cold_unit: dict[str, list[float]] = field(default_factory=dict)
    cold_client: dict[str, list[float]] = field(default_factory=dict)
    recall: dict[str, list[float]] = field(default_factory=dict)
    projects: list[float] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    violations: int = 0
    reasons: int = 0
    true_reasons: int = 0
    by_world: list[dict[str, float]] = field(default_factory=list)


def bench(options: Options) -> Report:
    """Run the bench."""
    size = (QUICK_WORLDS, QUICK_UNITS, QUICK_WARM, QUICK_COLD) if options.quick else (WORLDS, UNITS, WARM, COLD)
    worlds, units, warm, cold = size
    measured, times = Measured(), {}
    with passing_postgres() as postgres:
        for number in range(worlds):
            world = draw_world(100 * options.seed + number, units, warm, cold)
            with use_database(_filled(postgres, f"world_{number}", world)):
                _measure(postgres, f"world_{number}", world, measured)
        if not options.quick:
            times = _times(postgres, options.seed)
    return _report(options, measured, times)


# Loading


def _filled(postgres: Postgres, name: str, world: World) -> Database:
    postgres.create(name)
    with psycopg.connect(postgres.dsn(name), autocommit=True) as connection:
        load(connection, world)
        connection.execute("ANALYZE")
    url = postgres.url(name).render_as_string(hide_password=False)
    os.environ["ESTATE_DATABASE_URL"], os.environ["ESTATE_BOOTSTRAP_API_KEY"] = url, API_KEY
    get_settings.cache_clear()
    return Database.connect(url, "api")


def load(connection: psycopg.Connection, world: World) -> None:
    """Write what is stored of a world: nothing of taste, and nothing later than now."""
    agent = uuid.uuid5(uuid.NAMESPACE_OID, "agent")
    _copy(connection, "agent_activity (agent_id, name, currency)", [(agent, "Agent", "AED")])
    areas = [(area, f"Area {i}", "AED") for i, area in enumerate(world.area_ids)]
    _copy(connection, "market_insights (area_id, area_name, currency)", areas)
    developers = dict(zip(world.project.tolist(), world.developer.tolist(), strict=True))
    projects = [
        (p, f"Project {i}", f"Developer {developers.get(i, i % DEVELOPERS)}", world.area_ids[world.project_area[i]])
        for i, p in enumerate(world.project_ids)
    ]
    _copy(connection, "projects (project_id, name, developer, area_id)", projects)
    columns = "project_id, unit_id, title, price, currency, area_id, unit_type, bedrooms, area_sqm, amenities"
    columns += ", delivery_date, status, listed_at, sold_at, updated_at, event_count"
    _copy(connection, f"properties ({columns})", _unit_rows(world))
    clients = [(b.client_id, "Client", b.budget, "AED", *_profile(world, b)) for b in world.buyers]
    _copy(connection, "client_profiles (client_id, name, budget, currency, interest, location_targets)", clients)
    _copy(connection, f"behavior_events ({EVENT_COLUMNS})", _event_rows(world, agent))
    deals = "deal_id, agent_id, client_id, project_id, unit_id, stage, outcome, opened_at, closed_at, currency"
    _copy(connection, f"deals ({deals})", _deal_rows(world, agent))


EVENT_COLUMNS = "event_id, client_id, agent_id, property_project_id, property_unit_id, time_of_event, content_hash"


def _copy(connection: psycopg.Connection, target: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor().copy(f"COPY {target} FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _unit_rows(world: World) -> Iterable[Sequence[Any]]:
    named = np.bincount([u for b in world.buyers for _, u in b.asked], minlength=len(world.ids))
    for u, unit_id in enumerate(world.ids):
        codes = json.dumps([{"code": AMENITIES[a], "label": AMENITIES[a]} for a in np.flatnonzero(world.amenities[u])])
        is_sold = bool(np.isfinite(world.sold[u]))
        yield (
            world.project_ids[world.project[u]],
            unit_id,
            f"Unit {u}",
            float(world.price[u]),
            "AED",
            world.area_ids[world.area[u]],
            TYPES[world.kind[u]],
            int(world.bedrooms[u]),
            float(world.sqm[u]),
            codes,
            world.delivered(u),
            "sold" if is_sold else "available",
            at(world.listed[u]),
            at(world.sold[u]) if is_sold else None,
            at(world.listed[u]),
            int(named[u]),
        )


def _profile(world: World, buyer: Buyer) -> tuple[str, str | None]:
    interest: dict[str, Any] = {"amenities": list(buyer.amenities)} if buyer.amenities else {}
    if buyer.bedrooms is not None:
        interest["bedrooms"] = buyer.bedrooms
    if buyer.must:
        interest["must"] = buyer.must
    areas = json.dumps([{"area_id": str(world.area_ids[a])} for a in buyer.wanted])
    return json.dumps(interest), areas if buyer.wanted else None


def _event_rows(world: World, agent: uuid.UUID) -> Iterable[Sequence[Any]]:
    for buyer in world.buyers:
        for number, (day, u) in enumerate(buyer.asked):
            event = uuid.uuid5(buyer.client_id, f"event {number}")
            yield event, buyer.client_id, agent, world.project_ids[world.project[u]], world.ids[u], at(day), b"\0" * 32


def _deal_rows(world: World, agent: uuid.UUID) -> Iterable[Sequence[Any]]:
    for number, deal in enumerate(world.deals):
        client, outcome = world.buyers[deal.client].client_id, "won" if deal.won else "lost"
        unit = world.project_ids[world.project[deal.unit]], world.ids[deal.unit]
        when = at(deal.day)
        yield uuid.uuid5(client, f"deal {number}"), agent, client, *unit, outcome, outcome, when, when, "AED"


# Judging


def _measure(postgres: Postgres, name: str, world: World, measured: Measured) -> None:
    numbers = {unit_id: u for u, unit_id in enumerate(world.ids)}
    start = len(measured.overall.get("ours", []))
    with psycopg.connect(postgres.dsn(name), autocommit=True) as connection:
        prepare(connection, NOW)
        for client, buyer in enumerate(world.buyers):
            if buyer.gone or not buyer.later:
                continue
            listed = _asked(buyer, LISTED)
            shown = _asked(buyer, SHOWN)
            eligible = world.eligible(client)
            if eligible.sum() >= FIT_AT_LEAST:
                measured.items.append(len(shown))
            measured.violations += violations(connection, buyer.client_id, [*shown, *listed])
            good = [true for item in shown for true in verified(connection, buyer.client_id, item, NOW)]
            measured.reasons += len(good)
            measured.true_reasons += sum(good)
            measured.projects.append(len({item.project_id for item in shown}) / max(len(shown), 1))
            ranked = [numbers[item.unit_id] for item in shown]
            rest = [u for item in listed if (u := numbers[item.unit_id]) not in ranked]
            orders = {"ours": [*ranked, *rest]}
            for peer, score in PEERS.items():
                scores = score(world, client)
                orders[peer] = [int(u) for u in np.argsort(-scores, kind="stable") if eligible[u]]
            _judge(world, buyer, orders, measured)
    of_world = {who: float(np.mean(values[start:])) for who, values in measured.overall.items()}
    measured.by_world.append(of_world)


def _asked(buyer: Buyer, limit: int) -> list[Recommendation]:
    with unit_of_work(Actor.system(), read_only=True) as session:
        return recommend(session, buyer.client_id, now=NOW, limit=limit)


def _judge(world: World, buyer: Buyer, orders: Mapping[str, Sequence[int]], measured: Measured) -> None:
    young = {u: gain for u, gain in buyer.later.items() if world.young[u]}
    for who, order in orders.items():
        found = ndcg(order, buyer.later)
        measured.overall.setdefault(who, []).append(found)
        hits = len(set(order[:RECALLED]) & buyer.later.keys())
        measured.recall.setdefault(who, []).append(hits / len(buyer.later))
        if buyer.cold:
            measured.cold_client.setdefault(who, []).append(found)
        if young:
            only = [u for u in order if world.young[u]]
            measured.cold_unit.setdefault(who, []).append(ndcg(only, young))


def ndcg(order: Sequence[int], gains: Mapping[int, float]) -> float:
    """Return the normalised discounted gain of the first ten."""
    ideal = sorted(gains.values(), reverse=True)[:SHOWN]
    got = [gains.get(u, 0.0) for u in order[:SHOWN]]
    return float(DISCOUNTS[: len(got)] @ got / (DISCOUNTS[: len(ideal)] @ ideal))


def lower_of_difference(by: Mapping[str, Sequence[float]], seed: int) -> tuple[str, float]:
    """Return the best peer and the lower end of ours less it: paired, by bootstrap over clients."""
    best = max(PEERS, key=lambda peer: float(np.mean(by[peer])))
    gap = np.asarray(by["ours"]) - np.asarray(by[best])
    rng = np.random.default_rng(seed)
    means = gap[rng.integers(0, len(gap), (DRAWS, len(gap)))].mean(axis=1)
    return best, float(np.quantile(means, (1 - LEVEL) / 2))


# Time


def _times(postgres: Postgres, seed: int) -> dict[str, float]:
    seconds: dict[int, list[float]] = {}
    late: list[float] = []
    for units in (SMALL, LARGE):
        world = draw_world(100 * seed + 99, units, TIMED_WARM, COLD)
        with use_database(_filled(postgres, f"time_{units}", world)):
            clients = [b.client_id for b in world.buyers if not b.gone][:ASKED_FOR]
            api = TestClient(create_app(), headers={"X-API-Key": API_KEY})
            for client in clients[:10]:  # The first calls fill caches and plans.
                _get(api, client)
            seconds[units] = [_timed(api, client) for client in clients]
            if units == LARGE:
                late = _paced(api, clients * 3)
    small, large = (1_000 * float(np.median(seconds[units])) for units in (SMALL, LARGE))
    return {
        "p95_ms": 1_000 * float(np.quantile(late, 0.95)),
        "growth": large / small,
        "small_ms": small,
        "large_ms": large,
    }


def _get(api: TestClient, client: uuid.UUID) -> None:
    api.get("/property/recommend", params={"client_id": str(client)}).raise_for_status()


def _timed(api: TestClient, client: uuid.UUID) -> float:
    started = time.perf_counter()
    _get(api, client)
    return time.perf_counter() - started


def _paced(api: TestClient, clients: Sequence[uuid.UUID]) -> list[float]:
    """Return how long after its due time each request of a steady stream was answered."""
    begun, late = time.perf_counter(), []
    for number, client in enumerate(clients):
        due = begun + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        _get(api, client)
        late.append(time.perf_counter() - due)
    return late


def _report(options: Options, measured: Measured, times: Mapping[str, float]) -> Report:
    slices = {"ndcg": measured.overall, "cold_unit": measured.cold_unit, "cold_client": measured.cold_client}
    metrics: dict[str, Any] = {"ndcg_at_10": float(np.mean(measured.overall["ours"]))}
    best = {}
    for name, values in slices.items():
        best[name], metrics[f"{name}_minus_best_peer_lower"] = lower_of_difference(values, options.seed)
    metrics |= {
        "cold_unit_ndcg_at_10": float(np.mean(measured.cold_unit["ours"])),
        "cold_client_ndcg_at_10": float(np.mean(measured.cold_client["ours"])),
        "recall_at_20": float(np.mean(measured.recall["ours"])),
        "items_per_client": min(measured.items),
        "violations": measured.violations,
        "reasons_verified_share": measured.true_reasons / measured.reasons,
        "projects_per_item": float(np.mean(measured.projects)),
        **times,
        "best_peer": best,
        "worlds": {str(100 * options.seed + n): figures for n, figures in enumerate(measured.by_world)},
    }
    if len(measured.by_world) > 1:
        gaps = [w["ours"] - w[best["ndcg"]] for w in measured.by_world]
        metrics["gap_standard_error"] = float(np.std(gaps, ddof=1) / np.sqrt(len(gaps)))
    peers = {peer: _peer_figures(measured, peer) for peer in PEERS}
    data = f"generated: {len(measured.by_world)} worlds, held-out interest of the days after day {DAYS}"
    targets = QUICK_TARGETS if options.quick else TARGETS
    return Report("recommend", options.seed, len(measured.overall["ours"]), data, metrics, targets, peers)


def _peer_figures(measured: Measured, peer: str) -> dict[str, float]:
    return {
        "ndcg_at_10": float(np.mean(measured.overall[peer])),
        "cold_unit_ndcg_at_10": float(np.mean(measured.cold_unit[peer])),
        "cold_client_ndcg_at_10": float(np.mean(measured.cold_client[peer])),
        "recall_at_20": float(np.mean(measured.recall[peer])),
    }
