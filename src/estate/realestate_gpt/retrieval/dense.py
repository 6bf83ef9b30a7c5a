"""Optional vector search: embedders behind a protocol, and their offline twin that hashes character n-grams."""

import importlib
import logging
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import httpx2
import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from estate.core.errors import Unavailable
from estate.core.settings import get_settings
from estate.realestate_gpt import crud
from estate.realestate_gpt.records import Key
from estate.realestate_gpt.retrieval.lexical import tokens

__all__ = [
    "DIMENSIONS",
    "Embedder",
    "HashingEmbedder",
    "configured_embedder",
    "embedder_named",
    "literal",
    "search",
    "store",
]

log = logging.getLogger(__name__)

Vectors = npt.NDArray[np.float32]
DIMENSIONS = 384


class Embedder(Protocol):
    """Turns texts into vectors of `DIMENSIONS` numbers."""

    name: str

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return an array [n, DIMENSIONS] of vectors of length one."""
        ...


class HashingEmbedder:
    """Signed feature hashing of character trigrams (Weinberger et al., 2009): needs no model and no network."""

    name = "hashing-3-384"

    def embed(self, texts: Sequence[str]) -> Vectors:
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


class LocalEmbedder:
    """A model that runs in this process, by the library sentence-transformers.

    Raises
    ------
    Unavailable
        When the library is not installed.
    """

    def __init__(self, model: str) -> None:
        self.name = model
        try:
            self._model: Any = importlib.import_module("sentence_transformers").SentenceTransformer(model)
        except ImportError:
            raise Unavailable("ESTATE_EMBEDDER=local needs an extra: pip install '.[embed]'.") from None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return an array [n, DIMENSIONS] of vectors of length one."""
        return _unit_length(self._model.encode(list(texts)), self.name)


class RemoteEmbedder:
    """Any service that speaks OpenAI's ``POST /embeddings``; vectors are asked for in `DIMENSIONS` numbers.

    Raises
    ------
    Unavailable
        When it does not answer in time, or not as agreed.
    """

    def __init__(self, url: str, model: str, key: str | None, timeout_s: float) -> None:
        self.name = model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx2.Client(base_url=url, headers=headers, timeout=timeout_s)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return an array [n, DIMENSIONS] of vectors of length one."""
        body = {"model": self.name, "input": list(texts), "dimensions": DIMENSIONS}
        try:
            answer = self._client.post("embeddings", json=body).raise_for_status().json()
            rows = sorted(answer["data"], key=lambda row: row["index"])
            return _unit_length([row["embedding"] for row in rows], self.name)
        except (httpx2.HTTPError, ValueError, KeyError, TypeError):
            raise Unavailable("The service of ESTATE_EMBEDDER_URL gave no vectors.") from None


def _unit_length(rows: Any, name: str) -> Vectors:
    vectors = np.asarray(rows, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != DIMENSIONS:
        raise Unavailable(f"The embedder {name} gives vectors of another size than {DIMENSIONS}.")
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def configured_embedder() -> Embedder | None:
    """Return the embedder that ``ESTATE_EMBEDDER`` names, or None."""
    return embedder_named(get_settings().embedder)


@lru_cache(maxsize=4)
def embedder_named(kind: str) -> Embedder | None:
    """Return the embedder of a kind, made once."""
    settings = get_settings()
    if kind == "hashing":
        return HashingEmbedder()
    if kind == "local":
        return LocalEmbedder(settings.embedder_model)
    if kind == "remote":
        key = settings.embedder_api_key
        secret = None if key is None else key.get_secret_value()
        return RemoteEmbedder(settings.embedder_url or "", settings.embedder_model, secret, settings.embedder_timeout_s)
    return None


def search(
    session: Session, embedder: Embedder, query: str, layers: Sequence[str], limit: int
) -> list[tuple[Key, float]]:
    """Return the nearest documents with their cosine similarity.

    None are returned where the database has no pgvector, or the embedder cannot be reached: words still find.
    """
    if not crud.has_embeddings(session):
        return []
    try:
        vector = embedder.embed([query])[0]
    except Unavailable as error:
        log.warning("no vectors", extra={"why": error.message})
        return []
    if not vector.any():
        return []
    settings = get_settings()
    exact, ef = settings.dense_exact_max_rows, settings.dense_ef_search_rows
    return crud.nearest(session, literal(vector), embedder.name, layers, limit, exact_most=exact, ef_search=ef)


def store(session: Session, embedder: Embedder, texts: Sequence[tuple[Key, str]]) -> None:
    """Write the vectors of documents where the database has pgvector."""
    if not texts or not crud.has_embeddings(session):
        return
    vectors = embedder.embed([text for _, text in texts])
    crud.store_embeddings(
        session,
        [
            {"layer": layer, "record_id": record_id, "embedder": embedder.name, "vector": literal(vector)}
            for ((layer, record_id), _), vector in zip(texts, vectors, strict=True)
            if vector.any()
        ],
    )


def literal(vector: Vectors) -> str:
    """Write a vector as pgvector reads it."""
    return "[" + ",".join(map(str, vector.tolist())) + "]"
