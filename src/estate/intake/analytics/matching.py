"""Brings columns to fields by what they are called and what is in them, and brings none where it is not sure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from estate.intake.analytics.cells import Cell, is_long, normal, parted, words_of
from estate.intake.analytics.numbers import header_times
from estate.intake.analytics.targets import KINDS, TARGETS, UNITS, VETO, Kind, Target
from estate.intake.analytics.values import looks_like

__all__ = ["Match", "guess_kind", "match"]

NAMED, HINTED, MISSPELT, BY_VALUES = 0.95, 0.8, 0.7, 0.65
"""How sure a field is whose name, whose name among harmless words, or whose spelling, or whose values alone, say so."""
MARGIN = 0.1
LIKE = 0.6  # Least share of the cells that must read as the field.
LIKE_ALONE = 0.9  # The same where nothing but the cells speaks for it.
LEAST_CELLS = 3
SAMPLE = 200
CLOSE_SPELLING, LEAST_LETTERS = 88, 5
CLEARLY = 1.15

_MEASURES = "sqm sqft sq m2 ft2 feet meters metres seconds minutes hours"
_COMMON = words_of(f"the of in a no number main primary field value aed egp usd eur sar qar gbp dhs {_MEASURES} رقم")
_OWN: Mapping[Kind, frozenset[str]] = {
    "clients": _COMMON | words_of("client clients customer lead contact buyer العميل"),
    "units": _COMMON | words_of("property unit listing الوحدة العقار"),
    "agents": _COMMON | words_of("agent broker employee الوكيل"),
    "market": _COMMON | words_of("market السوق"),
}
"""Words that leave a header what it is."""
_HOW: Mapping[str, frozenset[str]] = {
    "share": words_of("percent percentage pct ratio rate"),
    "whole": words_of("count"),
    "flag": words_of("flag"),
    "day": words_of("mm yy"),
    "period": words_of("mm yy"),
    **{how: words_of(" ".join(map(normal, units))) for how, units in UNITS.items()},
}
"""Words that say in brackets how the values of a field are written."""


@dataclass(frozen=True, slots=True)
class Match:
    """To which field a column is brought, how sure that is, and why, or why to none.

    Confidence is 0 where it is called like the field and its values do not read as it: somebody has to say what then.
    """

    target: str | None
    confidence: float
    why: str


def match(names: Sequence[str], cells: Sequence[Sequence[Cell]], kind: Kind) -> list[Match]:
    """Bring each column to a field, or to none.

    Parameters
    ----------
    names : sequence of str
        The header.
    cells : sequence of sequences
        Of each column, some cells that are not empty.
    kind : str
        What the records are.
    """
    samples = [tuple(column[:SAMPLE]) for column in cells]
    ranked = [_ranked(name, sample, kind) for name, sample in zip(names, samples, strict=True)]
    claims: dict[str, list[int]] = {}
    for at, candidates in enumerate(ranked):
        if candidates and candidates[0].target is not None:
            claims.setdefault(candidates[0].target, []).append(at)
    chosen = [
        candidates[0] if candidates else Match(None, 0.0, _no_name(name))
        for candidates, name in zip(ranked, names, strict=True)
    ]
    for target, columns in claims.items():
        if len(columns) > 1:
            _settle(chosen, target, columns, cells)
    return chosen


def _no_name(name: str) -> str:
    vetoed = sorted(set(normal(name).split()) & VETO)
    if vetoed:
        return f"The word {vetoed[0]} makes another thing of it."
    is_aside = bool(parted(name)[1])
    return f"Its name is not known{', or its brackets make another thing of it' if is_aside else ''}."


def _settle(chosen: list[Match], target: str, columns: Sequence[int], cells: Sequence[Sequence[Cell]]) -> None:
    """Let one of several columns have a field: the one that is clearly surer, or the first of equal ones; else none."""
    best = sorted(columns, key=lambda at: -chosen[at].confidence)
    clear = chosen[best[0]].confidence - chosen[best[1]].confidence >= MARGIN
    alike = all(list(cells[at]) == list(cells[best[0]]) for at in columns)
    for at in columns:
        if (clear and at == best[0]) or (alike and at == min(columns)):
            continue
        why = (
            "Another column has this field." if clear or alike else f"{len(columns)} columns could be {target}: choose."
        )
        chosen[at] = Match(None, 0.0, why)


def _ranked(name: str, cells: tuple[Cell, ...], kind: Kind) -> list[Match]:
    """Return the best field of a column; a first item without a target says why there is none."""
    found = sorted(
        (m for target in TARGETS[kind].values() if (m := _claim(name, cells, target, kind)) is not None),
        key=lambda m: -m.confidence,
    )
    if not found:
        return _by_values(name, cells, kind)
    if len(found) > 1 and found[0].confidence - found[1].confidence < MARGIN:
        return [Match(None, 0.0, f"It could be {found[0].target} or {found[1].target}: choose.")]
    return found


def _claim(name: str, cells: tuple[Cell, ...], target: Target, kind: Kind) -> Match | None:
    by_name = _by_name(name, target, kind)
    if by_name is None:
        return None
    confidence, why = by_name
    if not cells:
        return Match(target.name, confidence, f"{why} It is empty.")
    like = sum(looks_like(target.how, cell) for cell in cells) / len(cells)
    if like < LIKE:
        return Match(target.name, 0.0, f"It is called like {target.name}, but {like:.0%} of its values fit.")
    return Match(target.name, round(confidence * (0.7 + 0.3 * like), 2), f"{why} {like:.0%} of its values fit.")


@dataclass(frozen=True, slots=True)
class _Header:
    """A header as it is compared: all of its words, those outside of brackets, what stands inside, and its vetoes."""

    whole: str
    bare: str
    aside: str
    vetoed: frozenset[str]


@lru_cache(maxsize=4_096)
def _header(name: str) -> _Header:
    outside, aside = parted(name)
    return _Header(normal(name), normal(outside), aside, words_of(normal(aside)) & VETO)


def _by_name(name: str, target: Target, kind: Kind) -> tuple[float, str] | None:
    if is_long(name):
        return None
    header = _header(name)
    if header.whole in target.aliases:
        return NAMED, "Its name says so."
    if (target.how == "money" and _is_rate(header)) or _is_another(header, target, kind):
        return None
    if header.bare in target.aliases:
        return NAMED, "Its name says so."
    said = words_of(header.bare)
    for alias, words in _alias_words(target):
        if words <= said and said - words <= _OWN[kind]:
            return HINTED, f"Its name says {alias}."
    if said & VETO or len(header.bare) < LEAST_LETTERS:
        return None
    close = process.extractOne(header.bare, _spelt(target), scorer=fuzz.ratio, score_cutoff=CLOSE_SPELLING)
    return (MISSPELT, "Its name is spelt nearly so.") if close else None


@lru_cache
def _alias_words(target: Target) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((alias, words_of(alias)) for alias in target.aliases if alias)


@lru_cache
def _spelt(target: Target) -> tuple[str, ...]:
    """Return the aliases that are long enough to be known by a near spelling."""
    return tuple(alias for alias in target.aliases if len(alias) >= LEAST_LETTERS)


def _is_another(header: _Header, target: Target, kind: Kind) -> bool:
    """Tell whether what stands in brackets makes another thing of a header: the phone (spouse), a price (per sqft)."""
    if target.how == "money" and header_times(header.aside) is None:
        return True
    own = words_of(" ".join(target.aliases)) | _OWN[kind] | _HOW.get(target.how, frozenset())
    return not header.vetoed <= own


def _is_rate(header: _Header) -> bool:
    """Tell whether a header speaks of an amount for each of something: a price sqft, a price (AED/m2)."""
    return "/" in header.aside or bool(words_of(header.whole) & words_of(_MEASURES))


def _by_values(name: str, cells: tuple[Cell, ...], kind: Kind) -> list[Match]:
    """Know e-mail addresses and international numbers by themselves, where no word of the header speaks against it."""
    if kind != "clients" or len(cells) < LEAST_CELLS or set(normal(name).split()) & VETO:
        return []
    for how in ("email", "phone"):
        like = [looks_like(how, cell) and (how == "email" or str(cell).strip().startswith("+")) for cell in cells]
        if sum(like) >= LIKE_ALONE * len(cells):
            return [Match(how, BY_VALUES, "Its values are nothing else.")]
    return []


def guess_kind(names: Sequence[str], cells: Sequence[Sequence[Cell]]) -> Kind | None:
    """Guess what the records of a file are; None when two kinds would do, or none."""
    scores = sorted(((_fit(match(names, cells, kind), kind), kind) for kind in KINDS), reverse=True)
    (best, kind), (second, _) = scores[:2]
    return kind if best > 1 and best >= CLEARLY * second else None


_NEEDED: Mapping[Kind, tuple[frozenset[str], ...]] = {
    "clients": (frozenset({"name", "first_name", "last_name", "phone", "email"}),),
    "units": (frozenset({"price", "unit_id", "title"}),),
    "agents": (frozenset({"name", "agent_id"}),),
    "market": (frozenset({"area"}), frozenset({"observed_on"})),
}


def _fit(matches: Sequence[Match], kind: Kind) -> float:
    found = {m.target for m in matches if m.confidence}
    return sum(m.confidence for m in matches) if all(found & needed for needed in _NEEDED[kind]) else 0.0
