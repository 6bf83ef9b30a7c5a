r"""Behaviour events of the sample world: one for each term said, and what clients did on the web.

* web events on the unit of a deal ~ Poisson(0.9 · exp(0.3 · readiness)), while the deal runs
* browsing without a deal ~ Poisson(1.5) a client, on the best of five units by need, while they are on the market
* the emotion is a sign of readiness, not a cause: the level of 0.6 · readiness + N(0, 1)
* reply times are log-normal: around the agent's median, and around exp(6 − 0.3 · readiness) for clients
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from estate.sample.deals import FIT, Deals, fit_features
from estate.sample.draws import Floats, Ints, Row, hundredths, moment, uuids
from estate.sample.leads import Scene
from estate.sample.talk import TERMS, Talk
from estate.sample.truth import WEIGHTS

__all__ = ["WEB_TYPES", "Events", "draw_events", "event_rows", "mean_reply_seconds"]

# Names of the RESO event types, in snake case.
WEB_TYPES = (
    "detailed_view",
    "photo_gallery",
    "favorited",
    "virtual_tour",
    "share",
    "submission_of_lead_form",
)
WEB_SHARES = (0.5, 0.2, 0.12, 0.08, 0.06, 0.04)
EMOTIONS = ("hesitant", None, "interested", "excited")
EMOTION_LEVELS = (-0.9, 0.2, 1.1)
BY_AGENT = np.array([term.speaker == "agent" for term in TERMS])
BROWSED = 5
NONE = -1


@dataclass(frozen=True, eq=False, slots=True)
class Events:
    """Events in the order of time; an index is `NONE` where it does not apply.

    Those with a term were said in a conversation; the others are web events without an agent.
    """

    event_ids: list[UUID]
    at: Ints
    client: Ints
    unit: Ints
    deal: Ints
    saying: Ints
    """Index into the sayings of `Talk`."""
    web_type: Ints
    emotion: Ints
    reply: Ints
    """Hundredths of a second until the speaker replied."""


def draw_events(rng: np.random.Generator, scene: Scene, talk: Talk, deals: Deals) -> Events:
    """Draw the events; all lie before `now`."""
    leads = scene.leads
    said_deal = talk.deal[talk.said_where]
    web_deal, web_at = _web_in_deals(rng, scene)
    browser, browsed, browsed_at = _browsing(rng, scene, deals)
    web = len(web_deal) + len(browser)
    in_deal = np.concatenate([said_deal, web_deal])
    at = np.concatenate([talk.said_at, web_at, browsed_at])
    nothing = np.full(web, NONE)
    client = np.concatenate([leads.client[in_deal], browser])
    order = np.argsort(at, kind="stable")
    return Events(
        event_ids=uuids(rng, len(at)),
        at=at[order],
        client=client[order],
        unit=np.concatenate([deals.unit[in_deal], browsed])[order],
        deal=np.concatenate([in_deal, np.full(len(browser), NONE)])[order],
        saying=np.concatenate([np.arange(len(said_deal)), nothing])[order],
        web_type=np.concatenate([np.full(len(said_deal), NONE), rng.choice(len(WEB_TYPES), web, p=WEB_SHARES)])[order],
        emotion=np.concatenate([_emotions(rng, scene.clients.readiness[leads.client[said_deal]]), nothing])[order],
        reply=np.concatenate([_replies(rng, scene, talk), nothing])[order],
    )


def event_rows(events: Events, scene: Scene, talk: Talk, deals: Deals) -> Iterator[Row]:
    """Yield the rows of `behavior_events`; the outcome is left to the deal."""
    homes, agent_ids, client_ids = scene.homes, scene.agents.agent_ids, scene.clients.client_ids
    what = (events.at, events.client, events.unit, events.deal)
    how = (events.saying, events.web_type, events.emotion, events.reply)
    terms, turns, wheres = (v.tolist() for v in (talk.said_term, talk.said_turn, talk.said_where))
    agent_of, project_of = scene.leads.agent.tolist(), homes.project.tolist()
    values = zip(events.event_ids, *(column.tolist() for column in (*what, *how)), strict=True)
    for event_id, at, client, unit, deal, saying, web_type, emotion, reply in values:
        said, time = saying != NONE, moment(at)
        term = TERMS[terms[saying]] if said else None
        yield {
            "event_id": event_id,
            "agent_id": agent_ids[agent_of[deal]] if said else None,
            "client_id": client_ids[client],
            "property_project_id": homes.project_ids[project_of[unit]],
            "property_unit_id": homes.unit_ids[unit],
            "trigger_word": term.text if term else None,
            "emotion_detected": EMOTIONS[emotion] if said else None,
            "response_speed": hundredths(reply) if said else None,
            "conversion_effect": None,
            "time_of_event": time,
            "metadata": ({"speaker": term.speaker, "turn": turns[saying]} if term else {"type": WEB_TYPES[web_type]}),
            "updated_at": time,
            "deal_id": None if deal == NONE else deals.deal_ids[deal],
            "conversation_id": talk.conversation_ids[wheres[saying]] if said else None,
        }


def mean_reply_seconds(events: Events, scene: Scene, talk: Talk) -> Floats:
    """Return the mean reply time of each agent over the events that it spoke, NaN without any."""
    agents = len(scene.agents.agent_ids)
    spoken = events.saying[events.saying != NONE]
    own = BY_AGENT[talk.said_term[spoken]]
    agent = scene.leads.agent[talk.deal[talk.said_where[spoken[own]]]]
    total = np.bincount(agent, events.reply[events.saying != NONE][own] / 100, agents)
    count = np.bincount(agent, minlength=agents)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _web_in_deals(rng: np.random.Generator, scene: Scene) -> tuple[Ints, Ints]:
    leads = scene.leads
    count = rng.poisson(0.9 * np.exp(0.3 * scene.clients.readiness[leads.client]))
    deal = np.repeat(np.arange(len(count)), count)
    return deal, _between(rng, leads.opened_at[deal], leads.until[deal])


def _browsing(rng: np.random.Generator, scene: Scene, deals: Deals) -> tuple[Ints, Ints, Ints]:
    """Return client, unit and time of what is looked at outside deals."""
    clients, homes = scene.clients, scene.homes
    client = np.repeat(np.arange(len(clients.client_ids)), rng.poisson(1.5, len(clients.client_ids)))
    seen = rng.integers(0, len(homes.unit_ids), (len(client), BROWSED))
    weights = np.array([WEIGHTS[name] for name in FIT])
    fit = fit_features(clients, homes, np.repeat(client, BROWSED), seen.ravel()) @ weights
    best = np.argmax(fit.reshape(seen.shape) + rng.gumbel(0, 0.7, seen.shape), axis=1)
    unit = seen[np.arange(len(client)), best]
    sold_at = deals.sold_at(scene.leads, len(homes.unit_ids))
    end = np.where(sold_at > 0, sold_at, scene.now)
    return client, unit, _between(rng, homes.listed_at[unit], end[unit])


def _between(rng: np.random.Generator, start: Ints, end: Ints) -> Ints:
    """Draw a time in [start, end) for each pair."""
    return start + (rng.random(len(start)) * (end - start)).astype(np.int64)


def _emotions(rng: np.random.Generator, readiness: Floats) -> Ints:
    return np.digitize(0.6 * readiness + rng.normal(0, 1, len(readiness)), EMOTION_LEVELS)


def _replies(rng: np.random.Generator, scene: Scene, talk: Talk) -> Ints:
    """Return the reply time of each saying in hundredths of a second."""
    deal = talk.deal[talk.said_where]
    agent_log = np.log(scene.agents.reply_seconds[scene.leads.agent[deal]])
    client_log = 6 - 0.3 * scene.clients.readiness[scene.leads.client[deal]]
    median = np.where(BY_AGENT[talk.said_term], agent_log, client_log)
    seconds: Floats = np.exp(median + rng.normal(0, 0.5, len(deal)))
    return np.rint(100 * seconds).astype(np.int64)
