"""Fits how sure Real Estate GPT is: `python -m scripts.calibrate_gpt` writes `realestate_gpt/calibration.json` anew.

It asks questions with known answers, about generated brokerages: sentences, slips and seeds are its own, none of a
benchmark. The brokerages are built as the benchmark builds its own, so they share one assumption, how long a fact
stays true (`benchmarks.answers.world.MEAN_LIFE_DAYS`); an installation that knows better refits on its feedback
(`--feedback`, with the replies of the configured database that people judged).
"""

import argparse
import datetime as dt
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import psycopg
from benchmarks.answers import world
from benchmarks.harness.stack import passing_postgres
from numpy.typing import NDArray
from scipy.optimize import minimize

from estate import registry
from estate.core.db import Database, unit_of_work, use_database
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.realestate_gpt import Reply, respond
from estate.realestate_gpt.audit import doubts, judged
from estate.sample.names import FIRST_NAMES, LAST_NAMES

HOME = Path(__file__).resolve().parents[1] / "src" / "estate" / "realestate_gpt" / "calibration.json"
SEEDS = (9_101, 9_102, 9_103)
ANSWERED = 1_500
RIDGE = 1.0
EPS = 1e-6

ASKS: Mapping[tuple[str, str], Sequence[str]] = {
    ("client", "budget"): ("Could you tell me the budget of {}?", "How much is {} able to pay?"),
    ("client", "decision_speed"): ("Does {} make decisions fast?", "What is the decision speed of {}?"),
    ("client", "emotional_type"): ("What kind of person is {}?", "Emotional type of {}, please."),
    ("agent", "deals_closed"): ("Tell me how many deals {} closed.", "How many sales has {} made?"),
    ("agent", "closing_rate"): ("What share of deals does {} win?", "Give me the closing rate of {}."),
    ("agent", "avg_response_time"): ("How long does {} take to reply?", "The response time of {}?"),
    ("agent", "calls_per_day"): ("How many phone calls a day for {}?",),
    ("property", "price"): ("What is the price of {}?", "How much do they ask for {}?"),
    ("property", "area_sqm"): ("How large is {}?", "Living space of {}?"),
    ("property", "bathrooms"): ("How many baths are in {}?",),
    ("property", "delivery_date"): ("When is {} ready?", "When do we get the keys of {}?"),
    ("property", "status"): ("Is {} reserved?", "Is {} for sale?"),
    ("property", "developer"): ("Who is the developer of {}?",),
    ("market", "price_avg"): ("What are prices like in {}?", "Price level of {}?"),
    ("market", "sales_volume"): ("How many homes sold in {}?",),
    ("behavior", "stage"): ("What stage has the deal with {} reached?",),
}
"""What is asked of a record by its name."""

NEIGHBOURS = {"a": "s", "e": "r", "i": "o", "o": "p", "n": "m", "s": "d", "t": "y", "l": "k", "r": "t", "h": "j"}


class Case(NamedTuple):
    """What spoke against a reply, how old its record was, and whether it was right."""

    features: dict[str, float]
    days: float
    right: bool


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--feedback", action="store_true", help="fit on the judged replies of the configured database")
    parser.add_argument("--answered", type=int, default=ANSWERED, help="answered replies a world")
    options = parser.parse_args()
    if options.feedback:
        with unit_of_work(Actor.system(), read_only=True) as session:
            cases = [Case(*case) for case in judged(session)]
    else:
        cases = [case for seed in SEEDS for case in _world_cases(seed, options.answered)]
    fitted = fit(cases) | {"n": len(cases)}
    fitted["version"] = f"{'feedback' if options.feedback else 'worlds'}-{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    HOME.write_text(json.dumps(fitted, indent=2, sort_keys=True) + "\n")
    print(HOME.read_text())


def fit(cases: Sequence[Case]) -> dict[str, Any]:
    """Return the maximum-likelihood parameters of sigmoid(b + w x) * exp(-r d), w held back by a ridge."""
    names = sorted(cases[0].features)
    x = np.array([[case.features[name] for name in names] for case in cases])
    days, right = np.array([case.days for case in cases]), np.array([case.right for case in cases], dtype=float)

    def loss(p: NDArray[np.float64]) -> float:
        share = np.exp(-np.exp(p[1]) * days) / (1 + np.exp(-(p[0] + x @ p[2:])))
        share = np.clip(share, EPS, 1 - EPS)
        likelihood = right * np.log(share) + (1 - right) * np.log(1 - share)
        return float(-likelihood.sum() + RIDGE * (p[2:] ** 2).sum() / 200)

    found = minimize(loss, np.r_[3.0, np.log(1 / 500), np.zeros(len(names))], method="L-BFGS-B").x
    return {
        "intercept": round(float(found[0]), 4),
        "decay_per_day": round(float(np.exp(found[1])), 6),
        "weights": {name: round(float(w), 4) for name, w in zip(names, found[2:], strict=True)},
    }


def _world_cases(seed: int, answered: int) -> Iterator[Case]:
    registry.register()
    now = world.working_hour(dt.datetime.now(dt.UTC))
    with passing_postgres() as postgres:
        postgres.create("calibration")
        os.environ["ESTATE_DATABASE_URL"] = url = postgres.url("calibration").render_as_string(hide_password=False)
        get_settings.cache_clear()
        database = Database.connect(url, "worker")
        with psycopg.connect(postgres.dsn("calibration"), autocommit=True) as connection, use_database(database):
            yield from _cases(world.build(connection, seed, 2, now), world.stream("calibration", seed), answered)
        database.close()


def _cases(known: world.World, rng: Random, answered: int) -> Iterator[Case]:
    agents = sorted(row["id"] for row in known.of("agent"))
    subjects = {key: [row for row in known.of(key[0]) if row["name"] and row.get(key[1]) is not None] for key in ASKS}
    deals = Counter(row["client_id"] for row in known.of("behavior") if "client_id" in row)
    stages = subjects["behavior", "stage"]
    subjects["behavior", "stage"] = [row for row in stages if deals[row["client_id"]] == 1]  # Else: which deal?
    keys = sorted(key for key, rows in subjects.items() if rows)
    while answered:
        layer, field = key = rng.choice(keys)
        row = rng.choice(subjects[key])
        name, there = _said(known, layer, str(row["name"]), rng)
        reply = respond(rng.choice(ASKS[key]).format(name), {"agent_id": rng.choice(agents)}, now=known.now)
        if reply.abstained:
            continue
        answered -= 1
        so = there and (layer, row["id"], field) not in known.changed and _first(reply, layer, field) == row["id"]
        with unit_of_work(Actor.system(), read_only=True) as session:
            yield Case(*doubts(session, reply.response_id), so)


def _first(reply: Reply, layer: str, field: str) -> str | None:
    cites = (cite for claim in reply.reasoning for cite in claim.cites)
    return next((cite.id for cite in cites if cite.layer == layer and cite.field == field), None)


def _said(known: world.World, layer: str, name: str, rng: Random) -> tuple[str, bool]:
    """Return how a record is called in the question, and whether anything on record is what is meant."""
    way = rng.random()
    if way < 0.55:
        return name, True
    if way < 0.62:
        return (name.split()[-1] if layer in ("client", "agent") else name), True
    if way < 0.75:
        of_client = layer in ("client", "behavior")  # A deal is called by its client.
        borne = {row["name"] for row in known.of("client" if of_client else layer)}
        other = name
        while other in borne:
            people = f"{rng.choice(FIRST_NAMES)[0]} {rng.choice(LAST_NAMES)[0]}"
            other = people if of_client else _slip(name, rng)
        return other, False
    return _slip(name, rng), True


def _slip(name: str, rng: Random) -> str:
    """Return a name as a hurried hand writes it."""
    letters = list(name)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
        at = rng.randrange(1, len(letters))
        letter = letters[at].lower()
        if letter.isdigit():
            letters[at] = str(rng.randrange(10))
        elif letter in NEIGHBOURS and rng.random() < 0.5:
            letters[at] = NEIGHBOURS[letter]
        elif rng.random() < 0.5:
            letters.pop(at)
        else:
            letters.insert(at, letters[at])
    return "".join(letters)


if __name__ == "__main__":
    main()
