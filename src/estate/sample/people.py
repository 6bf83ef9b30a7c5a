r"""Teams, agents and clients of the sample world, and who serves whom.

* skill_a ~ N(0, 0.6²) in log-odds of winning; `skill_scores` and the reply time are its noisy signs, not causes
* readiness_c ~ N(0, 1); decision speed, reply times and the agent's own guess are its noisy signs
* case mix: clients in the order of ρ · readiness + sqrt(1 − ρ²) · N(0, 1), ρ = −0.6, are shared out along
  the agents in the order of skill, so that hard clients reach the better agents and raw win rates mislead
* true budget = price of the wanted size in the favourite area · exp(N(0.05, 0.2²)); the stated one is off by 8 %
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import numpy as np

from estate.sample import names
from estate.sample.draws import DAY, Bools, Floats, Ints, Row, hundredths, logistic, moment, uuids
from estate.sample.homes import AMENITIES, BEDROOM_SHARES, PRICE_WEIGHTS, SIZES, unit_type
from estate.sample.market import CURRENCY, SEGMENTS, TYPICAL_SQM, Market

__all__ = [
    "AGENTS",
    "CLIENTS",
    "OBJECTIONS",
    "SKILL_SPREAD",
    "SPEEDS",
    "TEAMS",
    "Agents",
    "Clients",
    "Record",
    "agent_rows",
    "client_rows",
    "draw_agents",
    "draw_clients",
    "team_rows",
]

TEAMS = 4
AGENTS = 12
CLIENTS = 120
SKILL_SPREAD = 0.6
CASE_MIX = -0.6
BUDGET_NOISE = 0.08
SPEEDS = ("fast", "medium", "slow")
TEMPERS = ("analytical", "driver", "expressive", "amiable")
PURPOSES = ("live", "invest")
OBJECTIONS = ("price", "location", "payment_terms", "trust", "timing", "handover_delay")
SKILLS = ("qualify", "present", "negotiate", "close")
CHANNELS = ("call", "chat", "email")
MAX_CONTACTS = 4
COUNTRIES = (*("AE",) * 7, "EG", "EG", None)
"""Where clients are; their numbers are of no country, and one in ten says nothing."""


@dataclass(frozen=True, eq=False, slots=True)
class Agents:
    """Agents as drawn: `skill` is the truth, `reply_seconds` the median time to answer."""

    team_ids: list[UUID]
    agent_ids: list[UUID]
    first_names: list[str]
    agent_names: list[str]
    skill: Floats
    reply_seconds: Floats
    skill_scores: Floats
    calls_per_day: Ints


@dataclass(frozen=True, eq=False, slots=True)
class Clients:
    """Clients as drawn: `readiness` and `budget` are the truth, `stated_budget` is what they say."""

    client_ids: list[UUID]
    first_names: list[str]
    client_names: list[str]
    emails: list[str]
    owner: Ints
    readiness: Floats
    bedrooms: Ints
    wanted_areas: Bools
    """[clients, areas]: the areas that the client would live or invest in."""
    budget: Floats
    stated_budget: Ints
    speed: Ints
    temper: Ints
    purpose: Ints
    segment: Ints
    """Index into `SEGMENTS`, −1 when either will do."""
    wished_amenity: Ints
    objects: Bools
    guess: Floats
    """The agent's own guess of the chance, NaN where none was noted."""
    consent: Ints
    contacts: Ints
    contact_age: Floats
    contact_reply: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Record:
    """What the deals and events make of the agents, one value an agent; NaN where nothing is known."""

    deals: Ints
    won: Ints
    lost: Ints
    mean_price: Floats
    mean_reply_seconds: Floats
    objections: Sequence[Mapping[str, int]]
    projects: Sequence[Sequence[str]]


def draw_agents(scale: int, rng: np.random.Generator) -> Agents:
    """Draw teams and agents."""
    count = AGENTS * scale
    skill = rng.normal(0, SKILL_SPREAD, count)
    pairs = _name_pairs(rng, len(names.AGENT_NAMES), count)
    people = [(names.AGENT_NAMES[first], names.LAST_NAMES[last][0]) for first, last in pairs]
    return Agents(
        team_ids=uuids(rng, TEAMS),
        agent_ids=uuids(rng, count),
        first_names=[first for first, _ in people],
        agent_names=[" ".join(person) for person in people],
        skill=skill,
        reply_seconds=np.exp(rng.normal(5.5, 0.4, count) - 0.4 * skill),
        skill_scores=logistic(skill[:, None] + rng.normal(0, 0.5, (count, len(SKILLS)))),
        calls_per_day=rng.integers(8, 36, count),
    )


def draw_clients(scale: int, rng: np.random.Generator, market: Market, agents: Agents) -> Clients:
    """Draw clients, their needs and the agent that each belongs to."""
    count = CLIENTS * scale
    readiness = rng.normal(0, 1, count)
    bedrooms = rng.choice(len(SIZES), count, p=BEDROOM_SHARES)
    wanted, favourite = _wanted_areas(rng, count, len(market.area_ids))
    budget = _fair_price(market, favourite, bedrooms) * np.exp(rng.normal(0.05, 0.2, count))
    stated = budget * np.exp(rng.normal(0, BUDGET_NOISE, count))
    people = _client_names(rng, count)
    return Clients(
        client_ids=uuids(rng, count),
        first_names=[first for first, _, _ in people],
        client_names=[full for _, full, _ in people],
        emails=[f"{slug}.{index}@example.com" for index, (_, _, slug) in enumerate(people)],
        owner=_share_out(rng, readiness, agents.skill),
        readiness=readiness,
        bedrooms=bedrooms,
        wanted_areas=wanted,
        budget=budget,
        stated_budget=(10_000 * np.rint(stated / 10_000)).astype(np.int64),
        speed=np.digitize(-readiness + rng.normal(0, 0.8, count), [-0.6, 0.6]),
        temper=rng.integers(0, len(TEMPERS), count),
        purpose=rng.integers(0, len(PURPOSES), count),
        segment=rng.integers(-1, len(SEGMENTS), count),
        wished_amenity=rng.integers(0, len(AMENITIES), count),
        objects=rng.random((count, len(OBJECTIONS))) < 0.3 * logistic(-0.8 * readiness)[:, None],
        guess=_guess(rng, readiness),
        consent=rng.choice(3, count, p=[0.75, 0.19, 0.06]),
        contacts=rng.integers(0, MAX_CONTACTS + 1, count),
        contact_age=np.sort(rng.uniform(1, 400, (count, MAX_CONTACTS)))[:, ::-1],
        contact_reply=np.exp(rng.normal(8, 0.8, (count, MAX_CONTACTS)) - 0.5 * readiness[:, None]),
    )


def team_rows(agents: Agents, updated_at: dt.datetime) -> Iterator[Row]:
    """Yield the rows of `teams`."""
    for team_id, name in zip(agents.team_ids, names.TEAMS, strict=True):
        yield {"team_id": team_id, "name": f"{name} team", "updated_at": updated_at}


def agent_rows(agents: Agents, record: Record, updated_at: dt.datetime) -> Iterator[Row]:
    """Yield the rows of `agent_activity`: what a CRM reports of the deals, times in seconds."""
    for index, agent_id in enumerate(agents.agent_ids):
        won, lost = int(record.won[index]), int(record.lost[index])
        yield {
            "agent_id": agent_id,
            "name": agents.agent_names[index],
            "calls_per_day": int(agents.calls_per_day[index]),
            "lead_responses": int(record.deals[index]),
            "objections_heard": dict(record.objections[index]),
            "deals_closed": won,
            "projects_assigned": list(record.projects[index]),
            "closing_rate": Decimal(round(10_000 * won / (won + lost))).scaleb(-4) if won + lost else None,
            "avg_response_time": _known(record.mean_reply_seconds[index]),
            "avg_closing_price": _known(record.mean_price[index]),
            "skill_scores": dict(zip(SKILLS, np.round(agents.skill_scores[index], 2).tolist(), strict=True)),
            "updated_at": updated_at,
            "currency": CURRENCY,
            "team_id": agents.team_ids[index % TEAMS],
        }


def client_rows(clients: Clients, market: Market, agents: Agents, now: int, updated_at: dt.datetime) -> Iterator[Row]:
    """Yield the rows of `client_profiles`."""
    for index, client_id in enumerate(clients.client_ids):
        blocked = index % 17 == 16
        guess = clients.guess[index]
        yield {
            "client_id": client_id,
            "name": clients.client_names[index],
            "interest": _interest(clients, index),
            "budget": hundredths(100 * int(clients.stated_budget[index])),
            "location_targets": _targets(clients, market, index),
            "objections": [name for name, has in zip(OBJECTIONS, clients.objects[index], strict=True) if has],
            "decision_speed": SPEEDS[clients.speed[index]],
            "emotional_type": TEMPERS[clients.temper[index]],
            "response_history": _contacts(clients, index, now),
            "updated_at": updated_at,
            "currency": CURRENCY,
            "stated_score": None if np.isnan(guess) else hundredths(round(100 * guess)),
            "owner_agent_id": agents.agent_ids[clients.owner[index]],
            "phone": _phone(index),
            "email": clients.emails[index],
            "contact_consent": False if blocked else (True, False, None)[clients.consent[index]],
            "do_not_contact": blocked,
            "country": COUNTRIES[index % len(COUNTRIES)],
        }


def _share_out(rng: np.random.Generator, readiness: Floats, skill: Floats) -> Ints:
    """Return the agent of each client: the case mix of the module's formula, with uneven shares."""
    score = CASE_MIX * readiness + np.sqrt(1 - CASE_MIX**2) * rng.normal(0, 1, len(readiness))
    quantile = (np.argsort(np.argsort(score, kind="stable")) + 0.5) / len(score)
    shares = np.exp(rng.normal(0, 0.3, len(skill)))
    place = np.searchsorted(np.cumsum(shares / shares.sum()), quantile)
    return np.argsort(skill, kind="stable")[np.minimum(place, len(skill) - 1)]


def _wanted_areas(rng: np.random.Generator, count: int, areas: int) -> tuple[Bools, Ints]:
    """Draw one to three areas a client; the first one is the favourite."""
    order = np.argsort(rng.random((count, areas)), axis=1)[:, :3]
    wanted = np.zeros((count, areas), dtype=np.bool_)
    kept = np.arange(3) < rng.integers(1, 4, count)[:, None]
    wanted[np.nonzero(kept)[0], order[kept]] = True
    return wanted, order[:, 0]


def _fair_price(market: Market, area: Ints, bedrooms: Ints) -> Floats:
    weight = PRICE_WEIGHTS["log_size"]
    size = weight * np.log(SIZES[bedrooms]) + (1 - weight) * np.log(TYPICAL_SQM)
    price: Floats = np.exp(market.level[area] + size)
    return price


def _guess(rng: np.random.Generator, readiness: Floats) -> Floats:
    noted = rng.random(len(readiness)) < 0.4
    guess = logistic(-0.4 + 0.7 * readiness + rng.normal(0, 0.7, len(readiness)))
    return np.where(noted, guess, np.nan)


def _name_pairs(rng: np.random.Generator, firsts: int, count: int) -> list[tuple[int, int]]:
    """Draw pairs of a first and a last name; none comes again before all are used."""
    lasts = len(names.LAST_NAMES)
    order = rng.permutation(firsts * lasts)
    picked: Ints = order[np.arange(count) % len(order)]
    return [divmod(pair, lasts) for pair in picked.tolist()]


def _client_names(rng: np.random.Generator, count: int) -> list[tuple[str, str, str]]:
    """Return first name, full name and e-mail slug; one client in ten keeps Arabic script."""
    script = (rng.random(count) < 0.1).astype(int).tolist()
    pairs = _name_pairs(rng, len(names.FIRST_NAMES), count)
    people = []
    for (first, last), arabic in zip(pairs, script, strict=True):
        given, family = names.FIRST_NAMES[first], names.LAST_NAMES[last]
        slug = f"{given[0]}.{family[0]}".lower()
        people.append((given[arabic], f"{given[arabic]} {family[arabic]}", slug))
    return people


def _phone(index: int) -> str:
    """Return a number of the North American range kept for fiction, 555-0100 to 555-0199."""
    return f"+1{200 + index // 100 % 800}55501{index % 100:02}"


def _interest(clients: Clients, index: int) -> Row:
    bedrooms, segment = int(clients.bedrooms[index]), int(clients.segment[index])
    return {
        "purpose": PURPOSES[clients.purpose[index]],
        "unit_types": [unit_type(bedrooms)],
        "bedrooms": bedrooms,
        "segment": None if segment < 0 else SEGMENTS[segment],
        "amenities": [AMENITIES[clients.wished_amenity[index]]["code"]],
    }


def _targets(clients: Clients, market: Market, index: int) -> list[Row]:
    return [
        {"area_id": str(market.area_ids[area]), "area_name": market.area_names[area]}
        for area in np.flatnonzero(clients.wanted_areas[index])
    ]


def _contacts(clients: Clients, index: int, now: int) -> list[Row]:
    """Return earlier contacts, oldest first, with the seconds that the client took to reply."""
    latest = range(MAX_CONTACTS - int(clients.contacts[index]), MAX_CONTACTS)
    return [
        {
            "at": moment(int(now - clients.contact_age[index, i] * DAY)).isoformat(),
            "channel": CHANNELS[(index + i) % len(CHANNELS)],
            "response_seconds": int(clients.contact_reply[index, i]),
        }
        for i in latest
    ]


def _known(value: float) -> Decimal | None:
    return None if np.isnan(value) else hundredths(round(100 * float(value)))
