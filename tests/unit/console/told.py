"""Answers of the API about imports and the system, made by hand, and who looks at them."""

from collections.abc import Mapping
from typing import Any

from estate.console.page import View
from estate.sdk.models.house import Me

IMPORT = "33333333-0000-4000-8000-000000000001"
ME = "33333333-0000-4000-8000-000000000002"
AGENT = "33333333-0000-4000-8000-000000000003"
AT = "2026-11-27T08:00:00Z"


def view(path: str, role: str = "agent", params: Mapping[str, str] | None = None, **query: str) -> View:
    me = Me(caller=ME, role=role, agent_id=AGENT if role == "agent" else None, team_id=None, name="Somebody")
    return View(path, me, params or {}, query)


def column(at: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "column": at,
        "header": "Budget",
        "target": "budget",
        "confidence": 0.95,
        "why": "Its name says so.",
        "filled": 5,
        "decided": {},
        "decided_by": {},
        "bad_values": "refuse",
        **more,
    }


def counts(**more: int) -> dict[str, int]:
    return dict.fromkeys(("read", "waiting", "created", "updated", "unchanged", "rejected", "ignored"), 0) | more


def imported(**more: Any) -> dict[str, Any]:
    return {
        "import_id": IMPORT,
        "filename": "clients.csv",
        "state": "read",
        "kind": "clients",
        "created_by": ME,
        "created_at": AT,
        "committed_at": None,
        "undone_at": None,
        "sha256": "00",
        "size_bytes": 2048,
        "encoding": {"name": "cp1256", "sure": False, "why": "The bytes stand in runs."},
        "dialect": {"delimiter": ";", "quote": '"', "why": "Most regular."},
        "sheet": None,
        "sheets": [],
        "header_line": 3,
        "header_why": "4 of its cells are names of fields.",
        "columns": [column()],
        "questions": [],
        "source": "import-1",
        "currency": "AED",
        "observed_on": None,
        "owner_agent_id": None,
        "remembered": False,
        "counts": counts(read=36, waiting=28, rejected=2, ignored=6),
        "adds_up": True,
        "ignored": {"title": 6},
        "unknown_columns": [],
        "undo": {"waiting": 0, "restored": 0, "removed": 0, "kept": 0},
        "undo_until": None,
        **more,
    }


def row(line: int = 7, **more: Any) -> dict[str, Any]:
    return {
        "line": line,
        "status": "rejected",
        "reason": None,
        "cells": ["2M"],
        "raw": None,
        "problems": [],
        "record_id": None,
        "undone": None,
        **more,
    }
