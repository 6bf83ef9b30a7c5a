"""System: whether the platform is well, its work, its models, who may use it, and rows that were refused."""

from collections.abc import Sequence

from htpy import Node, a, br, code, details, div, nav, p, pre, span, summary

from estate.console import text
from estate.console.page import Sheet, View, page
from estate.console.parts import (
    Column,
    badge,
    card,
    choice,
    entry,
    facts,
    filters,
    listing,
    note,
    pager,
    stat,
    stats,
)
from estate.console.scores import written
from estate.sdk import Estate
from estate.sdk.models.base import Page
from estate.sdk.models.client import BandQuality, Foretold, Training
from estate.sdk.models.gpt import Policy
from estate.sdk.models.house import Readiness, RejectedRow
from estate.sdk.models.system import FailedJob, InHand, Jobs, Key, LastRun, Models, ModelStanding, Queue, Queues, User

__all__ = ["rejected", "system"]

LIVE_S = 5.0
LATE_S = 300.0
FAILURES = 20
NEWEST = 5
PAGE_ROWS = 25
MOST_SHOWN = 2_000
LAYERS = {
    "": "Any",
    "market": "Market",
    "agent": "Agents",
    "client": "Clients",
    "property": "Properties",
    "behavior": "Behavior",
}
NONE_REFUSED = "No row was refused."
RUNS = {"sweep": "Looked at all work", "retain": "Forgot what is past its retention"}
STATES = {
    "active": ("active", "good"),
    "replaced": ("replaced, good until it expires", "warn"),
    "expired": ("expired", ""),
    "revoked": ("revoked", "bad"),
    "no_password": ("no password yet", "warn"),
    "disabled": ("disabled", "bad"),
}
PARTS = (("#health", "Health"), ("#queues", "Work"), ("#models", "Models"), ("#keys", "Keys"), ("#users", "Users"))


@page("/system")
def system(estate: Estate, view: View) -> Sheet:
    """Show the whole platform at a glance; it is built anew every few seconds until somebody stops that."""
    is_live = view.get("live") != "off"
    queues, refused = estate.system.queues(), estate.ingest.rejected(limit=NEWEST).first()
    content = [
        _parts(is_live=is_live),
        _health(estate.readyz(), queues),
        _queues(queues),
        _jobs(estate.system.jobs(limit=FAILURES)),
        _models(estate.system.models()),
        _ranking(estate.gpt.ranking()),
        card(
            "Rows that were refused",
            _refused(refused),
            p[a(href="/system/rejected")["All refused rows"]] if len(refused) else None,
            id="rejected",
        ),
        _keys(tuple(estate.system.keys())),
        _users(tuple(estate.system.users())),
    ]
    return Sheet("System", content, LIVE_S if is_live else None)


@page("/system/rejected")
def rejected(estate: Estate, view: View) -> Sheet:
    """List rows that came in and were refused, with their bytes."""
    found = estate.ingest.rejected(
        layer=view.get("layer"), batch_id=view.get("batch_id"), cursor=view.get("cursor"), limit=PAGE_ROWS
    ).first()
    none = "No refused row matches. Clear a filter." if any(view.query.values()) else NONE_REFUSED
    return Sheet(
        "Rows that were refused",
        [
            p[a(href="/system")["Back to System"]],
            filters(
                view.path,
                choice("layer", "Records", LAYERS, view.get("layer")),
                entry("batch_id", "Batch", view.get("batch_id")),
                query=view.query,
            ),
            card(
                "Refused rows",
                note("Mend them where they come from, then ", code["estate rejected replay"], "."),
                _refused(found, none),
                pager(view.path, view.query, found),
            ),
        ],
    )


def _parts(*, is_live: bool) -> Node:
    links = [a(href=at)[name] for at, name in PARTS]
    said, change = ("This page is live.", a(href="/system?live=off")["Stop updating"])
    if not is_live:
        said, change = ("This page stands still.", a(href="/system")["Update it live"])
    return [nav(".row.parts", aria_label="On this page")[links], p(".note")[said, " ", change]]


# Health


def _health(ready: Readiness, queues: Queues) -> Node:
    is_well = ready.status == "ready"
    swept = queues.sweep_age_s
    return div("#health")[
        stats(
            stat("API", _verdict(is_well, ready.status), "Takes and answers requests." if is_well else _DOCTOR),
            stat("Database", _verdict(ready.database == "ok", ready.database)),
            stat("Redis", _verdict(ready.redis == "ok", ready.redis), _redis(ready.redis)),
            stat("Workers", _workers(swept), _swept(swept)),
        )
    ]


_DOCTOR = ["Run ", code["estate doctor"], ": it says what is wrong."]


def _verdict(is_good: bool, said: str) -> Node:
    return badge(said, "good" if is_good else "warn")


def _redis(state: str) -> Node:
    return None if state == "ok" else ["Everything is still taken and answered, only later. ", *_DOCTOR]


def _workers(swept_s: float | None) -> Node:
    is_good = swept_s is not None and swept_s < LATE_S
    return _verdict(is_good, "at work" if is_good else "not seen")


def _swept(swept_s: float | None) -> Node:
    if swept_s is None:
        return ["None ever looked at the work. ", *_DOCTOR]
    said = f"Looked at all work {_age(swept_s)} ago."
    return said if swept_s < LATE_S else [said, " ", *_DOCTOR]


def _age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else text.hours(seconds / 3_600)


# Work


def _queues(found: Queues) -> Node:
    busy = [one for one in found.items if one.waiting or one.failed]
    columns = [
        Column[Queue]("Work", lambda one: code[one.topic]),
        Column[Queue]("Waiting", lambda one: text.number(one.waiting), numeric=True),
        Column[Queue]("Oldest", lambda one: _age(one.oldest_s) if one.oldest_s else text.DASH, numeric=True),
        Column[Queue]("Given up", _given_up, numeric=True),
        Column[Queue]("Why", lambda one: one.reason or text.DASH),
    ]
    idle = len(found.items) - len(busy)
    return card(
        "Work that waits",
        p[_queue_words(found)],
        _what_to_do(found),
        listing("Work that waits", columns, busy, empty="Nothing waits, and nothing was given up."),
        note(f"{idle} other kinds of work have nothing to do.") if busy and idle else None,
        id="queues",
    )


def _given_up(one: Queue) -> Node:
    return badge(text.number(one.failed), "bad") if one.failed else "0"


def _queue_words(found: Queues) -> str:
    oldest = f", the oldest for {_age(found.oldest_s)}" if found.oldest_s else ""
    failed = f"{text.number(found.failed)} given up" if found.failed else "none given up"
    return f"{text.number(found.waiting)} waiting{oldest}; {failed}."


def _what_to_do(found: Queues) -> Node:
    """Say what to do where work does not go on by itself."""
    if found.failed:
        return note("Mend the cause, then ", code["estate work --revive"], " tries again what was given up.")
    if found.oldest_s > LATE_S:
        return note("Work is late: ", code["estate doctor"], " says why. More workers help where it is just much.")
    return None


def _jobs(found: Jobs) -> Node:
    runs = [
        Column[LastRun]("Run", lambda one: RUNS.get(one.name, text.words(one.name))),
        Column[LastRun]("Last", lambda one: text.moment(one.last_at) if one.last_at else badge("never", "warn")),
    ]
    in_hand = [
        Column[InHand]("Work", lambda one: code[one.topic]),
        Column[InHand]("Rows", lambda one: text.number(one.rows), numeric=True),
        Column[InHand]("Since", lambda one: text.moment(one.since)),
    ]
    failed = [
        Column[FailedJob]("Work", lambda one: code[one.topic]),
        Column[FailedJob]("About", lambda one: code[one.key]),
        Column[FailedJob]("Error", lambda one: one.error or text.DASH),
        Column[FailedJob]("Tries", lambda one: text.number(one.attempts), numeric=True),
        Column[FailedJob]("Next", _next),
        Column[FailedJob]("Request", lambda one: one.request_id or text.DASH),
    ]
    idle = "No worker has work in hand."
    return [
        div(".columns")[
            card("Runs", listing("Runs", runs, found.runs), id="runs"),
            card("In hand", listing("In hand", in_hand, found.in_hand, empty=idle), id="jobs"),
        ],
        card("Failed", listing("Failed", failed, found.failed, empty="Nothing failed."), id="failed"),
    ]


def _next(one: FailedJob) -> Node:
    return badge("given up", "bad") if one.given_up else text.moment(one.next_at)


# Models


def _models(found: Models) -> Node:
    columns = [
        Column[ModelStanding]("Model", lambda one: text.words(one.kind)),
        Column[ModelStanding]("Answers from", _answers),
        Column[ModelStanding]("Trained", lambda one: text.moment(one.training.trained_at if one.training else None)),
        Column[ModelStanding]("n", lambda one: text.number(one.training.n if one.training else None), numeric=True),
        Column[ModelStanding]("Verdict", lambda one: one.training.verdict if one.training else text.DASH),
        Column[ModelStanding]("Quality", lambda one: _quality(one.training)),
        Column[ModelStanding]("Behind by", _behind),
    ]
    judged = [one.training for one in found.items if one.training is not None and one.training.foretold.n]
    meant = "AUC: 50 % is chance, 100 % never errs; its folds were judged on deals that they had not seen."
    return [
        card(
            "Models",
            listing("Models", columns, found.items, empty="No kind of model is known."),
            note(meant) if judged else None,
            id="models",
        ),
        *map(_bands, judged),
        _trainings(found.trainings),
    ]


def _answers(one: ModelStanding) -> Node:
    return badge("trained model", "good") if one.answers == "model" else badge("scorecard", "warn")


def _behind(one: ModelStanding) -> Node:
    deals = f"{text.number(one.unlearned)} {'deal' if one.unlearned == 1 else 'deals'}"
    return [deals, " ", badge("stale", "warn"), br, code["estate models train"]] if one.stale else deals


def _quality(training: Training | None) -> Node:
    if training is None:
        return "Not enough deals were learned from yet."
    if not training.foretold.n:
        return note("Not enough deals to judge it by.")
    if training.foretold.auc is None:
        return note("Not enough deals of both outcomes.")
    return f"AUC {text.percent(training.foretold.auc)}{_folds(training.folds)}"


def _folds(folds: Sequence[Foretold]) -> str:
    """Write from where to where a figure goes over the folds."""
    known = [one.auc for one in folds if one.auc is not None]
    if not known:
        return ""
    return f" ({text.percent_span(min(known), max(known))} over {len(known)} folds)"


def _bands(training: Training) -> Node:
    title = f"What became of the bands of {text.words(training.kind).lower()}"
    columns = [
        Column[BandQuality]("Band", lambda one: text.words(one.band)),
        Column[BandQuality]("Deals", lambda one: text.number(one.n), numeric=True),
        Column[BandQuality]("Won", lambda one: text.number(one.won), numeric=True),
        Column[BandQuality]("Foretold", lambda one: text.percent(one.mean_score), numeric=True),
        Column[BandQuality]("Came true", _came_true, numeric=True),
    ]
    return card(title, listing(title, columns, training.bands, empty="No deal closed in any band yet."))


def _came_true(one: BandQuality) -> str:
    if one.share_won is None or one.lower is None or one.upper is None:
        return "not enough data"
    return written(one.share_won, one.lower, one.upper)


def _trainings(found: Sequence[Training]) -> Node:
    columns = [
        Column[Training]("Model", lambda one: text.words(one.kind)),
        Column[Training]("Trained", lambda one: text.moment(one.trained_at)),
        Column[Training]("From deals until", lambda one: text.day_of(one.window_to)),
        Column[Training]("n", lambda one: text.number(one.n), numeric=True),
        Column[Training]("Verdict", lambda one: one.verdict),
        Column[Training]("In force", lambda one: badge("in force", "good") if one.active else text.DASH),
    ]
    return card("Latest trainings", listing("Latest trainings", columns, found, empty="Nothing was trained yet."))


def _ranking(policy: Policy) -> Node:
    """Tell by which weights the assistant ranks, and what they were promoted for."""
    before = {None: text.DASH, 0: "built in"}.get(policy.before, f"version {policy.before}")
    return card(
        "How the assistant ranks",
        facts(
            {
                "Weights": f"Version {policy.version}" if policy.version else "Built in",
                "Before them": before,
                "Why": text.words(policy.why),
                "Gain": _gain(policy.gain),
                "Lower end of its 90 % interval": _gain(policy.gain_lower),
                "Judged replies": text.number(policy.n),
            }
        ),
        note("Gain: how much nearer to the top it brings what helped, as 1 / log2(1 + place). No gain, no promotion."),
        id="ranking",
    )


def _gain(value: float | None) -> str:
    return text.DASH if value is None else f"{value:+.3f}"


# Refused rows


def _refused(rows: Page[RejectedRow], empty: str = NONE_REFUSED) -> Node:
    columns = [
        Column[RejectedRow]("Records", lambda one: LAYERS.get(one.layer, one.layer)),
        Column[RejectedRow]("Row", lambda one: text.number(one.row_number), numeric=True),
        Column[RejectedRow]("Status", lambda one: badge(text.words(one.status), "bad")),
        Column[RejectedRow]("Why", lambda one: one.reason),
        Column[RejectedRow]("Came", lambda one: text.moment(one.received_at)),
        Column[RejectedRow]("Replayed", lambda one: text.moment(one.replayed_at)),
        Column[RejectedRow]("Batch", _batch),
        Column[RejectedRow]("As it came", _raw),
    ]
    return listing("Refused rows", columns, rows, empty=empty)


def _batch(one: RejectedRow) -> Node:
    return a(href=f"/system/rejected?batch_id={one.batch_id}")[str(one.batch_id)[:8]]


def _raw(one: RejectedRow) -> Node:
    cut = len(one.raw) > MOST_SHOWN
    size = "" if one.raw_bytes is None else f" {one.raw_bytes:,}"
    whole = note(f"The beginning; all{size} bytes are kept for a replay.") if cut else None
    return details[summary["Show"], pre(".raw", dir="auto")[one.raw[:MOST_SHOWN]], whole]


# Who may use it


def _keys(found: Sequence[Key]) -> Node:
    columns = [
        Column[Key]("Key", lambda one: [span(dir="auto")[one.name], note(one.key_id)]),
        Column[Key]("Role", lambda one: text.words(one.role)),
        Column[Key]("Of", lambda one: span(dir="auto")[one.owner or text.DASH]),
        Column[Key]("State", lambda one: _state(one.state)),
        Column[Key]("Made", lambda one: text.moment(one.created_at)),
        Column[Key]("Last used", lambda one: text.moment(one.last_used_at)),
        Column[Key]("Expires", lambda one: text.moment(one.expires_at)),
    ]
    empty = "There are no API keys: “estate keys create” makes one."
    return card("API keys", listing("API keys", columns, found, empty=empty), id="keys")


def _users(found: Sequence[User]) -> Node:
    columns = [
        Column[User]("User", lambda one: [span(dir="auto")[one.name or "No name"], note(one.email)]),
        Column[User]("Role", lambda one: text.words(one.role)),
        Column[User]("Team", lambda one: span(dir="auto")[one.team or text.DASH]),
        Column[User]("State", lambda one: _state(one.state)),
        Column[User]("Last here", lambda one: text.moment(one.last_session_at)),
        Column[User]("Since", lambda one: text.moment(one.created_at)),
    ]
    empty = "Nobody may log in yet: “estate users create” lets somebody."
    return card("Users", listing("Users", columns, found, empty=empty), id="users")


def _state(state: str) -> Node:
    said, tone = STATES.get(state, (text.words(state), ""))
    return badge(said, tone)
