"""Search of the stored documents: SQL finds candidates by their rare words, BM25 ranks them, layers share the list."""

from collections.abc import Sequence
from statistics import fmean

from sqlalchemy.orm import Session

from estate.realestate_gpt import crud
from estate.realestate_gpt.records import Key
from estate.realestate_gpt.retrieval import dense
from estate.realestate_gpt.retrieval.lexical import Corpus, bm25, read_text, tokens
from estate.realestate_gpt.retrieval.spelling import nearest_words, spellings
from estate.realestate_gpt.retrieval.weights import DEFAULT, Weights, fused, weighted

__all__ = ["lexical", "search", "shared"]

Scored = list[tuple[Key, float]]

MAX_TOKENS = 64  # A question has fewer words; a pasted text is judged by its first ones.
COMMON = 1_000  # A token in more documents finds too many; it only helps to rank.
SAMPLED_PAGES = 128  # Of 8 KiB: what is common is estimated from these, so that it costs the same at any size.
SURELY = 2  # Times `COMMON`: an estimate so high leaves no doubt.
MOST = 2_000  # Documents that are looked at, however many hold the words.
OVERFETCH = 10  # Candidates for one place: ts_rank knows no rarity, so the best by BM25 may stand lower.
ITS_OWN = ""  # No token is empty, so no document holds this one.
NEAR_NAMES = 200  # Documents whose names are compared with a misspelt word.


def search(
    session: Session,
    query: str,
    *,
    layers: Sequence[str],
    limit: int,
    weights: Weights = DEFAULT,
    intent: str = "general",
) -> Scored:
    """Return the documents that may answer a query.

    Parameters
    ----------
    session : Session
        Open transaction.
    query : str
        Any text; without a word that tells records apart only vectors can find anything.
    layers : sequence of str
        Where to search.
    limit : int
        Places to fill, for which each layer brings `OVERFETCH` candidates.
    weights : Weights
        How legs and layers count.
    intent : str
        Topic of the query.

    Returns
    -------
    list of ((layer, record id), score)
        Best first. The score is BM25, or the fused score in [0, 1] when an embedder is configured, times the
        factor of the layer.
    """
    scores = lexical(session, query, layers, limit)
    embedder = dense.configured_embedder()
    if embedder is not None:
        near = dict(dense.search(session, embedder, query, layers, limit * OVERFETCH))
        scores = fused(scores, near, weights) if near else scores
    return weighted(scores, weights, intent)


def lexical(session: Session, query: str, layers: Sequence[str], limit: int) -> dict[Key, float]:
    """Return the BM25 scores of the candidates for a query.

    Notes
    -----
    Corpus statistics are those of the same transaction: documents of `layers` that the actor sees, and those that
    hold each token, counted up to `COMMON` and estimated from a sample above. The mean length is that of the
    candidates. A token that no document holds stands for the names that are spelt nearly so. A record whose whole
    name stands in the query is meant: the name counts like one more word, that no other document holds.
    """
    asked = list(dict.fromkeys(tokens(query)))[:MAX_TOKENS]
    if not asked:
        return {}
    size, held = _counted(session, asked, layers)
    wanted = list(dict.fromkeys(_respelt(session, held, layers)))
    if respelt := [token for token in wanted if token not in held]:
        held |= _counted(session, respelt, layers)[1]
    found = _candidates(session, {token: held[token] for token in wanted if held[token]}, layers, limit * OVERFETCH)
    texts = {(one.layer, one.record_id): read_text(one.words.split()) for one in found}
    corpus = Corpus(
        size=round(max(size, *held.values())),
        mean_length=fmean(text.length for text in texts.values()) if texts else 0.0,
        containing=held,
    )
    scores = {key: bm25(wanted, text, corpus) for key, text in texts.items()}
    for one in found:
        if one.names and set(one.names) <= set(wanted):
            scores[one.layer, one.record_id] += corpus.weight(ITS_OWN)
    return scores


def _counted(session: Session, words: Sequence[str], layers: Sequence[str]) -> tuple[float, dict[str, int]]:
    """Count the documents, and those that hold each token: the index would read every one that holds a common token."""
    size, estimated = crud.sampled(session, words, layers, SAMPLED_PAGES)
    exact = crud.containing(session, [word for word in words if estimated[word] < SURELY * COMMON], layers, COMMON)
    rare = {word: n for word, n in exact.items() if n < COMMON}
    return size, {word: rare.get(word, max(COMMON, round(estimated[word]))) for word in words}


def _respelt(session: Session, held: dict[str, int], layers: Sequence[str]) -> list[str]:
    """Put the names that are spelt nearly so in the place of each token that no document holds."""
    near = {token: spellings(token) for token, n in held.items() if not n}
    shared_spellings = set().union(*near.values())
    names = crud.spelt(session, shared_spellings, layers, NEAR_NAMES) if shared_spellings else []
    return [word for token in held for word in (nearest_words(token, names) if token in near else [token])]


def _candidates(session: Session, held: dict[str, int], layers: Sequence[str], per_layer: int) -> list[crud.Candidate]:
    """Find documents by any of the rare tokens; where all are common, by all of them, or else by the rarest."""
    rare = [token for token, n in held.items() if n < COMMON]
    ways = [" | ".join(map(_quoted, rare))] if rare else [" & ".join(map(_quoted, held)), *map(_quoted, list(held)[:1])]
    for way in filter(None, ways):
        found = crud.candidates(session, way, layers, per_layer=per_layer, most=MOST)
        if found:
            return found
    return []


def _quoted(token: str) -> str:
    return f"'{token}'"  # Tokens are letters and digits only.


def shared(found: Scored, layers: Sequence[str], limit: int) -> Scored:
    """Cut a ranking so that no layer crowds out another.

    Half of the places are shared out: every layer first gets up to ``limit // (2 * len(layers))`` for its best. The
    others go to the best of all.

    Examples
    --------
    >>> found = [(("agent", name), 2.0) for name in "abcd"] + [(("market", "e"), 1.0)]
    >>> [key[1] for key, _ in shared(found, ["agent", "market"], 4)]
    ['a', 'b', 'c', 'e']
    """
    quota = limit // (2 * max(len(layers), 1))
    taken = dict.fromkeys(layers, 0)
    kept: set[Key] = set()
    for key, _ in found:
        if taken[key[0]] < quota:
            taken[key[0]] += 1
            kept.add(key)
    others = [key for key, _ in found if key not in kept]
    kept.update(others[: limit - len(kept)])
    return [pair for pair in found if pair[0] in kept]
