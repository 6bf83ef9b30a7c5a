"""The assistant: a question, and the answer sentence by sentence while it is made."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import htpy
from fastapi import FastAPI, Request
from htpy import Element, Node, a, button, div, form, label, li, p, span, strong, textarea, ul
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from estate.console import problems
from estate.console.page import Sheet, View, page
from estate.console.parts import card, choice, with_query
from estate.console.records import agent_names
from estate.console.session import estate_of, session_of
from estate.console.units import find_unit, title_of
from estate.sdk import Estate, EstateError
from estate.sdk.errors import Conflict
from estate.sdk.models.gpt import Reply

__all__ = ["Asked", "assistant", "examples", "register", "told"]

STILL_ANSWERED = "This question is being answered already. Ask again in a moment: it is not answered twice."
NAMED = ("client_id", "unit", "agent_id")
GENERAL = (
    "Whom should I call first today?",
    "Which areas are rising?",
    "Which available two-bedroom apartments are there?",
)
ABOUT_CLIENT = (
    "What should I do next with this client?",
    "Which available unit suits this client?",
    "The client says it is too expensive. What do I answer?",
)
ABOUT_UNIT = (
    "Is the price of this unit fair?",
    "What is the payment plan of this unit?",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its context."""

    question: str
    agent_id: str
    client_id: str | None
    unit: str | None


def register(app: FastAPI) -> None:
    """Serve the answer while it is made."""
    app.post("/assistant/ask")(_ask)


# ---------------------------------------------------------------------------------------------------------- the page
@page("/assistant")
def assistant(estate: Estate, view: View) -> Sheet:
    """Ask a question, about a client and a unit where they are chosen."""
    if view.agent_id is None:
        return Sheet("Assistant", _choose_agent(estate, view))
    context = {name: value for name in NAMED if (value := view.get(name))}
    return Sheet(
        "Assistant",
        [
            card("Ask", _context(estate, view, context), _form(view), aside=_answers_from()),
            card("Questions to begin with", ul(".plain")[[_example(one, context) for one in examples(context)]]),
            # What comes is read out sentence by sentence, as it is drawn.
            div("#answer", role="log", aria_live="polite", aria_label="Answer"),
        ],
    )


def _answers_from() -> Node:
    return span(".note")["Every figure and name in an answer comes from a record that it cites."]


def _choose_agent(estate: Estate, view: View) -> Node:
    names = agent_names(estate)
    if not names:
        empty = "There are no agents yet. Bring your agents, then ask on behalf of one of them."
        return card("For which agent?", p[empty], a(".button.primary", href="/imports")["Import a file"])
    kept = [htpy.input(type="hidden", name=name, value=view.get(name)) for name in _kept_by_choice(view)]
    return card(
        "For which agent?",
        p["Answers use what an agent may see: the agent's clients, calls and figures. Choose for whom you ask."],
        form(".filters", method="get", action="/assistant")[
            kept, choice("agent_id", "Agent", names), div(".row")[button(".primary", type="submit")["Choose"]]
        ],
    )


def _kept_by_choice(view: View) -> list[str]:
    return [name for name in ("client_id", "unit", "question") if view.get(name)]


def _context(estate: Estate, view: View, context: Mapping[str, str]) -> Node:
    """Say for whom, about whom and about which unit is asked, and let each be dropped."""
    lines = [_agent_line(estate, view), _client_line(estate, view, context), _unit_line(estate, view, context)]
    return ul(".plain.context")[lines]


def _agent_line(estate: Estate, view: View) -> Node:
    if view.me.agent_id is not None:
        return None
    found = estate.agent.query(agent_id=str(view.agent_id)).first()
    name = (found[0].name if found else None) or "an agent"
    return _line("For", f"/agents/{view.agent_id}", name, _without(view, "agent_id"), "Change")


def _client_line(estate: Estate, view: View, context: Mapping[str, str]) -> Node:
    if "client_id" not in context:
        return None
    found = estate.client.query(client_id=context["client_id"]).first()
    if not found:
        return li[
            "The client of the link is not on record, or not yours. ", a(href=_without(view, "client_id"))["Drop"]
        ]
    name = found[0].name or "Client without a name"
    return _line("About the client", f"/clients/{context['client_id']}", name, _without(view, "client_id"), "Drop")


def _unit_line(estate: Estate, view: View, context: Mapping[str, str]) -> Node:
    if "unit" not in context:
        return None
    unit = find_unit(estate, context["unit"])
    if unit is None:
        return li["The unit of the link is not on record. ", a(href=_without(view, "unit"))["Drop"]]
    where = f"/properties/{unit.property_id}"
    return _line("About the unit", where, title_of(unit.title), _without(view, "unit"), "Drop")


def _line(said: str, href: str, name: str, without: str, change: str) -> Element:
    return li[f"{said} ", strong[a(href=href, dir="auto")[name]], " ", a(".note", href=without)[change]]


def _without(view: View, name: str) -> str:
    return with_query(view.path, view.query, **{name: None})


def _form(view: View) -> Element:
    given = view.get("question")
    hidden = {"client_id": view.get("client_id"), "property": view.get("unit"), "agent_id": view.agent_id}
    # What is typed about one client shall not appear at another, nor an old draft in place of a question just chosen.
    draft = " ".join(["question", *(value for value in (view.get("client_id"), view.get("unit"), given) if value)])
    field = textarea(name="question", rows="3", required=True, maxlength="4000", dir="auto")[given or ""]
    return form(data_form="ask", data_draft=draft)[
        [htpy.input(type="hidden", name=name, value=value) for name, value in hidden.items() if value],
        label(".field")[span["Your question"], field],
        div(".row")[button(".primary.big", type="submit")["Ask"]],
        p(".outcome", role="status"),
    ]


def examples(context: Mapping[str, str]) -> tuple[str, ...]:
    """Return questions that can be answered about what is chosen."""
    about = (*(ABOUT_CLIENT if "client_id" in context else ()), *(ABOUT_UNIT if "unit" in context else ()))
    return about or GENERAL


def _example(question: str, context: Mapping[str, str]) -> Element:
    return li[a(href="/assistant?" + urlencode({**context, "question": question}))[question]]


# --------------------------------------------------------------------------------------------------------- the answer
async def _ask(request: Request) -> Response:
    """Answer in lines of JSON: each sentence once it was checked, then where the kept answer is."""
    token, key = session_of(request), request.headers.get("x-key")
    if token is None:
        return JSONResponse({"detail": "Sign in first."}, 401)
    if not key:
        return JSONResponse({"detail": "A question is sent with a key."}, 400)
    sent = await request.json()
    asked = Asked(
        str(sent.get("question") or "").strip(),
        str(sent.get("agent_id") or ""),
        sent.get("client_id") or None,
        sent.get("property") or None,
    )
    return StreamingResponse(_lines(estate_of(request), asked, key), media_type="application/x-ndjson")


async def _lines(estate: Estate, asked: Asked, key: str) -> AsyncIterator[bytes]:
    async for line in iterate_in_threadpool(told(estate, asked, key)):
        yield json.dumps(line, ensure_ascii=False).encode() + b"\n"


def told(estate: Estate, asked: Asked, key: str) -> Iterator[dict[str, str]]:
    """Yield what the page is told: sentences, then where to go, or what went wrong.

    Parameters
    ----------
    key : str
        The same key never answers twice: the answer that is kept comes again.
    """
    if not asked.agent_id:
        yield {"problem": "Choose for which agent you ask."}
        return
    try:
        for part in estate.gpt.respond_stream(
            asked.question,
            agent_id=asked.agent_id,
            client_id=asked.client_id,
            property=asked.unit,
            idempotency_key=key,
        ):
            yield {"go": f"/assistant/{part.response_id}"} if isinstance(part, Reply) else {"sentence": part.claim}
    except Conflict:
        yield {"problem": STILL_ANSWERED}
    except EstateError as error:
        yield {"problem": _problem(error)}


def _problem(error: EstateError) -> str:
    quoted = f"(request {error.request_id})" if error.request_id else ""
    fields = problems.sentences(error, {"client_input": "Your question"})
    return " ".join(part for part in (problems.said(error), *fields, problems.advice(error), quoted) if part)
