"""Real dialogues for benchmarks: who said what, and whether it ended in a gift."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import DataMissing

__all__ = ["Dialogues", "generated", "read"]

PERSUADER, PERSUADEE = "0", "1"


@dataclass(frozen=True, eq=False, slots=True)
class Dialogues:
    """One text a dialogue, of the persuader's turns.

    Parameters
    ----------
    texts : list of str
        One turn a line.
    gave : float64[n]
        1 where the persuadee gave anything, else 0.
    """

    name: str
    texts: list[str]
    gave: NDArray[np.float64]


def read(folder: Path | None) -> Dialogues:
    """Read a folder in the form of PersuasionForGood.

    Raises
    ------
    DataMissing
        It is not there.
    """
    if folder is None or not (folder / "full_dialog.csv").is_file() or not (folder / "full_info.csv").is_file():
        raise DataMissing("Give --data a folder with full_dialog.csv and full_info.csv, as PersuasionForGood has them.")
    turns: defaultdict[str, list[str]] = defaultdict(list)
    with (folder / "full_dialog.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["B4"] == PERSUADER:
                turns[row["B2"]].append(row["Unit"])
    with (folder / "full_info.csv").open(encoding="utf-8", newline="") as file:
        gifts = {row["B2"]: float(row["B6"] or 0) for row in csv.DictReader(file) if row["B4"] == PERSUADEE}
    known = sorted(turns.keys() & gifts.keys())
    gave = np.array([float(gifts[key] > 0) for key in known])
    return Dialogues(f"{len(known):,} dialogues of {folder.name}", ["\n".join(turns[key]) for key in known], gave)


def generated(n: int, words: int, rng: np.random.Generator) -> Dialogues:
    """Draw dialogues whose words have the frequencies of a language (Zipf's law) and whose lengths spread."""
    share = 1 / (np.arange(words) + 10.0)
    share /= share.sum()
    texts = []
    for length in np.maximum(rng.lognormal(5, 0.45, n), 20).astype(int):
        said = rng.choice(words, length, p=share)
        texts.append("\n".join(" ".join(f"w{w}" for w in said[i : i + 12]) for i in range(0, length, 12)))
    return Dialogues(f"{n:,} generated dialogues", texts, (rng.random(n) < 0.5).astype(float))
