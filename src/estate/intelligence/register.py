"""The register of trained models: which one answers, and how it gets there and back.

Parameters are a pickle, which may run code when it is read. They are read only when their signature, an HMAC under the
platform's pepper, proves that the platform wrote them; a model that is not proven, or that another recipe wrote, is as
good as absent until the next training: requests are then answered from the documented card.
"""

import datetime as dt
import functools
import hashlib
import hmac
import logging
import pickle
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sklearn
from sqlalchemy.orm import Session

from estate.core.settings import get_settings
from estate.intelligence import crud
from estate.intelligence.cards import CLOSING, QUALIFICATION, Card
from estate.intelligence.errors import ModelNotFound
from estate.intelligence.scorer import Cases, Scorer

__all__ = ["CARDS", "Standing", "promote", "register", "scorer", "standing"]

log = logging.getLogger(__name__)

CARDS: Mapping[str, Card] = {card.kind: card for card in (QUALIFICATION, CLOSING)}
VERSION = 4
"""To be raised when the meaning of a feature, or the shape or key of a scorer changes: no model answers that cannot."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The model that answers for a kind."""

    model_id: uuid.UUID
    trained_at: dt.datetime
    window_to: dt.datetime
    n: int
    scorer: Scorer


def scorer(session: Session, kind: str) -> Scorer:
    """Return what requests are answered from: the standing model, or the card."""
    found = standing(session, kind)
    return _card(kind) if found is None else found.scorer


def standing(session: Session, kind: str) -> Standing | None:
    """Return the standing model of a kind; None when there is none that can be used."""
    row = crud.standing(session, kind)
    if row is None or row.recipe != _recipe(kind):
        return None
    loaded = _loaded.get(row.model_id)
    if loaded is None:
        loaded = _load(*crud.parameters(session, row.model_id), row.model_id)
        if loaded is None:
            return None
        if len(_loaded) > 2 * len(CARDS):
            _loaded.clear()
        _loaded[row.model_id] = loaded
    return Standing(row.model_id, row.trained_at, row.window_to, row.n, loaded)


def register(session: Session, kind: str, made: Scorer, **row: Any) -> uuid.UUID:
    """Keep a training; it answers nothing until it is promoted."""
    model_id = uuid.uuid4()
    blob = zlib.compress(pickle.dumps(replace(made, model_id=model_id)))
    crud.add_model(
        session,
        {
            "model_id": model_id,
            "kind": kind,
            "recipe": _recipe(kind),
            "parameters": blob,
            "signature": _sign(blob),
            **row,
        },
    )
    return model_id


def promote(session: Session, kind: str, model_id: uuid.UUID) -> None:
    """Let a model answer for its kind.

    Raises
    ------
    ModelNotFound
        When no training of this kind has this id.
    """
    if not crud.activate(session, kind, model_id):
        raise ModelNotFound(f"No training of {kind} has this id.")


_loaded: dict[uuid.UUID, Scorer] = {}


def _load(blob: bytes, signature: bytes, model_id: uuid.UUID) -> Scorer | None:
    if not hmac.compare_digest(signature, _sign(blob)):
        log.error("model %s was not written under this platform's pepper: it is not used", model_id)
        return None
    made = pickle.loads(zlib.decompress(blob))  # noqa: S301  The signature proves that we wrote it.
    return made if isinstance(made, Scorer) else None


@functools.cache
def _card(kind: str) -> Scorer:
    card = CARDS[kind]
    return Scorer.fit(card, Cases.none(card))


@functools.cache
def _recipe(kind: str) -> str:
    """Name all that a pickled model depends on."""
    return f"{VERSION}; sklearn {sklearn.__version__}; numpy {np.__version__}; {', '.join(CARDS[kind].names)}"


def _sign(blob: bytes) -> bytes:
    return hmac.digest(get_settings().pepper(), b"trained model" + blob, hashlib.sha256)
