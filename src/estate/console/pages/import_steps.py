"""One import, step by step: what was found, what is to be said, the rows, taking them, taking them back."""

import datetime as dt
from collections.abc import Sequence

from htpy import (
    Node,
    a,
    div,
    li,
    ol,
    p,
    progress,
)

from estate.console import text
from estate.console.page import Sheet, View, page
from estate.console.pages import import_words as words
from estate.console.pages.import_found import columns, found_out, questions, whose
from estate.console.pages.import_rows import rows_of
from estate.console.parts import (
    action,
    badge,
    card,
    note,
    stat,
    stats,
    submit,
)
from estate.sdk import Estate
from estate.sdk.models.agent import Agent
from estate.sdk.models.imports import Import

__all__ = ["one_import"]

PAGE_ROWS = 25
AGENTS = 200
LIVE_S = 2.0
BUSY = ("committing", "undoing")


@page("/imports/{import_id}")
def one_import(estate: Estate, view: View) -> Sheet:
    """Lead through one import."""
    found = estate.imports.get(view.params["import_id"])
    rows = estate.imports.rows(
        found.import_id, status=view.get("status"), cursor=view.get("cursor"), limit=PAGE_ROWS
    ).first()
    agents = _agents(estate, found, view.me.role)
    now = [_where(found), _progress(found), _questions_first(found, agents, view), _undoing(found)]
    read_as = [found_out(found, agents), columns(found)]
    listed = rows_of(found, rows, view)
    content = [now, read_as, listed] if found.state == "read" else [now, listed, read_as]
    return Sheet(found.filename, content, LIVE_S if found.state in BUSY else None)


def _agents(estate: Estate, found: Import, role: str) -> Sequence[Agent]:
    """Return who new clients may be given to; agents bring clients of their own."""
    if found.state != "read" or found.kind != "clients" or role == "agent":
        return ()
    return tuple(estate.agent.query(limit=AGENTS).first())


def _questions_first(found: Import, agents: Sequence[Agent], view: View) -> Node:
    if found.state == "read" and found.questions:
        return questions(found)
    is_asked = found.state == "read" and view.me.role == "manager" and not _names_agents(found)
    return [whose(found, agents) if is_asked else None, _taking(found, view.me.role)]


def _names_agents(found: Import) -> bool:
    return found.owner_agent_id is not None or any(one.target == "owner_agent_id" for one in found.columns)


# Where it stands


def _where(found: Import) -> Node:
    said, tone = words.STATES.get(found.state, (text.words(found.state), ""))
    at = {"read": 1, "committing": 2, "committed": 3, "undoing": 3, "undone": 4}.get(found.state, 1)
    steps = ("Bring the file", "Check what was found", "Take the rows", "Taken", "Taken back")
    drawn = [
        li(aria_current="step" if place == at else None, class_="done" if place < at else None)[name]
        for place, name in enumerate(steps if found.state in ("undoing", "undone") else steps[:4])
    ]
    when = [text.moment(found.created_at), " · ", badge(said, tone)]
    return [p[words.kind_words(found.kind), ", brought ", when], ol(".steps", aria_label="Steps")[drawn]]


def _progress(found: Import) -> Node:
    if found.state == "committing":
        total, left = found.counts["read"], found.counts["waiting"]
        return _bar("Rows taken", total - left, total, "The rows are being taken. You may leave: it goes on by itself.")
    if found.state == "undoing":
        back = found.undo
        done = back.restored + back.removed + back.kept
        return _bar("Records taken back", done, done + back.waiting, "You may leave: it goes on by itself.")
    return None


def _bar(title: str, done: int, total: int, said: str) -> Node:
    of = f"{text.number(done)} of {text.number(total)}"
    return card(title, progress(value=str(done), max=str(max(total, 1)), aria_label=title), p[of], note(said))


# Taking


def _taking(found: Import, role: str) -> Node:
    if found.state == "committed":
        return _taken(found)
    if found.state != "read":
        return None
    ready = found.counts["waiting"]
    if found.kind is not None and found.kind not in words.kinds_of(role):
        said = f"Your role takes clients only. Ask an administrator to bring {words.kind_words(found.kind).lower()}."
        return card("Take the rows", note(said), id="take")
    if not ready:
        said = "No row is ready: mend the rejected ones below, or read the file in another way."
        return card("Take the rows", note(said), _rejected(found), id="take")
    return card(
        "Take the rows",
        p[f"{text.number(ready)} of {words.rows(found.counts['read'])} {'is' if ready == 1 else 'are'} ready."],
        note("A row that says what is stored already changes nothing. An empty cell clears nothing."),
        _rejected(found),
        action(
            "import_commit",
            div(".row")[submit(f"Take {words.rows(ready)}", kind="primary big")],
            import_id=found.import_id,
        ),
        id="take",
    )


def _rejected(found: Import) -> Node:
    """Lead to the rows that nobody takes as they are."""
    n = found.counts["rejected"]
    if not n:
        return None
    rows = a(href=f"/imports/{found.import_id}?status=rejected#rows")[f"{text.number(n)} rejected"]
    return p[rows, " and not taken: each can be mended."]


def _taken(found: Import) -> Node:
    counts = found.counts
    said = f"{text.number(counts['created'])} created, {text.number(counts['updated'])} updated."
    if not _changed(found):
        stored = "Nothing changed: every row that was taken says what is stored already."
        said = stored if counts["unchanged"] else "No row was taken."
    return card(
        "Taken",
        p["Taken ", text.moment(found.committed_at), "."],
        p[said],
        _unchanged(found),
        _rejected(found),
        id="take",
    )


def _changed(found: Import) -> int:
    return found.counts["created"] + found.counts["updated"]


def _unchanged(found: Import) -> Node:
    n = found.counts["unchanged"]
    rows = a(href=f"/imports/{found.import_id}?status=unchanged#rows")[f"{text.number(n)} unchanged"]
    return p[rows, ": stored as they are already."] if n else None


# Taking back


def _undoing(found: Import) -> Node:
    if found.state == "undone":
        return _undone(found)
    if found.state != "committed":
        return None
    if not _changed(found):
        return card("Undo", note("This import changed no record: there is nothing to take back."), id="undo")
    until = found.undo_until
    if until is not None and until < dt.datetime.now(dt.UTC):
        return card("Undo", note("The former states of its records are no longer kept."), id="undo")
    limit = ["Possible until ", text.moment(until), "."] if until is not None else ["Possible for good."]
    return card(
        "Undo",
        p["Records that this import created are removed, those that it changed are as before. What somebody changed "
          "since, or what other records refer to by now, stays; its rows say so."],
        note(limit),
        action("import_undo", div(".row")[submit("Undo the whole import", kind="danger")], import_id=found.import_id),
        id="undo",
    )  # fmt: skip


def _undone(found: Import) -> Node:
    back = found.undo
    kept = "Changed since, or referred to: their rows say why." if back.kept else "Nothing stood in the way."
    return card(
        "Taken back",
        stats(
            stat("Restored", text.number(back.restored), "Records that are as before."),
            stat("Removed", text.number(back.removed), "Records that were new."),
            stat("Kept", text.number(back.kept), kept),
        ),
        p["Taken back ", text.moment(found.undone_at), "."],
        p["The same file may be ", a(href="/imports")["brought again"], "."],
        id="undo",
    )
