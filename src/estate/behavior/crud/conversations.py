"""SQL of conversations and their turns."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Table, insert, select, text
from sqlalchemy.orm import Session

from estate.behavior.crud.insert import add_new
from estate.behavior.models import Conversation, Utterance

__all__ = ["add_conversations", "add_utterances", "conversation_hashes", "conversations", "texts", "turns_with"]

_TABLE = cast(Table, Conversation.__table__)
_HASHES = text("SELECT conversation_id, content_hash FROM conversations WHERE conversation_id = ANY(:ids)")
_TEXTS = text("""
SELECT conversation_id, string_agg(text, E'\\n' ORDER BY turn)
FROM utterances WHERE conversation_id = ANY(:ids) GROUP BY conversation_id
""")
_TURNS_WITH = text("""
SELECT u.text FROM conversations c JOIN utterances u USING (conversation_id) WHERE c.client_id = :client
ORDER BY c.started_at DESC, c.conversation_id, u.turn LIMIT :most
""")


def add_conversations(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[uuid.UUID]:
    """Write conversations, each id at most once; return the ids that were new."""
    return add_new(session, _TABLE, rows)


def add_utterances(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write turns of new conversations."""
    if rows:
        session.execute(insert(cast(Table, Utterance.__table__)), list(rows))


def conversation_hashes(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """Return the content hash of each conversation that exists."""
    return {row[0]: bytes(row[1]) for row in session.execute(_HASHES, {"ids": list(ids)})} if ids else {}


def conversations(session: Session, ids: Collection[uuid.UUID]) -> Sequence[Conversation]:
    """Return some conversations."""
    query = select(Conversation).where(Conversation.conversation_id.in_(ids)).order_by(Conversation.conversation_id)
    return session.scalars(query).all()


def turns_with(session: Session, client_id: uuid.UUID, most: int) -> Sequence[str]:
    """Return what was said with a client in the newest conversations, at most `most` turns."""
    return session.scalars(_TURNS_WITH, {"client": client_id, "most": most}).all()


def texts(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return what was said in some conversations, one turn a line."""
    return {row[0]: row[1] for row in session.execute(_TEXTS, {"ids": list(ids)})}
