"""The words in which a model may speak of a field: closed lists, since one free word is enough to lie."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["CONNECTIVES", "COURTESY", "FIELDS", "NOUNS", "Wording"]


@dataclass(frozen=True, slots=True)
class Wording:
    """How a field is spoken of.

    Parameters
    ----------
    labels : tuple of str
        One of them stands before the value; empty where the value says itself what it is: ``2 bedrooms``.
    also : tuple of str
        Words that may stand with it besides.
    for_client : bool
        Whether a client may read it.
    is_name : bool
        Whether the value names the record: a sentence has one, and figures are spoken of around it.
    """

    labels: tuple[str, ...]
    also: tuple[str, ...]
    for_client: bool
    is_name: bool

    @property
    def words(self) -> frozenset[str]:
        """Every word that may stand with the value."""
        return frozenset(self.labels + self.also)


def _each(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _worded(labels: str = "", also: str = "", *, client: bool = False, name: bool = False) -> Wording:
    return Wording(tuple(labels.split()), tuple(also.split()), client, name)


def _interval(stem: str, labels: str, also: str = "") -> Iterable[tuple[str, Wording]]:
    """Word a figure and its two ends."""
    yield stem, _worded(labels, also)
    base = stem.removesuffix("_score").removesuffix("_probability")
    yield f"{base}_lower", _worded("between from", f"{labels} {also}")
    yield f"{base}_upper", _worded("and to")


_MARKET = {
    "area_name": _worded("", "homes", client=True, name=True),
    "price_avg": _worded("average mean", "price prices cost costs homes", client=True),
    "price_median": _worded("median", "price prices homes", client=True),
    "as_of": _worded("as until", "records", client=True),
    "snapshot_count": _worded("", "from records"),
    "demand_score": _worded("demand", "score"),
    "supply_score": _worded("supply", "score"),
    "sales_volume": _worded("sales", "volume number"),
    "heat_score": _worded("heat", "score"),
    "heat_band": _worded("", "market", client=True),
    "heat_direction": _worded("", "market and"),
    "forecast_month": _worded("forecast month", ""),
    **dict(_interval("forecast_price", "forecast", "price")),
}
_AGENT = {
    "name": _worded("", "agent your", client=True, name=True),
    "deals_closed": _worded("", "closed deals you your have"),
    "closing_rate": _worded("rate", "closing your"),
    "avg_response_time": _worded("response answer", "average time within your lead leads"),
    "rank": _worded("rank place", "leaderboard your"),
    "rank_lower": _worded("between from", "rank place leaderboard"),
    "rank_upper": _worded("and to"),
    "calls_held": _worded("nobody", "there is to call now"),
    "calls_from": _worded("from", "ask again"),
}
_CLIENT = {
    "name": _worded("", "dear client", client=True, name=True),
    "budget": _worded("budget", "your", client=True),
    "decision_speed": _worded("speed", "decision"),
    "qualification_band": _worded("", "lead"),
    **dict(_interval("qualification_score", "score", "qualification lead")),
    **dict(_interval("closing_probability", "chance probability", "closing close your")),
    "qualification_why": _worded("why", "score speaks most"),
    "last_contact": _worded(),
    "call_held": _worded(),
    "call_from": _worded("from", "ask again"),
    "last_step": _worded("last", "step"),
    "likely_step": _worded("likely follows", "next step most often"),
    "likely_step_share": _worded("share"),
    "ask": _worded(),
}
_PROPERTY = {
    "title": _worded(client=True, name=True),
    "project_name": _worded("", "project", client=True, name=True),
    "developer": _worded("developer", "", client=True),
    "price": _worded("price costs cost asking", client=True),
    "bedrooms": _worded("", "bedrooms", client=True),
    "bathrooms": _worded("bathrooms bathroom", client=True),
    "area_sqm": _worded("", "size area", client=True),
    "delivery_date": _worded("handover delivery", "date", client=True),
    "status": _worded("", "status", client=True),
    "unit_type": _worded("", "type", client=True),
    "payment_plan": _worded("plan", "payment", client=True),
    "paid_before_handover_pct": _worded("paid", "before handover", client=True),
    "reason_1": _worded(),
    "reason_2": _worded(),
    "trade_off": _worded(),
    "fair_value": _worded("fair worth", "value like units support"),
    "fair_value_lower": _worded("between from", "fair value"),
    "fair_value_upper": _worded("and to"),
    "comparables": _worded("", "from like units"),
}
_BEHAVIOR = {
    "stage": _worded("stage", "deal your"),
    "term": _worded("", "word", name=True),
    "evidence": _worded("evidence", ""),
    "lift": _worded("succeed lift", "deals in which it came up as often"),
    "lift_lower": _worded("between from"),
    "lift_upper": _worded("and to"),
    "n_with": _worded("", "from seen"),
}

FIELDS: Mapping[tuple[str, str], Wording] = {
    (layer, field): wording
    for layer, fields in (
        ("market", _MARKET),
        ("agent", _AGENT),
        ("client", _CLIENT),
        ("property", _PROPERTY),
        ("behavior", _BEHAVIOR),
    )
    for field, wording in fields.items()
}
"""By layer and field. What does not stand here is neither given to a model nor may it be cited by one."""

NOUNS: Mapping[str, frozenset[str]] = {
    "market": frozenset({"area", "market", "district"}),
    "agent": frozenset({"agent"}),
    "client": frozenset({"client"}),
    "property": frozenset({"unit", "home", "property"}),
    "behavior": frozenset({"deal"}),
}
"""What a record of a layer may be called."""

CONNECTIVES = _each("a an the this that it its is has of for in at on and with which also here there")
"""Words that claim nothing: no negation, comparison, condition, time or quantity, and nobody who does something."""

COURTESY = _each("""
    dear hello thank thanks you your for message question questions please tell me know let us what matters most to
    i we would like see view the home how help happy glad look forward hearing from kind regards and
""")
"""Words of a sentence without a cite: enough to greet, to ask and to offer help."""
