r"""The sample world as a whole: a brokerage in a fictional city, generated from a seed.

The causal story, in the order of its causes (each module states its part as formulas):

1. `market`: areas with a price level, growth and demand of their own, and a season.
2. `homes`, `plans`: projects, units and prices that follow the areas; payment plans.
3. `people`: agents with skill, clients with readiness, needs and a budget; hard clients go to better agents.
4. `leads`: who talks with whom from when; the length of a deal depends on the client's decision speed only.
5. `talk`: what is said; stronger clients talk longer, and neutral terms travel along with effective ones.
6. `deals`, `truth`: logit P(won) = base + skill + readiness + fit of the unit + season + Σ effects of terms said;
   deals that end after `now` are open.
7. `events`: one event for each term said, and web events, which are signs and not causes.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from estate.sample import phrases
from estate.sample.deals import (
    LOST,
    WON,
    Deals,
    close_deals,
    deal_rows,
    furthest_stages,
    objections_heard,
    stage_rows,
)
from estate.sample.draws import Ints, Row, moment, stream
from estate.sample.events import Events, draw_events, event_rows, mean_reply_seconds
from estate.sample.homes import Standing, draw_homes, launches, project_rows, unit_rows
from estate.sample.leads import Scene, draw_leads
from estate.sample.market import draw_market, insight_rows, snapshot_rows
from estate.sample.people import (
    Record,
    agent_rows,
    client_rows,
    draw_agents,
    draw_clients,
    team_rows,
)
from estate.sample.talk import Talk, conversation_rows, draw_talk, said_in_deals, utterance_rows
from estate.sample.truth import BASE, COLUMNS, WEIGHTS, Truth

__all__ = ["World", "generate"]

WITHDRAWN_EVERY = 40


@dataclass(frozen=True, eq=False, slots=True)
class World:
    """A generated world: its rows, table by table, and the truth behind them."""

    scene: Scene
    talk: Talk
    deals: Deals
    furthest: Ints
    events: Events
    truth: Truth

    def tables(self) -> Iterator[tuple[str, Iterable[Row]]]:
        """Yield each table with its rows, in the order of the foreign keys.

        Yields
        ------
        tuple of str and iterable of dict
            Table name and rows, which are made while they are read. All rows of a table have the same keys:
            the columns of its model without those that the platform computes itself (folded columns, counters,
            hashes, aggregates and scores) or the database fills (identities, times of receipt).
        """
        scene, market, homes = self.scene, self.scene.market, self.scene.homes
        reported_at = moment(scene.now - 3600)
        yield "teams", team_rows(scene.agents, reported_at)
        yield "market_insights", insight_rows(market, reported_at)
        yield "market_snapshots", snapshot_rows(market, launches(homes, market))
        yield "projects", project_rows(homes, market, reported_at)
        yield "agent_activity", agent_rows(scene.agents, self._record(), reported_at)
        yield "client_profiles", client_rows(scene.clients, market, scene.agents, scene.now, reported_at)
        yield "properties", unit_rows(homes, market, self._standing(), scene.now)
        yield "deals", deal_rows(self.deals, scene)
        yield "deal_stages", stage_rows(self.deals, self.furthest, scene.leads)
        yield "conversations", conversation_rows(self.talk, scene, self.deals.unit, self.deals.deal_ids)
        yield "utterances", utterance_rows(self.talk, scene, self.deals.unit)
        yield "behavior_events", event_rows(self.events, scene, self.talk, self.deals)

    def _record(self) -> Record:
        """Sum up the deals and replies of each agent as a CRM would report them."""
        count, deals, agent = len(self.scene.agents.agent_ids), self.deals, self.scene.leads.agent
        won = np.bincount(agent[deals.outcome == WON], minlength=count)
        value = np.bincount(agent, np.where(deals.outcome == WON, deals.value, 0), count)
        return Record(
            deals=np.bincount(agent, minlength=count),
            won=won,
            lost=np.bincount(agent[deals.outcome == LOST], minlength=count),
            mean_price=np.where(won > 0, value / np.maximum(won, 1), np.nan),
            mean_reply_seconds=mean_reply_seconds(self.events, self.scene, self.talk),
            objections=objections_heard(deals, self.scene.leads, count),
            projects=self._assigned(),
        )

    def _assigned(self) -> list[list[str]]:
        """Return the projects that each agent has deals in."""
        seen: list[set[int]] = [set() for _ in self.scene.agents.agent_ids]
        projects: Ints = self.scene.homes.project[self.deals.unit]
        for agent, project in zip(self.scene.leads.agent.tolist(), projects.tolist(), strict=True):
            seen[agent].add(project)
        return [[str(self.scene.homes.project_ids[project]) for project in sorted(found)] for found in seen]

    def _standing(self) -> Standing:
        """Work out the status of each unit; of those without a deal a few have been withdrawn."""
        units = len(self.scene.homes.unit_ids)
        sold_at = self.deals.sold_at(self.scene.leads, units)
        status = np.full(units, "available", dtype=object)
        idle = np.setdiff1d(np.arange(units), np.union1d(self.deals.unit, self.events.unit))
        status[idle[::WITHDRAWN_EVERY]] = "withdrawn"
        status[sold_at > 0] = "sold"
        status[self.deals.reserved()] = "reserved"
        return Standing(status=status.tolist(), sold_at=sold_at)


def generate(scale: int, seed: int, now: dt.datetime) -> World:
    """Generate the sample world.

    Parameters
    ----------
    scale : int
        1 gives 12 agents, 120 clients, 240 units and 320 deals; they grow in proportion, areas with log2.
    seed : int
        Not negative; the same seed, scale and `now` give the same rows to the byte.
    now : datetime
        The present of the world, with a zone, from 1980 on; all that happens lies before it.

    Returns
    -------
    World

    Raises
    ------
    ValueError
        `scale` is below 1, `seed` below 0, or `now` has no zone.
    """
    if scale < 1 or seed < 0:
        raise ValueError("The scale starts at 1 and the seed at 0.")
    if now.tzinfo is None:
        raise ValueError("The time needs a zone.")
    scene = _scene(scale, seed, int(now.timestamp()))
    talk = draw_talk(stream(seed, "talk"), scene)
    deals = close_deals(stream(seed, "deals"), scene, said_in_deals(talk, len(scene.leads.client)))
    furthest = furthest_stages(stream(seed, "stages"), deals)
    events = draw_events(stream(seed, "events"), scene, talk, deals)
    return World(scene, talk, deals, furthest, events, _truth(scene, deals))


def _scene(scale: int, seed: int, now: int) -> Scene:
    market = draw_market(scale, stream(seed, "market"), moment(now))
    homes = draw_homes(scale, stream(seed, "homes"), market, now)
    agents = draw_agents(scale, stream(seed, "agents"))
    clients = draw_clients(scale, stream(seed, "clients"), market, agents)
    leads = draw_leads(scale, stream(seed, "leads"), clients, len(agents.agent_ids), now)
    return Scene(now, market, homes, agents, clients, leads)


def _truth(scene: Scene, deals: Deals) -> Truth:
    market, agents, clients = scene.market, scene.agents, scene.clients
    return Truth(
        base_logit=BASE,
        weights=WEIGHTS,
        effects={term.text: term.log_odds for term in phrases.TERMS},
        speakers={term.text: term.speaker for term in phrases.TERMS},
        agent_skill=dict(zip(agents.agent_ids, agents.skill.tolist(), strict=True)),
        client_readiness=dict(zip(clients.client_ids, clients.readiness.tolist(), strict=True)),
        client_budget=dict(zip(clients.client_ids, clients.budget.tolist(), strict=True)),
        area_growth=dict(zip(market.area_ids, market.growth.tolist(), strict=True)),
        area_demand=dict(zip(market.area_ids, market.demand.tolist(), strict=True)),
        deal_ids=tuple(deals.deal_ids),
        columns=COLUMNS,
        features=deals.features,
        win_probability=deals.win_probability,
    )
