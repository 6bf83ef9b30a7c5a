"""`estate bench triggers`: whether shown words are true and their lifts honest, and what finding them costs.

Real dialogues with planted truth: the persuader's terms that 15 to 600 dialogues hold; in each world 16 single words
out of those in 5 to 40 % of the dialogues get log odds of +0.8 (eight) and -0.8 (eight), the intercept makes half
of the dialogues won on average, and outcomes are redrawn; with length effect each quintile of length adds 0.5. A
shown term is true if it contains a planted word; several on one planted word count once and the rest neither way.
"""

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.feature_extraction.text import CountVectorizer

from benchmarks import dialogues
from benchmarks.dialogues import Dialogues
from benchmarks.peers.words import fighting_words, posthog_correlation
from benchmarks.report import Options, Report
from estate.behavior.analytics.terms import extract, words_of
from estate.behavior.analytics.triggers import Trigger, discover

__all__ = ["TARGETS", "bench"]

Floats = NDArray[np.float64]

MIN_DIALOGUES, MAX_DIALOGUES = 15, 600
PLANTED = np.array([0.8] * 8 + [-0.8] * 8)
PLANTED_SHARES = (0.05, 0.40)
LENGTH_EFFECT = 0.5
TOP_CANDIDATES = 10
NEUTRAL_UNITS = 5_000
NEUTRAL_RATE = 0.15
WATCHED_DAYS = 30.0

TARGETS: dict[str, tuple[str, float]] = {
    "false_share": ("<=", 0.10),
    "false_share_length": ("<=", 0.15),
    "power": (">=", 0.50),
    "power_length": (">=", 0.50),
    "null_any_runs": ("<=", 16),
    "lift_slope_at_least": (">=", 0.8),
    "lift_slope": ("<=", 1.25),
    "neutral_or_talk_at_least": (">=", 0.95),
    "neutral_or_talk": ("<=", 1.05),
    "neutral_or_watch_at_least": (">=", 0.95),
    "neutral_or_watch": ("<=", 1.05),
    "seconds_ratio": ("<=", 1.0),
}
QUICK_TARGETS: dict[str, tuple[str, float]] = {"false_share": ("<=", 0.5), "null_any_runs": ("<=", 1)}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How often each part is repeated, and how large the timed collection is."""

    worlds: int
    nulls: int
    splits: int
    neutral: int
    units: int
    terms: int


FULL = Sizes(worlds=100, nulls=200, splits=100, neutral=200, units=10_000, terms=5_000)
QUICK = Sizes(worlds=2, nulls=5, splits=2, neutral=4, units=400, terms=300)


@dataclass(frozen=True, eq=False, slots=True)
class Corpus:
    """The dialogues as every method sees them."""

    said: list[list[str]]
    vocabulary: list[str]
    presence: sparse.csr_matrix
    counts: sparse.csr_matrix
    length: Floats
    gave: Floats

    @classmethod
    def of(cls, talks: Dialogues) -> "Corpus":
        """Read the terms of each dialogue, and keep those of middling frequency."""
        said = [extract(text) for text in talks.texts]
        held = Counter(term for terms in said for term in terms)
        vocabulary = sorted(term for term, n in held.items() if MIN_DIALOGUES <= n <= MAX_DIALOGUES)
        kept = set(vocabulary)
        said = [[term for term in terms if term in kept] for terms in said]
        counts = CountVectorizer(vocabulary=vocabulary, ngram_range=(1, 3), tokenizer=words_of, token_pattern=None)
        presence = CountVectorizer(vocabulary=vocabulary, analyzer=lambda terms: terms)
        length = np.array([float(len(text.split())) for text in talks.texts])
        tokens = counts.fit_transform(talks.texts).tocsr()
        return cls(said, vocabulary, presence.fit_transform(said).tocsr(), tokens, length, talks.gave)


def bench(options: Options) -> Report:
    """Run every part."""
    sizes = QUICK if options.quick else FULL
    rng = np.random.default_rng(options.seed)
    talks = dialogues.generated(300, 600, rng) if options.quick else dialogues.read(options.data)
    corpus = Corpus.of(talks)
    planted, peers = _planted(corpus, sizes.worlds, options.seed, with_length=False)
    planted_length, peers_length = _planted(corpus, sizes.worlds, options.seed, with_length=True)
    slope = _lift_slope(corpus, sizes.splits, options.seed)
    talk = [_talk_world(np.random.default_rng((options.seed, 3, i))) for i in range(sizes.neutral)]
    watch = [_watch_world(np.random.default_rng((options.seed, 4, i))) for i in range(sizes.neutral)]
    neutral_talk, neutral_watch = float(np.exp(np.mean(talk))), float(np.exp(np.mean(watch)))
    metrics: dict[str, Any] = {
        **planted,
        **{f"{name}_length": value for name, value in planted_length.items()},
        "null_any_runs": _null_runs(corpus, sizes.nulls, options.seed),
        "null_runs": sizes.nulls,
        **slope,
        "neutral_or_talk": neutral_talk,
        "neutral_or_talk_at_least": neutral_talk,
        "neutral_or_watch": neutral_watch,
        "neutral_or_watch_at_least": neutral_watch,
        **_cost(sizes, np.random.default_rng((options.seed, 5))),
    }
    together = {
        name: {**figures, **{f"{key}_length": value for key, value in peers_length[name].items()}}
        for name, figures in peers.items()
    }
    data = f"{talks.name}; {len(corpus.vocabulary):,} terms; {sizes.neutral} neutral worlds of {NEUTRAL_UNITS:,}"
    targets = QUICK_TARGETS if options.quick else TARGETS
    return Report("triggers", options.seed, sizes.worlds, data, metrics, targets, together)


def _planted(
    corpus: Corpus, worlds: int, seed: int, *, with_length: bool
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return pooled false share and power, with their standard errors over worlds, of us and of the peers."""
    methods: dict[str, Callable[[Floats, np.random.Generator], Iterable[str]]] = {
        "us": lambda won, rng: (
            trigger.term for trigger in discover(corpus.said, won, length=corpus.length, rng=rng).proven
        ),
        "PostHog correlation": lambda won, _: _names(corpus, posthog_correlation(corpus.presence, won)),
        "FightingWords": lambda won, _: _names(corpus, fighting_words(corpus.counts, won)),
    }
    judged: dict[str, list[tuple[int, int]]] = {name: [] for name in methods}
    for world in range(worlds):
        rng = np.random.default_rng((seed, int(with_length), world))
        words, won = _world(corpus, rng, with_length=with_length)
        for name, show in methods.items():
            judged[name].append(_judge(show(won, rng), words))
    figures = {name: _figures(np.array(pairs, dtype=float)) for name, pairs in judged.items()}
    return figures.pop("us"), figures


def _names(corpus: Corpus, columns: NDArray[np.int64]) -> Iterable[str]:
    return (corpus.vocabulary[column] for column in columns)


def _world(corpus: Corpus, rng: np.random.Generator, *, with_length: bool) -> tuple[list[str], Floats]:
    n = len(corpus.said)
    share = np.asarray(corpus.presence.sum(axis=0)).ravel() / n
    low, high = PLANTED_SHARES
    single = np.array([" " not in term for term in corpus.vocabulary])
    chosen = rng.choice(np.flatnonzero(single & (share >= low) & (share <= high)), len(PLANTED), replace=False)
    logit = corpus.presence[:, chosen] @ PLANTED
    if with_length:
        quintiles = np.quantile(corpus.length, [0.2, 0.4, 0.6, 0.8])
        logit = logit + LENGTH_EFFECT * np.searchsorted(quintiles, corpus.length, side="right")
    intercept = brentq(lambda start: expit(start + logit).mean() - 0.5, -30, 30)
    return [corpus.vocabulary[i] for i in chosen], (rng.random(n) < expit(intercept + logit)).astype(float)


def _judge(shown: Iterable[str], planted: Sequence[str]) -> tuple[int, int]:
    """Return how many planted words were found, and how many shown terms contain none."""
    found, false = set(), 0
    for term in shown:
        held = set(term.split()) & set(planted)
        found |= held
        false += not held
    return len(found), false


def _figures(judged: Floats) -> dict[str, float]:
    found, false = judged.sum(axis=0)
    power = judged[:, 0] / len(PLANTED)
    share = false / max(found + false, 1)
    spread = np.std(judged[:, 1] - share * judged.sum(axis=1)) / max(judged.sum(axis=1).mean(), 1e-9)
    runs = np.sqrt(len(judged))
    return {
        "false_share": float(share),
        "power": float(power.mean()),
        "false_share_se": float(spread / runs),
        "power_se": float(power.std() / runs),
    }


def _null_runs(corpus: Corpus, runs: int, seed: int) -> int:
    """Count the shuffles of the real outcomes in which something is proven."""
    rngs = (np.random.default_rng((seed, 2, run)) for run in range(runs))
    return sum(
        bool(discover(corpus.said, rng.permutation(corpus.gave), length=corpus.length, rng=rng).proven) for rng in rngs
    )


def _lift_slope(corpus: Corpus, splits: int, seed: int) -> dict[str, float]:
    """Regress the log lift in the other half, unshrunk, on the one that was shown; each turned by the shown sign."""
    shown, found = [], []
    place = {term: i for i, term in enumerate(corpus.vocabulary)}
    for split in range(splits):
        rng = np.random.default_rng((seed, 6, split))
        order = rng.permutation(len(corpus.said))
        first, second = np.array_split(order, 2)
        report = discover([corpus.said[i] for i in first], corpus.gave[first], length=corpus.length[first], rng=rng)
        for trigger in report.proven or report.candidates[:TOP_CANDIDATES]:
            shown.append(np.log(trigger.lift))
            found.append(_log_lift(corpus, place[trigger.term], second))
    x, y = np.abs(shown), np.sign(shown) * np.array(found)
    slope = float(x @ y / max(x @ x, 1e-12))
    right = float((y > 0).mean())
    return {"lift_slope": slope, "lift_slope_at_least": slope, "lift_sign_right": right, "lift_shown": float(x.mean())}


def _log_lift(corpus: Corpus, column: int, rows: NDArray[np.int64]) -> float:
    """Return the log of P(gave | said) / P(gave | not said), half a dialogue added to each count."""
    said = corpus.presence[rows, column].toarray().ravel() > 0
    gave = corpus.gave[rows]
    rate, rest = ((gave[part].sum() + 0.5) / (part.sum() + 1) for part in (said, ~said))
    return float(np.log(rate / rest))


def _talk_world(rng: np.random.Generator) -> float:
    """Return the log odds of a neutral word where winners merely talk twice as often."""
    won = (rng.random(NEUTRAL_UNITS) < 0.5).astype(float)
    talks = 1 + rng.poisson(np.where(won == 1, 5, 2))  # Six talks on average against three.
    said = rng.random(NEUTRAL_UNITS) < 1 - (1 - NEUTRAL_RATE) ** talks
    return _neutral(said, won, rng, length=talks.astype(float)).log_odds


def _watch_world(rng: np.random.Generator) -> float:
    """Return the log odds of a neutral word where winners are watched only until they buy."""
    won = (rng.random(NEUTRAL_UNITS) < 0.5).astype(float)
    watched = np.where(won == 1, rng.uniform(1, WATCHED_DAYS, NEUTRAL_UNITS), WATCHED_DAYS)
    said = rng.random(NEUTRAL_UNITS) < 1 - np.exp(-watched / WATCHED_DAYS)
    return _neutral(said, won, rng, exposure=watched).log_odds


def _neutral(said: NDArray[np.bool_], won: Floats, rng: np.random.Generator, **known: Any) -> Trigger:
    return discover([["neutral"] if held else [] for held in said], won, rng=rng, **known).estimate("neutral")


def _cost(sizes: Sizes, rng: np.random.Generator) -> dict[str, Any]:
    """Time ourselves on ready term sets, and CountVectorizer with FightingWords from the texts."""
    rows: dict[str, dict[str, float]] = {}
    for part in (4, 2, 1):
        rows[f"{sizes.units // part:,}"] = _timed(sizes.units // part, sizes.terms, rng)
    small, _, large = rows.values()
    return {
        "seconds_10k_by_5k": large["seconds"],
        "seconds_ratio": large["seconds"] / large["peer_seconds"],
        "growth": large["seconds"] / small["seconds"],
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "cost": rows,
    }


def _timed(units: int, terms: int, rng: np.random.Generator) -> dict[str, float]:
    talks = dialogues.generated(units, 20_000, rng)
    started = time.perf_counter()
    least = max(2, units // 500)
    counts = CountVectorizer(ngram_range=(1, 3), min_df=least, max_df=0.6, max_features=terms)
    fighting_words(counts.fit_transform(talks.texts).tocsr(), talks.gave)
    peer = time.perf_counter() - started
    reader = counts.build_analyzer()
    said = [set(reader(text)) & counts.vocabulary_.keys() for text in talks.texts]
    length = [float(len(text.split())) for text in talks.texts]
    started = time.perf_counter()
    discover(said, talks.gave, length=length, rng=rng)
    return {"seconds": time.perf_counter() - started, "peer_seconds": peer, "terms": float(len(counts.vocabulary_))}
