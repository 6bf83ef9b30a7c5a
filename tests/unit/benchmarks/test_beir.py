"""A folder in the format of BEIR is read and judged as its qrels say."""

import json
import math
from pathlib import Path

import pytest
from benchmarks.beir import legs, ndcg, read_collection
from benchmarks.report import DataMissing

from estate.realestate_gpt.retrieval.dense import HashingEmbedder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = {"d1": "Statins lower cholesterol", "d2": "Aspirin thins the blood", "d3": "Vitamin D and bones"}
    rows = [json.dumps({"_id": key, "title": "", "text": text}) for key, text in texts.items()]
    (tmp_path / "corpus.jsonl").write_text("\n".join(rows))
    asked = [
        json.dumps({"_id": "q1", "text": "does aspirin thin blood?"}),
        json.dumps({"_id": "q2", "text": "unjudged"}),
    ]
    (tmp_path / "queries.jsonl").write_text("\n".join(asked))
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td2\t1\n")
    return tmp_path


def test_every_leg_is_judged_on_the_judged_questions(folder: Path) -> None:
    measured = legs(read_collection(folder), HashingEmbedder())
    assert measured == {"lexical_ndcg_at_10": 1.0, "dense_ndcg_at_10": 1.0, "fused_ndcg_at_10": 1.0}


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "queries.jsonl").unlink()
    with pytest.raises(DataMissing, match=r"queries\.jsonl"):
        read_collection(folder)


def test_gain_falls_with_the_rank_and_counts_what_was_missed() -> None:
    assert ndcg(["a"], {"a": 2}) == 1
    assert ndcg(["x", "a"], {"a": 1}) == pytest.approx(1 / math.log2(3))
    assert ndcg(["a"], {"a": 1, "b": 1}) == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert ndcg([], {"a": 1}) == 0
