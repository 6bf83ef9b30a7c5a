"""A second, slow and plain way to the same counts."""

from collections import Counter

from estate.behavior.analytics.terms import canonical

from .conftest import Door

__all__ = ["recount", "stored"]


def recount(door: Door) -> tuple[dict[str, tuple[int, int, int]], dict[str, tuple[str, str | None, str]]]:
    """Work everything out afresh and one by one, straight from the contract."""
    deals = door.rows(
        "SELECT CAST(deal_id AS text), agent_id, client_id, unit_id, opened_at, closed_at, outcome, stage FROM deals"
    )
    events = door.rows(
        "SELECT CAST(event_id AS text), agent_id, client_id, property_unit_id, time_of_event, trigger_word,"
        " conversion_effect, CAST(deal_id AS text) FROM behavior_events"
    )
    stats: dict[str, Counter[str]] = {}
    found = {}
    for event_id, agent, client, unit, at, word, effect, deal_id in events:
        fitting = [
            deal
            for deal in deals
            if (
                deal[0] == deal_id
                if deal_id
                else (deal[1], deal[2]) == (agent, client)
                and deal[4] <= at
                and (deal[5] is None or deal[5] >= at)
                and (unit is None or deal[3] is None or unit == deal[3])
            )
        ]
        deal = max(fitting, key=lambda d: (d[4], d[0]), default=None)
        if deal is not None:
            outcome, group = deal[6] or "open", deal[7]
        else:
            outcome = "open" if effect is None else "won" if effect > 0 else "lost"
            group = "new" if outcome == "open" else outcome
        found[event_id] = (outcome, deal[0] if deal else None, group)
        if word is not None:
            stats.setdefault(canonical(word), Counter())[outcome] += 1
    return {term: (n["won"], n["lost"], n["open"]) for term, n in stats.items()}, found


def stored(door: Door) -> dict[str, tuple[str, str | None, str]]:
    rows = door.rows(
        "SELECT CAST(event_id AS text), folded_outcome, CAST(folded_deal_id AS text), pattern_group"
        " FROM behavior_events"
    )
    return {event: (outcome, deal, group) for event, outcome, deal, group in rows}
