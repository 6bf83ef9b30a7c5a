"""Overview: how the house does, who needs help, and where the market is hot."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from htpy import Element, Node, a, div, h3, li, p, ul

from estate.console import text
from estate.console.charts import Bar, Estimate, bars, drawn, intervals, tone_of
from estate.console.page import Sheet, View, page
from estate.console.pages.calls import skips_table
from estate.console.parts import Column, attempt, badge, card, listing, long, note, person, reasons, stat, stats
from estate.console.scores import not_enough, written
from estate.sdk import Estate
from estate.sdk.models.agent import AgentRank
from estate.sdk.models.behavior import Pipeline, PipelineStage
from estate.sdk.models.client import BandQuality, Foretold, Quality
from estate.sdk.models.market import AreaHeat

__all__ = ["foretold_words", "needing_help", "overview"]

MANY_OPEN = 5
MANY_TIMES = 2
HOT_AREAS = 3
HOT_BANDS = frozenset({"very hot", "hot"})


@page("/overview")
def overview(estate: Estate, view: View) -> Sheet:
    """Show agents, scores, skips and areas; each part stands by itself."""
    if not view.leads:
        told = note("The overview is for managers and administrators. ", a(href="/")["Go to your own work"])
        return Sheet("Not yours to see", card("For those who lead", told))
    return Sheet(
        "Overview",
        [
            attempt(lambda: _pipeline(estate.behavior.pipeline())),
            attempt(lambda: _agents(tuple(estate.agent.rankings()))),
            attempt(lambda: _scores(estate.client.quality())),
            div(".columns")[
                card("What skips led to", attempt(lambda: skips_table(estate.client.skip_reasons()))),
                card(
                    "Hottest areas",
                    attempt(lambda: _areas(estate.market.heatmap().items)),
                    aside=a(href="/market")["All areas"],
                ),
            ],
        ],
    )


def needing_help(ranks: Sequence[AgentRank]) -> list[tuple[AgentRank, str]]:
    """Return agents who win less than their clients lead to expect, or have far more open deals than others, and why.

    Only an interval that lies wholly below 1, the average, counts as winning less.
    """
    open_deals = [one.open_deals for one in ranks if one.open_deals is not None]
    many = max(MANY_OPEN, MANY_TIMES * median(open_deals)) if open_deals else 0
    found = []
    for one in ranks:
        below = one.status == "ok" and one.upper is not None and one.upper < 1
        busy = one.open_deals is not None and one.open_deals >= many
        why = [
            "Wins less than such clients lead to expect." if below else "",
            f"Has {one.open_deals} open deals; {median(open_deals):.0f} are usual." if busy else "",
        ]
        if any(why):
            found.append((one, " ".join(filter(None, why))))
    return found


def foretold_words(told: Foretold) -> list[str]:
    """Say in words how well scores foretold outcomes."""
    said = []
    if told.auc is not None:
        said.append(
            f"Of a won and a lost deal, the won one had the higher score in {told.auc * 100:.0f} of 100 pairs; "
            "by chance it would be 50."
        )
    if told.brier is not None and told.share_won is not None:
        plain = told.share_won * (1 - told.share_won)
        against = 1 - told.brier / plain if plain else 0.0
        than = "less" if against >= 0 else "more"
        said.append(
            f"The squared error is {told.brier:.3f}: {abs(against) * 100:.0f} % {than} than by giving everybody "
            f"the share won, {text.percent(told.share_won)} ({plain:.3f})."
        )
    return said


def _pipeline(found: Pipeline) -> Node:
    """Draw the open deals stage by stage, and say where they stand still."""
    if not found.n:
        return card("Pipeline", note("No deal is open. ", a(href="/deals")["All deals"]))
    stale = sum(one.n_stale for one in found.items)
    sentence = (
        f"{text.number(found.n)} deals are open; {text.number(stale)} of them have stood in their stage for more than "
        f"{found.stale_days} days."
    )
    rows = [
        Bar(text.words(one.stage), one.n, f"{one.n} ({one.n_stale} old)", href=_of_stage(one.stage))
        for one in found.items
    ]
    numbers = [
        (text.words(one.stage), text.number(one.n), text.number(one.n_stale), text.number(one.n_undated), _worth(one))
        for one in found.items
    ]
    heads = ("Stage", "Open deals", f"Older than {found.stale_days} days", "Nobody dated", "Value")
    stages = ul(".plain.row")[[li[a(href=_of_stage(one.stage))[text.words(one.stage)]] for one in found.items if one.n]]
    picture = drawn("Open deals by stage", sentence, bars(rows, sentence), heads, numbers, "pipeline")
    return card("Pipeline", picture, stages, note(found.why))


def _of_stage(stage: str) -> str:
    return f"/deals?outcome=open&stage={stage}"


def _worth(one: PipelineStage) -> str:
    return ", ".join(text.money(value.value, value.currency) for value in one.values) or text.DASH


def _agents(ranks: Sequence[AgentRank]) -> Node:
    if not ranks:
        return card("Agents", note("There are no agents yet. ", a(href="/imports")["Import them"], " to begin."))
    seen = [one for one in ranks if one.n is not None]
    judged = [one for one in seen if one.status == "ok" and one.score is not None]
    return [
        stats(
            stat("Agents", a(href="/agents")[text.number(len(ranks))], _seen(ranks, seen, judged)),
            stat("Closed deals", text.number(sum(one.n or 0 for one in judged)), "behind the ranking"),
        ),
        _leaders(judged),
        _help(ranks),
    ]


def _seen(ranks: Sequence[AgentRank], seen: Sequence[AgentRank], judged: Sequence[AgentRank]) -> str:
    """Say of how many agents there are figures; those of other teams are not told."""
    told = "" if len(seen) == len(ranks) else f"{len(seen)} of them yours to see, "
    return f"{told}{len(judged)} with enough closed deals"


def _leaders(judged: Sequence[AgentRank]) -> Node:
    if not judged:
        return card("How agents do", not_enough("No agent has enough closed deals to be compared."))
    drawn_of = [one for one in judged if one.lower is not None and one.upper is not None and one.score is not None]
    items = [
        Estimate(
            one.name or "No name",
            one.lower or 0.0,
            one.score or 0.0,
            one.upper or 0.0,
            f"{one.score:.2f}",
            tone_of(one.lower, one.upper),
            f"/agents/{one.agent_id}",
        )
        for one in drawn_of
    ]
    sentence = _compared(judged)
    rows = [
        (one.name or "No name", f"{one.score:.2f}", f"{one.lower:.2f}", f"{one.upper:.2f}", text.number(one.n))
        for one in drawn_of
    ]
    picture = intervals(items, sentence, reference=1.0)
    heads = ("Agent", "Won over expected", "From", "To", "Closed deals")
    return card(
        "How agents do",
        drawn("Won over expected", sentence, picture, heads, rows, "agents"),
        aside=a(href="/agents")["All agents"],
    )


def _compared(judged: Sequence[AgentRank]) -> str:
    """Say how many agents are surely above or below what their clients lead to expect."""
    above = [one.name or "No name" for one in judged if tone_of(one.lower, one.upper) == "good"]
    below = [one.name or "No name" for one in judged if tone_of(one.lower, one.upper) == "bad"]
    unsure = len(judged) - len(above) - len(below)
    said = [
        "1 is what the clients served lead to expect.",
        f"Surely above it: {', '.join(above) or 'nobody'}.",
        f"Surely below it: {', '.join(below) or 'nobody'}.",
        f"The intervals of {unsure} reach across it: they may be average." if unsure else "",
    ]
    return " ".join(filter(None, said))


def _help(ranks: Sequence[AgentRank]) -> Element:
    found = needing_help(ranks)
    if not found:
        return card(
            "Who needs help",
            note("Nobody wins surely less than expected, and nobody has far more open deals than the others."),
        )
    rows = [
        li[
            h3[person(one.name, f"/agents/{one.agent_id}")],
            p[why, " ", _open(one)],
            reasons(said.text for said in one.reasons),
        ]
        for one, why in found
    ]
    return card("Who needs help", ul(".entries")[rows])


def _open(one: AgentRank) -> Node:
    return a(href=f"/deals?agent_id={one.agent_id}&outcome=open")["See the open deals"] if one.open_deals else None


def _scores(quality: Quality) -> Element:
    """Show what became of scored deals; before any has closed, how the score did on deals it had not seen."""
    if quality.status == "ok":
        about = f"Deals closed in the last {quality.window_days} days, by the score their client had at the opening."
        return card("Did the scores come true?", note(about), _bands(quality.bands, quality.foretold, "score-bands"))
    trained = next((one for one in quality.trainings if one.active and one.kind == "qualification"), None)
    past: Node = None
    if trained is not None and trained.foretold.n:
        past = [
            p[
                f"Until then: how it did on {trained.foretold.n} past deals that it had not seen, when trained on ",
                text.moment(trained.trained_at),
                ".",
            ],
            _bands(trained.bands, trained.foretold, "score-bands"),
        ]
    return card("Did the scores come true?", not_enough(quality.why), past)


def _bands(bands: Sequence[BandQuality], told: Foretold, name: str) -> Node:
    seen = [one for one in bands if one.n and one.share_won is not None]
    if not seen:
        return note("No deal of any band has closed.")
    items = [
        Estimate(
            text.words(one.band),
            (one.lower or 0.0) * 100,
            (one.share_won or 0.0) * 100,
            (one.upper or 0.0) * 100,
            f"{one.won} of {one.n}",
        )
        for one in seen
    ]
    sentence = _came_true(seen)
    rows = [
        (
            text.words(one.band),
            text.number(one.n),
            text.number(one.won),
            text.percent(one.share_won),
            text.percent_span(one.lower, one.upper),
            text.percent(one.mean_score),
        )
        for one in seen
    ]
    heads = ("Band", "Deals", "Won", "Share won", "90 % interval", "Mean score")
    return [
        drawn("Share won by band", sentence, intervals(items, sentence, unit=" %"), heads, rows, name),
        [p[said] for said in foretold_words(told)],
    ]


def _came_true(bands: Sequence[BandQuality]) -> str:
    """Say what share each band won, and which neighbours the data do not tell apart."""
    won = ", ".join(f"{one.band} {written(one.share_won, one.lower, one.upper)}, n = {one.n}" for one in bands)
    alike = [
        f" {text.words(one.band)} and {below.band} cannot be told apart."
        for one, below in pairwise(bands)
        if (one.lower or 0.0) <= (below.upper or 1.0)
    ]
    return f"Won: {won}.{''.join(alike)}"


def _areas(areas: Sequence[AreaHeat]) -> Node:
    columns = [
        Column[AreaHeat]("Area", lambda one: person(one.area_name, f"/market/{one.area_id}")),
        Column[AreaHeat]("Heat", lambda one: [text.number(one.heat_score), " ", badge(one.heat_band)], numeric=True),
        Column[AreaHeat]("Confidence", lambda one: text.percent(one.confidence), numeric=True),
        Column[AreaHeat]("Why", lambda one: long(one.why)),
    ]
    known = [one for one in areas if one.confidence > 0]
    hot = [one for one in known if one.heat_band in HOT_BANDS]
    none = "No area is hot now." if known else "No area has figures yet. Import snapshots of the market."
    return listing("Hottest areas", columns, hot[:HOT_AREAS], empty=none)
