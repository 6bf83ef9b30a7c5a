"""The public verbs of the behavior layer."""

from estate.behavior.about_units import (
    InterestShown,
    TermSaid,
    interest_in_units,
    newest_wins,
    terms_about_units,
)
from estate.behavior.contacts import add_contact, add_skip, past_calls, skip_counts, timeline
from estate.behavior.conversations import ingest_conversations
from estate.behavior.crud.deals import closed_counts, closed_since, stages
from estate.behavior.crud.moments import activity_at
from estate.behavior.deals import deals, ingest_deals
from estate.behavior.discovery import analyse, patterns, triggers
from estate.behavior.events import check_event, ingest_checked_events, ingest_events, list_events
from estate.behavior.folding import fold
from estate.behavior.interest import Interest, interest_of, newest_interest, newest_moment
from estate.behavior.moving import histories, move_client
from estate.behavior.pipeline import list_deals, pipeline
from estate.behavior.privacy import erase_history, export_client, lock_history, record_ids
from estate.behavior.records import documents, next_step, terms_said

__all__ = [
    "Interest",
    "InterestShown",
    "TermSaid",
    "activity_at",
    "add_contact",
    "add_skip",
    "analyse",
    "check_event",
    "closed_counts",
    "closed_since",
    "deals",
    "documents",
    "erase_history",
    "export_client",
    "fold",
    "histories",
    "ingest_checked_events",
    "ingest_conversations",
    "ingest_deals",
    "ingest_events",
    "interest_in_units",
    "interest_of",
    "list_deals",
    "list_events",
    "lock_history",
    "move_client",
    "newest_interest",
    "newest_moment",
    "newest_wins",
    "next_step",
    "past_calls",
    "patterns",
    "pipeline",
    "record_ids",
    "skip_counts",
    "stages",
    "terms_about_units",
    "terms_said",
    "timeline",
    "triggers",
]
