"""Filtered vector search as production does it, against a plain comparison with every vector."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from estate.core.db import unit_of_work
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.realestate_gpt import crud
from estate.realestate_gpt.records import LAYERS
from estate.realestate_gpt.retrieval.dense import DIMENSIONS, literal

__all__ = ["fill", "measure"]

Floats = NDArray[np.float32]

SHARES: Mapping[str, float] = {"behavior": 0.001, "agent": 0.01, "market": 0.1, "client": 0.5, "property": 0.389}
FILTERS: Mapping[str, Sequence[str]] = {
    "0.1 %": ["behavior"],
    "1 %": ["agent"],
    "10 %": ["market"],
    "50 %": ["client"],
    "100 %": LAYERS,
}
CLUSTERS, SPREAD = 200, 0.6
SHOWN = 10
EMBEDDER = "bench"


def fill(connection: psycopg.Connection[Any], n: int, rng: np.random.Generator) -> tuple[Floats, NDArray[np.str_]]:
    """Write documents with clustered vectors of length one, layers drawn apart from clusters; return both."""
    centres = rng.normal(size=(CLUSTERS, DIMENSIONS))
    vectors = _unit(centres[rng.integers(0, CLUSTERS, n)] + SPREAD * rng.normal(size=(n, DIMENSIONS)))
    layers = np.repeat(list(SHARES), [round(share * n) for share in SHARES.values()])
    rng.shuffle(layers)
    with connection.cursor() as cursor:
        with cursor.copy("COPY documents (layer, record_id, content_hash, title, text, fields) FROM STDIN") as copy:
            for i, layer in enumerate(layers):
                copy.write_row((str(layer), str(i), b"\0" * 32, "", "", "{}"))
        cursor.execute("DROP INDEX ix_document_embeddings_embedding")
        cursor.execute("CREATE TEMP TABLE loaded (record_id text, embedding halfvec)")
        with cursor.copy("COPY loaded FROM STDIN") as copy:
            for i, vector in enumerate(vectors):
                copy.write_row((str(i), literal(vector)))
        cursor.execute(f"""
            INSERT INTO document_embeddings (document_id, layer, embedder, embedding)
            SELECT document_id, layer, '{EMBEDDER}', embedding FROM loaded JOIN documents USING (record_id)
        """)  # noqa: S608
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("""
            CREATE INDEX ix_document_embeddings_embedding ON document_embeddings
            USING hnsw (embedding halfvec_cosine_ops)
        """)
        cursor.execute("VACUUM ANALYZE documents, document_embeddings")
    return vectors, layers


def measure(vectors: Floats, layers: NDArray[np.str_], n: int, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Return recall of the first ten, times and short lists, by selectivity."""
    asked = _unit(vectors[rng.integers(0, len(vectors), n)] + 0.3 * SPREAD * _unit(rng.normal(size=(n, DIMENSIONS))))
    return {name: _measured(vectors, layers, asked, wanted) for name, wanted in FILTERS.items()}


def _measured(vectors: Floats, layers: NDArray[np.str_], asked: Floats, wanted: Sequence[str]) -> dict[str, float]:
    inside = np.flatnonzero(np.isin(layers, wanted))
    there = min(SHOWN, len(inside))
    hits, short, ours, exact = 0, 0, list[float](), list[float]()
    most = get_settings().dense_exact_max_rows
    for vector in asked:
        best = inside[np.argsort(-(vectors[inside] @ vector), kind="stable")[:SHOWN]]
        found, seconds = _found(vector, wanted, most)
        ours.append(seconds)
        exact.append(_found(vector, wanted, len(vectors))[1])
        hits += len(set(found) & set(map(str, best)))
        short += len(found) < there
    return {
        "recall_at_10": hits / (there * len(asked)),
        "short": short,
        "p95_ms": 1_000 * float(np.quantile(ours, 0.95)),
        "exact_p95_ms": 1_000 * float(np.quantile(exact, 0.95)),
    }


def _found(vector: Floats, wanted: Sequence[str], exact_most: int) -> tuple[list[str], float]:
    ef = get_settings().dense_ef_search_rows
    with unit_of_work(Actor.system(), read_only=True) as session:
        started = time.perf_counter()
        found = crud.nearest(session, literal(vector), EMBEDDER, wanted, SHOWN, exact_most=exact_most, ef_search=ef)
        return [record_id for (_, record_id), _ in found], time.perf_counter() - started


def _unit(rows: NDArray[np.float64]) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
