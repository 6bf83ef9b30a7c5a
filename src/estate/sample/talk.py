r"""Conversations of the sample world: who said which term, and the words around it.

* turns of a conversation = 6 + Poisson(4 · exp(0.35 · readiness)), at most 20: stronger clients talk longer
* P(term said in a conversation) = 1 − exp(−rate · turns / 10 · exp(habit_{a,term} + skill_slope · skill_a)),
  habit ~ N(0, 0.4²); a term that travels along is also said in 70 % of the conversations with its leader
* the words around a term come from frames shared by all terms of the speaker, so they have no effect
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from estate.sample import phrases
from estate.sample.draws import DAY, Bools, Floats, Ints, Row, moment, uuids
from estate.sample.leads import Leads, Scene, working_hour

__all__ = ["Talk", "conversation_rows", "draw_talk", "said_in_deals", "utterance_rows"]

TERMS = phrases.TERMS
SECOND_TALK = 0.12
HABIT_SPREAD = 0.4
TRAVELS_ALONG = 0.7
MAX_TURNS = 20
CHANNELS = ("call", "chat", "meeting", "email")
CHANNEL_SHARES = (0.5, 0.35, 0.1, 0.05)


@dataclass(frozen=True, eq=False, slots=True)
class Talk:
    """Conversations as drawn, one value each; then one value a saying, ordered by conversation and turn.

    Turns count from 0 and the agent has the even ones; `gap` is the seconds between turns.
    """

    conversation_ids: list[UUID]
    deal: Ints
    follow_up: Bools
    started_at: Ints
    turns: Ints
    gap: Ints
    channel: Ints
    line_seed: Ints

    said_where: Ints
    said_term: Ints
    said_turn: Ints
    said_frame: Ints

    @property
    def said_at(self) -> Ints:
        """Time of each saying, in Unix seconds."""
        return self.started_at[self.said_where] + self.said_turn * self.gap[self.said_where]


def draw_talk(rng: np.random.Generator, scene: Scene) -> Talk:
    """Draw a first conversation a lead, and a follow-up for some."""
    leads = scene.leads
    deal = np.concatenate([np.arange(len(leads.client)), _followed_up(rng, leads)])
    follow_up = np.arange(len(deal)) >= len(leads.client)
    order = np.argsort(deal, kind="stable")
    deal, follow_up = deal[order], follow_up[order]
    readiness = scene.clients.readiness[leads.client[deal]]
    turns = np.minimum(6 + rng.poisson(4 * np.exp(0.35 * readiness)), MAX_TURNS)
    where, term = np.nonzero(_said(rng, leads.agent[deal], turns, scene.agents.skill))
    turn = _turn_of(rng, turns[where], term)
    order = np.lexsort((term, turn, where))
    return Talk(
        conversation_ids=uuids(rng, len(deal)),
        deal=deal,
        follow_up=follow_up,
        started_at=_start(rng, leads, deal, follow_up),
        turns=turns,
        gap=rng.integers(15, 60, len(deal)),
        channel=rng.choice(len(CHANNELS), len(deal), p=CHANNEL_SHARES),
        line_seed=rng.integers(0, 1 << 30, len(deal)),
        said_where=where[order],
        said_term=term[order],
        said_turn=turn[order],
        said_frame=rng.integers(0, 1 << 30, len(where)),
    )


def said_in_deals(talk: Talk, deals: int) -> Bools:
    """Return [deals, terms]: whether the term is said in any conversation of the deal."""
    said = np.zeros((deals, len(TERMS)), dtype=np.bool_)
    said[talk.deal[talk.said_where], talk.said_term] = True
    return said


def conversation_rows(talk: Talk, scene: Scene, unit: Ints, deal_ids: list[UUID]) -> Iterator[Row]:
    """Yield the rows of `conversations`; `unit` is the unit of each deal."""
    leads, homes = scene.leads, scene.homes
    for index, deal in enumerate(talk.deal.tolist()):
        yield {
            "conversation_id": talk.conversation_ids[index],
            "agent_id": scene.agents.agent_ids[leads.agent[deal]],
            "client_id": scene.clients.client_ids[leads.client[deal]],
            "project_id": homes.project_ids[homes.project[unit[deal]]],
            "unit_id": homes.unit_ids[unit[deal]],
            "deal_id": deal_ids[deal],
            "channel": CHANNELS[talk.channel[index]],
            "started_at": moment(int(talk.started_at[index])),
            "turn_count": int(talk.turns[index]),
        }


def utterance_rows(talk: Talk, scene: Scene, unit: Ints) -> Iterator[Row]:
    """Yield the rows of `utterances`, conversation by conversation, turn by turn."""
    leads, homes = scene.leads, scene.homes
    lines = _said_lines(talk)
    for index, deal in enumerate(talk.deal.tolist()):
        home = int(unit[deal])
        slots = {
            "agent": scene.agents.first_names[leads.agent[deal]],
            "client": scene.clients.first_names[leads.client[deal]],
            "home": homes.kind(home),
            "project": homes.project_names[homes.project[home]],
            "area": scene.market.area_names[homes.area[home]],
        }
        seed, follow_up = int(talk.line_seed[index]), bool(talk.follow_up[index])
        started_at, gap = int(talk.started_at[index]), int(talk.gap[index])
        for turn in range(int(talk.turns[index])):
            text = lines.get((index, turn)) or _plain_line(turn, seed, follow_up).format_map(slots)
            yield {
                "conversation_id": talk.conversation_ids[index],
                "turn": turn,
                "speaker": "client" if turn % 2 else "agent",
                "text": text,
                "said_at": moment(started_at + turn * gap),
            }


def _followed_up(rng: np.random.Generator, leads: Leads) -> Ints:
    return np.flatnonzero(rng.random(len(leads.client)) < SECOND_TALK)


def _start(rng: np.random.Generator, leads: Leads, deal: Ints, follow_up: Bools) -> Ints:
    """Return when each conversation starts: at the opening, or on a later day before the deal ends."""
    opened_at, until = leads.opened_at[deal], leads.until[deal]
    later = opened_at + (rng.uniform(0.2, 0.8, len(deal)) * (until - opened_at)).astype(np.int64)
    later = np.clip(working_hour(rng, later), opened_at + DAY // 12, until - DAY // 12)
    return np.where(follow_up, later, opened_at)


def _said(rng: np.random.Generator, agent: Ints, turns: Ints, skill: Floats) -> Bools:
    """Draw [conversations, terms]: whether the term is said."""
    rate = np.array([term.rate for term in TERMS])
    slope = np.array([term.skill_slope for term in TERMS])
    habit = rng.normal(0, HABIT_SPREAD, (len(skill), len(TERMS))) + slope * skill[:, None]
    hazard = rate * np.exp(habit[agent]) * (turns / 10)[:, None]
    said = rng.random(hazard.shape) < 1 - np.exp(-hazard)
    place = {term.text: column for column, term in enumerate(TERMS)}
    for column, term in enumerate(TERMS):
        if term.follows is not None:
            said[:, column] |= said[:, place[term.follows]] & (rng.random(len(turns)) < TRAVELS_ALONG)
    return said


def _turn_of(rng: np.random.Generator, turns: Ints, term: Ints) -> Ints:
    """Draw the turn of each saying: one of its speaker's, after the greeting."""
    by_client = np.array([t.speaker == "client" for t in TERMS])[term]
    own_turns = np.where(by_client, turns // 2, (turns + 1) // 2)
    later: Ints = 1 + (rng.random(len(turns)) * (own_turns - 1)).astype(np.int64)
    return by_client.astype(np.int64) + 2 * later


def _said_lines(talk: Talk) -> dict[tuple[int, int], str]:
    """Return the text of the turns in which a term is said."""
    lines: dict[tuple[int, int], str] = {}
    sayings = (talk.said_where, talk.said_turn, talk.said_term, talk.said_frame)
    for where, turn, index, choice in zip(*(values.tolist() for values in sayings), strict=True):
        term = TERMS[index]
        frames = phrases.FRAMES[term.speaker, term.clause]
        line = frames[choice % len(frames)].format(term.say)
        lines[where, turn] = f"{lines[where, turn]} {line}" if (where, turn) in lines else line
    return lines


def _plain_line(turn: int, seed: int, follow_up: bool) -> str:
    """Return the template of a turn without a term; the same line never comes twice in a conversation."""
    if turn == 0:
        bank = phrases.FOLLOW_UPS if follow_up else phrases.GREETINGS
    elif turn == 1:
        bank = phrases.REPLIES if follow_up else phrases.REQUESTS
    else:
        bank = phrases.CLIENT_FILLERS if turn % 2 else phrases.AGENT_FILLERS
    # Five shares no factor with the twelve fillers of a speaker.
    return bank[(seed + 5 * (turn // 2)) % len(bank)]
