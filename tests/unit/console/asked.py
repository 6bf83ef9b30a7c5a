"""Stands in for the API: what pages ask is kept, what they get was made by hand."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
from htpy import div

from estate.console.page import Sheet, View
from estate.sdk import Estate
from estate.sdk.models.house import Me

AGENT = "11111111-1111-4111-8111-111111111111"
CLIENT = "22222222-2222-4222-8222-222222222222"
OTHER = "33333333-3333-4333-8333-333333333333"
NOW = "2026-11-27T08:00:00Z"
HOSTILE = "<script>alert(1)</script>"


class Api:
    """Answers by method and path, or by path alone, and keeps what was asked; what has no answer is not found."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        path = request.url.path
        answer = self.answers.get(f"{request.method} {path}", self.answers.get(path))
        if isinstance(answer, httpx2.Response):
            return answer
        if answer is None:
            problem = {"type": "urn:estate:problem:not-found", "title": "Not found", "status": 404, "detail": "Gone."}
            return httpx2.Response(404, json=problem, headers={"content-type": "application/problem+json"})
        return httpx2.Response(200, json=answer)

    @property
    def estate(self) -> Estate:
        return Estate("http://api", api_key="k", retries=0, http=httpx2.MockTransport(self))

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.asked]

    @property
    def last_key(self) -> str | None:
        return self.asked[-1].headers.get("idempotency-key")

    def sent(self) -> dict[str, Any]:
        """Return the body of the last call."""
        body: dict[str, Any] = json.loads(self.asked[-1].content)
        return body

    def query(self, path: str) -> dict[str, str]:
        """Return the parameters of the last call of a path."""
        return dict(next(one for one in reversed(self.asked) if one.url.path == path).url.params)


def view(path: str, role: str = "agent", params: Mapping[str, str] | None = None, **query: str) -> View:
    agent_id = AGENT if role == "agent" else None
    me = Me.model_validate({"caller": "u", "role": role, "agent_id": agent_id, "team_id": None, "name": "Tessa"})
    return View(path, me, params or {}, query)


def page_of(*items: Any, **more: Any) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": None, **more}


def drawn(sheet: Sheet) -> str:
    """Return the HTML of a page without its shell."""
    return str(div[sheet.content])
