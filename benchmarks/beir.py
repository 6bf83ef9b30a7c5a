"""A folder in the format of BEIR: its texts, its questions and which text answers which question."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import DataMissing
from estate.realestate_gpt.retrieval.dense import Embedder
from estate.realestate_gpt.retrieval.lexical import LexicalIndex
from estate.realestate_gpt.retrieval.weights import DEFAULT, fused

__all__ = ["Collection", "legs", "ndcg", "read_collection"]

SHOWN = 10
DEPTH = 100
FILES = ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv")


@dataclass(frozen=True, slots=True)
class Collection:
    """Texts and questions by id, and the gain of each text for each judged question."""

    texts: Mapping[str, str]
    queries: Mapping[str, str]
    gains: Mapping[str, Mapping[str, int]]


def read_collection(folder: Path) -> Collection:
    """Read a folder.

    Raises
    ------
    DataMissing
        When one of its three files is not there.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise DataMissing(f"--data needs a folder in the format of BEIR; {', '.join(missing)} is not in {folder}.")
    texts = {row["_id"]: f"{row.get('title', '')} {row['text']}" for row in _rows(folder / FILES[0])}
    queries = {row["_id"]: row["text"] for row in _rows(folder / FILES[1])}
    gains: dict[str, dict[str, int]] = {}
    with (folder / FILES[2]).open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            gains.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return Collection(texts, queries, {query: by for query, by in gains.items() if any(by.values())})


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def legs(collection: Collection, embedder: Embedder) -> dict[str, float]:
    """Return nDCG@10 of words, of vectors compared with all, and of both under the weights that the program has."""
    ids = list(collection.texts)
    index = LexicalIndex(collection.texts)
    vectors = embedder.embed([collection.texts[one] for one in ids])
    asked = [query for query in collection.gains if query in collection.queries]
    near = embedder.embed([collection.queries[query] for query in asked]) @ vectors.T

    def dense(row: int) -> dict[str, float]:
        first = np.argsort(-near[row], kind="stable")[:DEPTH]
        return {ids[i]: float(near[row, i]) for i in first}

    def both(row: int) -> dict[str, float]:
        words, meant = dict(index.search(collection.queries[asked[row]], DEPTH)), dense(row)
        joined = fused({("", k): s for k, s in words.items()}, {("", k): s for k, s in meant.items()}, DEFAULT)
        return {key[1]: score for key, score in joined.items()}

    ways: dict[str, Callable[[int], Mapping[str, float]]] = {
        "lexical_ndcg_at_10": lambda row: dict(index.search(collection.queries[asked[row]], SHOWN)),
        "dense_ndcg_at_10": dense,
        "fused_ndcg_at_10": both,
    }
    return {
        name: float(np.mean([_of(way(row), collection, asked[row]) for row in range(len(asked))]))
        for name, way in ways.items()
    }


def _of(scores: Mapping[str, float], collection: Collection, query: str) -> float:
    return ndcg(sorted(scores, key=lambda key: (-scores[key], key)), collection.gains[query])


def ndcg(order: Sequence[Any], gains: Mapping[Any, float]) -> float:
    """Return the normalised discounted gain of the first ten (gains as they are, as trec_eval has it)."""
    discounts = 1 / np.log2(np.arange(2, SHOWN + 2))
    ideal = sorted(gains.values(), reverse=True)[:SHOWN]
    got = [gains.get(key, 0) for key in order[:SHOWN]]
    return float(discounts[: len(got)] @ got / (discounts[: len(ideal)] @ ideal))
