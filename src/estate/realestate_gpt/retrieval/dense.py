"""Optional vector search: an embedder behind a protocol, and its offline twin that hashes character n-grams."""

import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from estate.core.settings import get_settings
from estate.realestate_gpt import crud
from estate.realestate_gpt.records import Key
from estate.realestate_gpt.retrieval.lexical import tokens

__all__ = ["DIMENSIONS", "Embedder", "HashingEmbedder", "configured_embedder", "fuse", "search", "store"]

DIMENSIONS = 256
RRF_K = 60  # Cormack, Clarke and Buettcher (2009).


class Embedder(Protocol):
    """Turns texts into vectors of `DIMENSIONS` numbers."""

    name: str

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return an array [n, DIMENSIONS] of vectors of length one."""
        ...


class HashingEmbedder:
    """Signed feature hashing of character trigrams (Weinberger et al., 2009): needs no model and no network."""

    name = "hashing-3-256"

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return an array [n, DIMENSIONS] of vectors of length one; a text without words gives zeros."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            for gram in _trigrams(text):
                code = zlib.crc32(gram.encode())
                vectors[row, code % DIMENSIONS] += 1 if code >> 31 else -1
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-9), dtype=np.float32)


def _trigrams(text: str) -> list[str]:
    padded = [f" {token} " for token in tokens(text)]
    return [token[i : i + 3] for token in padded for i in range(len(token) - 2)]


def configured_embedder() -> Embedder | None:
    """Return the embedder that ``ESTATE_EMBEDDER`` names, or None."""
    return HashingEmbedder() if get_settings().embedder == "hashing" else None


def search(session: Session, embedder: Embedder, query: str, layers: Sequence[str], limit: int) -> list[Key]:
    """Return the nearest documents, or none where the database has no pgvector."""
    vector = embedder.embed([query])[0]
    if not vector.any() or not crud.has_embeddings(session):
        return []
    return crud.nearest(session, _literal(vector), embedder.name, layers, limit)


def store(session: Session, embedder: Embedder, texts: Sequence[tuple[Key, str]]) -> None:
    """Write the vectors of documents where the database has pgvector."""
    if not texts or not crud.has_embeddings(session):
        return
    vectors = embedder.embed([text for _, text in texts])
    crud.store_embeddings(
        session,
        [
            {"layer": layer, "record_id": record_id, "embedder": embedder.name, "vector": _literal(vector)}
            for ((layer, record_id), _), vector in zip(texts, vectors, strict=True)
            if vector.any()
        ],
    )


def _literal(vector: npt.NDArray[np.float32]) -> str:
    """Write a vector as pgvector reads it."""
    return "[" + ",".join(map(str, vector.tolist())) + "]"


def fuse(*rankings: Sequence[Key]) -> list[tuple[Key, float]]:
    """Join rankings by the sum of 1 / (60 + rank), best first, ties by key.

    Examples
    --------
    >>> fuse([("market", "a"), ("market", "b")], [("market", "b")])[0][0]
    ('market', 'b')
    """
    scores: dict[Key, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + 1 / (RRF_K + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
