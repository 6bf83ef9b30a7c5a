"""Search of the stored documents: SQL finds candidates by their rare words, BM25 ranks them, layers share the list."""

from collections.abc import Sequence
from statistics import fmean

from sqlalchemy.orm import Session

from estate.realestate_gpt import crud
from estate.realestate_gpt.records import Key
from estate.realestate_gpt.retrieval import dense
from estate.realestate_gpt.retrieval.lexical import Corpus, best, bm25, read_text, tokens

__all__ = ["search", "shared"]

Scored = list[tuple[Key, float]]

MAX_TOKENS = 64  # A question has fewer words; a pasted text is judged by its first ones.
COMMON_SHARE = 0.1  # A token in more of the documents finds half the corpus; it only helps to rank.
MIN_COMMON = 100  # In a small corpus every token may be looked up.
OVERFETCH = 10  # Candidates for one place: ts_rank knows no rarity, so the best by BM25 may stand lower.


def search(session: Session, query: str, *, layers: Sequence[str], limit: int) -> Scored:
    """Return the best documents for a query.

    Parameters
    ----------
    session : Session
        Open transaction.
    query : str
        Any text; without a word that tells records apart the answer is empty.
    layers : sequence of str
        Where to search.
    limit : int
        The most documents to return.

    Returns
    -------
    list of ((layer, record id), score)
        Best first. The score is BM25, or the fused reciprocal rank when an embedder is configured.

    Notes
    -----
    Corpus statistics are counted in the same transaction: documents of `layers`, documents that hold each
    token (up to the share that counts as common); the mean length is that of the candidates.
    """
    wanted = list(dict.fromkeys(tokens(query)))[:MAX_TOKENS]
    found = _lexical(session, wanted, layers, limit) if wanted else []
    embedder = dense.configured_embedder()
    if embedder is not None:
        near = dense.search(session, embedder, query, layers, limit * OVERFETCH)
        found = dense.fuse([key for key, _ in found], near) if near else found
    return shared(found, layers, limit)


def _lexical(session: Session, wanted: Sequence[str], layers: Sequence[str], limit: int) -> Scored:
    size = crud.count_documents(session, layers)
    cap = max(MIN_COMMON, int(size * COMMON_SHARE)) + 1
    containing = crud.containing(session, wanted, layers, cap)
    looked_up = _rare(containing, cap)
    if not looked_up:
        return []
    texts = {
        (layer, record_id): read_text(text)
        for layer, record_id, text in crud.candidates(session, looked_up, layers, limit * OVERFETCH)
    }
    mean_length = fmean(text.length for text in texts.values()) if texts else 0.0
    corpus = Corpus(size, mean_length, containing)
    return best(((key, bm25(wanted, text, corpus)) for key, text in texts.items()), len(texts))


def _rare(containing: dict[str, int], cap: int) -> list[str]:
    """Return the tokens to look records up by: those below the cap, or when all are common, all of them."""
    held = [token for token, n in containing.items() if n]
    return [token for token in held if containing[token] < cap] or held


def shared(found: Scored, layers: Sequence[str], limit: int) -> Scored:
    """Cut a ranking so that no layer crowds out another.

    Every layer first gets up to ``limit // len(layers)`` places for its best; the places that are left go
    to the best of all.

    Examples
    --------
    >>> shared([(("agent", "a"), 3.0), (("agent", "b"), 2.0), (("market", "c"), 1.0)], ["agent", "market"], 2)
    [(('agent', 'a'), 3.0), (('market', 'c'), 1.0)]
    """
    quota = limit // max(len(layers), 1)
    taken = dict.fromkeys(layers, 0)
    kept: set[Key] = set()
    for key, _ in found:
        if taken[key[0]] < quota:
            taken[key[0]] += 1
            kept.add(key)
    others = [key for key, _ in found if key not in kept]
    kept.update(others[: limit - len(kept)])
    return [pair for pair in found if pair[0] in kept]
