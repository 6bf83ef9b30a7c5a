"""`estate bench retrieval`: whether the needed record is found, what each leg adds, and what filters and size cost.

Questions are drawn from rows of the sample world of the seed; their templates are in `benchmarks/questions.py` only.
The weights of the fusion were settled on seed 3 and are printed on others. With ``--data`` a folder in the format of
BEIR is searched instead, by the same ranking function.
"""

import datetime as dt
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

import numpy as np
import psycopg

from benchmarks import beir, vectors
from benchmarks.harness.stack import Postgres, passing_postgres
from benchmarks.questions import Asked, questions
from benchmarks.report import Options, Report
from estate import registry
from estate.core.db import Database, unit_of_work, use_database
from estate.core.outbox import Claim
from estate.core.queue import drain_all
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.importers.world import load_world
from estate.realestate_gpt import retriever
from estate.realestate_gpt.records import LAYERS, Key
from estate.realestate_gpt.retrieval import dense
from estate.realestate_gpt.retrieval.search import OVERFETCH, lexical
from estate.realestate_gpt.retrieval.weights import DEFAULT, fused
from estate.realestate_gpt.tasks import document

__all__ = ["TARGETS", "bench"]

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
SCALE, QUESTIONS = 4, 1_500
QUICK_SCALE, QUICK_QUESTIONS = 1, 100
VECTORS, ASKED = 100_000, 100
QUICK_VECTORS, QUICK_ASKED = 2_000, 10
SMALL_SCALE, LARGE_SCALE, TIMED = 1, 95, 100
SHOWN = 10

TARGETS: dict[str, tuple[str, float]] = {
    "layer_recall_at_10": (">=", 0.95),
    "fused_minus_best_leg": (">=", -0.005),
    "filtered_recall_at_10": (">=", 0.98),
    "growth": ("<=", 3),
}
QUICK_TARGETS = {name: TARGETS[name] for name in ("layer_recall_at_10", "filtered_recall_at_10")}
BEIR_TARGETS: dict[str, tuple[str, float]] = {"fused_minus_best_leg": (">=", -0.005)}


def bench(options: Options) -> Report:
    """Run the bench."""
    return _on_collection(options) if options.data is not None else _on_worlds(options)


def _on_collection(options: Options) -> Report:
    assert options.data is not None
    collection = beir.read_collection(options.data)
    embedder = dense.configured_embedder() or dense.HashingEmbedder()
    metrics = _with_gap(beir.legs(collection, embedder))
    data = f"{options.data.name}: {len(collection.texts):,} texts; vectors of {embedder.name}"
    peers = {
        "PostgreSQL ts_rank, SciFact": {"lexical_ndcg_at_10": 0.606},
        "BM25, SciFact": {"lexical_ndcg_at_10": 0.680},
    }
    return Report("retrieval", options.seed, len(collection.gains), data, metrics, BEIR_TARGETS, peers)


def _with_gap(ndcg: Mapping[str, float]) -> dict[str, Any]:
    better = max(ndcg["lexical_ndcg_at_10"], ndcg["dense_ndcg_at_10"])
    return {**ndcg, "fused_minus_best_leg": ndcg["fused_ndcg_at_10"] - better}


def _on_worlds(options: Options) -> Report:
    scale, n = (QUICK_SCALE, QUICK_QUESTIONS) if options.quick else (SCALE, QUESTIONS)
    size, asked = (QUICK_VECTORS, QUICK_ASKED) if options.quick else (VECTORS, ASKED)
    registry.register()
    with passing_postgres() as postgres:
        with _embedder("hashing"), use_database(_database(postgres, "world")):
            load_world(scale, options.seed, NOW, lambda rows: None)
            drain_all()
            with psycopg.connect(postgres.dsn("world"), autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
                posed = questions(connection, Random(options.seed), n)  # noqa: S311
            metrics = _judged(posed)
        metrics |= _filtered(postgres, size, asked, options.seed)
        if not options.quick:
            metrics |= _growth(postgres, options.seed)
    data = f"generated: sample world of scale {scale}; {size:,} vectors of {dense.DIMENSIONS} numbers"
    return Report("retrieval", options.seed, len(posed), data, metrics, QUICK_TARGETS if options.quick else TARGETS)


def _database(postgres: Postgres, name: str) -> Database:
    postgres.create(name)
    return Database.connect(postgres.url(name).render_as_string(hide_password=False), "worker")


@contextmanager
def _embedder(name: str) -> Iterator[None]:
    before = os.environ.get("ESTATE_EMBEDDER", "off")
    _choose(name)
    yield
    _choose(before)


def _choose(embedder: str) -> None:
    os.environ["ESTATE_EMBEDDER"] = embedder
    get_settings.cache_clear()


def _judged(posed: Sequence[Asked]) -> dict[str, Any]:
    """Return how much of the needed is among the first ten, by layer and by kind, and nDCG of each leg."""
    with _embedder("off"):
        words = [_recall(one) for one in posed]
    both = [_recall(one) for one in posed]
    by_layer = {layer: [i for i, one in enumerate(posed) if one.layer == layer] for layer in LAYERS}
    kinds = sorted({(one.layer, one.kind) for one in posed})
    by_kind = {kind: [i for i, one in enumerate(posed) if (one.layer, one.kind) == kind] for kind in kinds}

    def shares(rows: Sequence[int]) -> dict[str, float]:
        return {"n": len(rows), "recall_at_10": _mean(words, rows), "with vectors": _mean(both, rows)}

    ndcg = np.mean([_legs(one) for one in posed], axis=0)
    names = ("lexical_ndcg_at_10", "dense_ndcg_at_10", "fused_ndcg_at_10")
    return {
        "layer_recall_at_10": min(_mean(words, rows) for rows in by_layer.values()),
        "layer_recall_with_vectors": min(_mean(both, rows) for rows in by_layer.values()),
        **_with_gap(dict(zip(names, map(float, ndcg), strict=True))),
        "layers": {layer: shares(rows) for layer, rows in by_layer.items()},
        "kinds": {f"{layer}: {kind}": shares(rows) for (layer, kind), rows in by_kind.items()},
    }


def _mean(values: Sequence[float], rows: Sequence[int]) -> float:
    return float(np.mean([values[i] for i in rows]))


def _recall(one: Asked) -> float:
    found = {record.key for record in retriever(one.text, limit=SHOWN)}
    return len(found & one.needed) / len(one.needed)


def _legs(one: Asked) -> list[float]:
    """Return nDCG@10 of words, vectors and both, without look-ups and quotas."""
    embedder = dense.configured_embedder()
    assert embedder is not None
    with unit_of_work(Actor.system(), read_only=True) as session:
        words = lexical(session, one.text, LAYERS, SHOWN)
        near = dict(dense.search(session, embedder, one.text, LAYERS, SHOWN * OVERFETCH))
    orders: Sequence[Sequence[Key]] = [_sorted(words), _sorted(near), _sorted(fused(words, near, DEFAULT))]
    return [beir.ndcg(order, dict.fromkeys(one.needed, 1)) for order in orders]


def _sorted(scores: Mapping[Key, float]) -> list[Key]:
    return sorted(scores, key=lambda key: (-scores[key], key))


def _filtered(postgres: Postgres, size: int, asked: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    with use_database(_database(postgres, "vectors")):
        with psycopg.connect(postgres.dsn("vectors"), autocommit=True) as connection:
            stored, layers = vectors.fill(connection, size, rng)
        found = vectors.measure(stored, layers, asked, rng)
    return {
        "filtered_recall_at_10": min(one["recall_at_10"] for one in found.values()),
        "filtered_p95_ms": max(one["p95_ms"] for one in found.values()),
        "filters": found,
    }


def _growth(postgres: Postgres, seed: int) -> dict[str, float]:
    """Return how long `retriever` takes at about a thousand documents, and at a hundred thousand."""
    seconds, documents = {}, {}
    for scale in (SMALL_SCALE, LARGE_SCALE):
        name = f"growth_{scale}"
        with use_database(_database(postgres, name)):
            load_world(scale, seed, NOW, lambda rows: None)
            with psycopg.connect(postgres.dsn(name), autocommit=True) as connection:
                _write_documents(connection)
                connection.execute("VACUUM ANALYZE")
                documents[scale] = len(connection.execute("SELECT FROM documents").fetchall())
                posed = questions(connection, Random(seed + 1), TIMED)  # noqa: S311
            for one in posed[:20]:
                _recall(one)
            seconds[scale] = [_timed(one) for one in posed]
    small, large = (1_000 * float(np.median(seconds[scale])) for scale in (SMALL_SCALE, LARGE_SCALE))
    return {
        "growth": large / small,
        "small_ms": small,
        "large_ms": large,
        "large_p95_ms": 1_000 * float(np.quantile(seconds[LARGE_SCALE], 0.95)),
        "large_documents": documents[LARGE_SCALE],
    }


def _timed(one: Asked) -> float:
    started = time.perf_counter()
    retriever(one.text, limit=SHOWN)
    return time.perf_counter() - started


def _write_documents(connection: psycopg.Connection[Any]) -> None:
    """Do the waiting work of the search documents, and drop what else waits."""
    waiting = "SELECT key FROM outbox WHERE topic = 'realestate_gpt.document' ORDER BY key"
    keys = [key for (key,) in connection.execute(waiting)]
    for start in range(0, len(keys), 500):
        with unit_of_work(Actor.system()) as session:
            document(session, [Claim(i, key, {}) for i, key in enumerate(keys[start : start + 500])])
    connection.execute("DELETE FROM outbox")
