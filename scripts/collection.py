"""Writes the Postman collection and its environment from OpenAPI, in an order that works from an empty database.

OpenAPI gives every request its method, path, parameters, body and the fields that its answer promises. The story
below gives the order and what else must hold. An operation without a place in the story is an error.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estate.api.app import create_app

__all__ = ["COLLECTION", "ENVIRONMENT", "MADE_ONCE", "collection", "environment", "main", "operations", "rendered"]

Json = Any
Change = Callable[[Json], Json]

FOLDER = Path(__file__).resolve().parent.parent / "postman"
COLLECTION = FOLDER / "estate.postman_collection.json"
ENVIRONMENT = FOLDER / "estate.postman_environment.json"
FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
DESCRIPTION = (
    "Made by `make collection` from OpenAPI; do not edit. Choose the environment, put your key into `api_key` and run "
    "the folders in their order: it works from an empty database, and again afterwards. The ids of the records are "
    "made by the first request and kept in the collection's variables; clear them to start over."
)

MADE_ONCE = (
    "area_id",
    "other_area_id",
    "agent_id",
    "client_id",
    "other_client_id",
    "project_id",
    "unit_id",
    "other_unit_id",
    "deal_id",
    "conversation_id",
    "event_id",
)
MADE_ANEW = ("leaving_client_id",)
"""Of a record that a run leaves no trace of: the id is not taken again, so the next run makes another."""
ANSWERED = ("response_id", "next_free_at", "import_id")
UNIT = "{{project_id}}:{{unit_id}}"
LINKS = {name: f"{{{{{name}}}}}" for name in (*MADE_ONCE, *ANSWERED)} | {
    "unit": UNIT,
    "unitA": UNIT,
    "unitB": "{{project_id}}:{{other_unit_id}}",
    "property": UNIT,
    "filename": "clients.csv",
    "line": "3",
}

MAKE_IDS = [
    f"for (const name of {json.dumps(MADE_ONCE + MADE_ANEW)}) {{",
    "    if (!pm.variables.get(name)) {",
    '        pm.collectionVariables.set(name, pm.variables.replaceIn("{{$guid}}"));',
    "    }",
    "}",
]

STORED = {
    "every row is stored, or was before": (
        "pm.expect(answer.created + answer.updated + answer.duplicate).to.equal(answer.items.length);"
    )
}
LISTED = {"something is listed": "pm.expect(answer.items).to.not.be.empty;"}
CHANCE = {
    "the score lies in its interval": (
        "pm.expect(0 <= answer.lower && answer.lower <= answer.score && answer.score <= answer.upper "
        "&& answer.upper <= 1).to.be.true;"
    ),
    "it says why": "pm.expect(answer.why).to.not.be.empty;",
}
LEAVING = {"client_id": "{{leaving_client_id}}"}
WHY = {"it says why": "pm.expect(answer.why).to.not.be.empty;"}


def _same(name: str, at: str = "answer") -> dict[str, str]:
    """Check that an id of the answer is the one that was asked for."""
    return {f"{name} is the one asked for": f'pm.expect({at}.{name}).to.equal(pm.variables.get("{name}"));'}


def _shares(name: str) -> dict[str, str]:
    """Check that a number of every item lies between 0 and 1."""
    return {f"every {name} is a share": f"answer.items.forEach(item => pm.expect(item.{name}).to.be.within(0, 1));"}


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the story.

    Parameters
    ----------
    operation : str
        Method and path, as in OpenAPI.
    checks : mapping
        Sentence to JavaScript, beyond what OpenAPI promises; ``answer`` is the parsed answer.
    name : str or None
        Name of the request; default the path.
    query : tuple of str
        Optional parameters that are sent.
    change : callable
        Makes the body from the example of OpenAPI.
    status : tuple of int
        What the server may answer; default the statuses of success of OpenAPI.
    with_key : bool
        Whether the key is sent.
    links : mapping
        Parameter to the variable that it takes, where that is not the one of the same name.
    """

    operation: str
    checks: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    query: tuple[str, ...] = ()
    change: Change = lambda body: body
    status: tuple[int, ...] = ()
    with_key: bool = True
    links: Mapping[str, str] = field(default_factory=dict)


def _two_areas(rows: Json) -> Json:
    (area,) = rows
    other = {"area_id": "{{other_area_id}}", "area_name": "Canal Gate", "price_avg": "1420000.00"}
    return [area, area | other | {"demand_score": 38.0, "supply_score": 66.0, "sales_volume": 71}]


def _with_owner(rows: Json) -> Json:
    return [row | {"owner_agent_id": "{{agent_id}}"} for row in rows]


def _the_same_person(rows: Json) -> Json:
    (client,) = rows
    names = ("name", "budget", "currency", "location_targets")
    return [{name: client[name] for name in names} | {"client_id": "{{other_client_id}}"}]


def _one_who_leaves(rows: Json) -> Json:
    (client,) = rows
    return [client | {"client_id": "{{leaving_client_id}}", "name": "Nadia Farouk"}]


def _both_clients(wanted: Json) -> Json:
    return wanted | {"keep": "{{client_id}}", "merge": "{{other_client_id}}"}


def _two_units(rows: Json) -> Json:
    (unit,) = rows
    placed = unit | {"project": unit["project"] | {"area_id": "{{area_id}}"}}
    return [placed, placed | {"unit_id": "{{other_unit_id}}", "price": "1990000.00", "area_sqm": 118.0}]


def _one_without_id(rows: Json) -> Json:
    return [*rows, {"name": "Nobody"}]


STORY: Mapping[str, Sequence[Step]] = {
    "1 Records come in": (
        Step("POST /market/ingest", STORED, change=_two_areas),
        Step("POST /agent/ingest", STORED),
        Step("POST /client/ingest", STORED, change=_with_owner),
        Step("POST /property/ingest", STORED, change=_two_units),
        Step("POST /behavior/deal", STORED),
        Step("POST /behavior/conversation", STORED),
        Step("POST /behavior/event", _same("event_id")),
        Step(
            "POST /behavior/ingest",
            {"the same event is counted once": "pm.expect(answer.duplicate).to.equal(1);"},
            name="/behavior/ingest: the same event again",
        ),
    ),
    "2 What is stored": (
        Step("GET /market/query", _same("area_id", "answer.items[0]"), query=("area_id",)),
        Step("GET /agent/query", _same("agent_id", "answer.items[0]"), query=("agent_id",)),
        Step(
            "GET /client/query",
            _same("client_id", "answer.items[0]")
            | {
                "its owner is the agent": (
                    'pm.expect(answer.items[0].owner_agent_id).to.equal(pm.variables.get("agent_id"));'
                )
            },
            query=("client_id",),
        ),
        Step(
            "GET /client/count",
            {"the client is counted": "pm.expect(answer.count).to.equal(1);"},
            query=("client_id",),
        ),
        Step(
            "GET /property/query",
            {"both units are listed": "pm.expect(answer.items).to.have.lengthOf(2);"},
            query=("project_id",),
        ),
        Step(
            "GET /property/count",
            {"both units are counted": "pm.expect(answer.count).to.equal(2);"},
            query=("project_id",),
        ),
        Step("GET /behavior/query", LISTED | _same("client_id", "answer.items[0]"), query=("client_id",)),
        Step("GET /behavior/deals", LISTED | _same("deal_id", "answer.items[0]"), query=("client_id",)),
        Step(
            "GET /behavior/pipeline",
            {
                "every open deal is in one stage": (
                    "pm.expect(answer.items.reduce((sum, item) => sum + item.n, 0)).to.equal(answer.n);"
                )
            }
            | WHY,
        ),
    ),
    "3 Scores and forecasts": (
        Step(
            "GET /market/heatmap",
            LISTED
            | _shares("confidence")
            | {
                "hottest first": (
                    "const heats = answer.items.map(item => item.heat_score);\n"
                    "    pm.expect(heats).to.eql([...heats].sort((a, b) => b - a));"
                )
            },
        ),
        Step("GET /market/predict", _same("area_id") | WHY),
        Step("GET /market/track-record", WHY),
        Step(
            "GET /agent/rankings",
            LISTED
            | {
                "every agent is ranked once": (
                    "const ids = answer.items.map(item => item.agent_id);\n"
                    "    pm.expect(new Set(ids).size).to.equal(ids.length);\n"
                    '    pm.expect(ids).to.include(pm.variables.get("agent_id"));'
                )
            },
        ),
        Step("GET /agent/predict", _same("agent_id") | WHY),
        Step("GET /client/qualification/{client_id}", _same("client_id") | CHANCE),
        Step("GET /client/predict", _same("client_id") | _same("agent_id") | CHANCE, query=("unit",)),
        Step(
            "POST /client/closing",
            {
                "every chance lies in its interval": (
                    "answer.items.forEach(item => pm.expect(item.score).to.be.within(item.lower, item.upper));"
                )
            },
        ),
        Step(
            "POST /client/override",
            {"the stated score stands beside": "pm.expect(answer.stated_score).to.equal(0.8);"},
        ),
        Step("GET /client/quality", WHY),
        Step(
            "GET /property/predict",
            {
                "the unit is the one asked for": (
                    "pm.expect(answer.property_id).to.equal(pm.variables.replaceIn(" + json.dumps(UNIT) + "));"
                )
            }
            | WHY,
        ),
        Step(
            "GET /property/compare",
            {
                "both units are compared": "pm.expect(answer.units).to.have.lengthOf(2);",
                "the difference has reasons": "pm.expect(answer.reasons).to.not.be.empty;",
            },
        ),
        Step("GET /behavior/predict", _same("client_id") | WHY),
        Step(
            "GET /behavior/triggers",
            {
                "proven ones come first": (
                    "const kinds = answer.items.map(item => item.evidence);\n"
                    "    pm.expect(kinds).to.eql([...kinds].sort().reverse());"
                )
            }
            | WHY,
            query=("top_n",),
        ),
        Step("GET /behavior/patterns", WHY),
    ),
    "4 Recommendations": (
        Step("GET /market/recommend", LISTED | _shares("score")),
        Step("GET /agent/recommend", LISTED | _shares("score")),
        Step(
            "GET /client/recommend",
            _shares("priority")
            | {
                "who is held back is counted, with the reason": (
                    "answer.held.forEach(line => pm.expect(line.why).to.not.be.empty);\n"
                    '    pm.collectionVariables.set("next_free_at", answer.next_free_at || answer.at);'
                )
            },
        ),
        Step(
            "GET /client/recommend",
            LISTED,
            name="/client/recommend: when the next client comes free",
            query=("at",),
            links={"at": "{{next_free_at}}"},
        ),
        Step("GET /client/skip-reasons", LISTED | _shares("reached_rate")),
        Step(
            "POST /client/{client_id}/contact",
            _same("client_id", "answer.contact")
            | {
                "who was reached is left in peace": "pm.expect(answer.may_call.allowed).to.be.false;",
            },
        ),
        Step(
            "POST /client/{client_id}/skip",
            {"it says until when": "pm.expect(answer.may_call.from_when).to.not.be.empty;"},
        ),
        Step("GET /client/{client_id}/timeline", LISTED),
        Step(
            "GET /property/recommend",
            LISTED
            | _shares("score")
            | {"every unit has reasons": "answer.items.forEach(item => pm.expect(item.reasons).to.not.be.empty);"},
        ),
        Step(
            "GET /behavior/recommend",
            _same("client_id") | {"it has reasons": "pm.expect(answer.reasons).to.not.be.empty;"},
        ),
    ),
    "5 The assistant": (
        Step(
            "POST /gpt/respond",
            {
                "it answers": "pm.expect(answer.text).to.not.be.empty;",
                "its confidence is a share": "pm.expect(answer.confidence).to.be.within(0, 1);",
                "every claim cites a record": (
                    "answer.reasoning.forEach(item => pm.expect(item.cites).to.not.be.empty);\n"
                    '    pm.collectionVariables.set("response_id", answer.response_id);'
                ),
            },
        ),
        Step(
            "POST /gpt/respond/stream",
            {
                "checked sentences come first": "pm.expect(answer).to.match(/^event: (sentence|reply)/);",
                "the whole reply comes last": 'pm.expect(answer).to.include("event: reply");',
            },
        ),
        Step("GET /gpt/responses/{response_id}", _same("response_id")),
        Step(
            "POST /gpt/feedback",
            _same("response_id") | {"the verdict is kept": 'pm.expect(answer.verdict).to.equal("helpful");'},
        ),
        Step("GET /gpt/ranking", {"it has a version": "pm.expect(answer.version).to.be.at.least(0);"}),
        Step(
            "POST /gpt/ranking/rollback",
            {"it says why not": "pm.expect(answer.detail).to.not.be.empty;"},
            name="/gpt/ranking/rollback: a version that is not in force",
            change=lambda body: body | {"version": 1_000_000},
            status=(409,),
        ),
    ),
    "6 Clients that are one person": (
        Step("POST /client/ingest", name="/client/ingest: the same person under another id", change=_the_same_person),
        Step("GET /client/duplicates"),
        Step(
            "POST /client/merge",
            {"the client is kept": 'pm.expect(answer.kept_id).to.equal(pm.variables.get("client_id"));'},
            change=_both_clients,
        ),
    ),
    "7 A client who asks for the data, and to be erased": (
        Step("POST /client/ingest", STORED, name="/client/ingest: one who leaves", change=_one_who_leaves),
        Step(
            "GET /client/{client_id}/export",
            {"the profile is in it": ('pm.expect(answer.tables.client_profiles[0].name).to.equal("Nadia Farouk");')},
            links=LEAVING,
        ),
        Step(
            "DELETE /client/{client_id}",
            {"the profile is erased": "pm.expect(answer.erased.client_profiles).to.equal(1);"},
            links=LEAVING,
        ),
        Step(
            "GET /client/{client_id}/export",
            {"the next run takes another id": 'pm.collectionVariables.unset("leaving_client_id");'},
            name="/client/{client_id}/export: nothing is left",
            status=(404,),
            links=LEAVING,
        ),
    ),
    "8 A file of clients": (
        Step(
            "POST /imports",
            {
                "every row is told": "pm.expect(answer.adds_up).to.be.true;",
                "the kind was found out": (
                    'pm.expect(answer.kind).to.equal("clients");\n'
                    '    pm.collectionVariables.set("import_id", answer.import_id);'
                ),
            },
        ),
        Step("GET /imports", LISTED),
        Step(
            "POST /imports/{import_id}/mapping",
            {
                "the column has its field": (
                    'pm.expect(answer.columns.map(column => column.target)).to.include("contact_consent");'
                )
            },
        ),
        Step(
            "GET /imports/{import_id}/rows",
            LISTED
            | {
                "the bad row says which cell": (
                    'const bad = answer.items.find(item => item.status === "rejected");\n'
                    '    pm.expect(bad.problems[0].column).to.equal("Mobile");'
                )
            },
        ),
        Step(
            "POST /imports/{import_id}/rows/{line}",
            {"the row is mended": 'pm.expect(answer.status).to.equal("waiting");'},
        ),
        Step(
            "POST /imports/{import_id}/undo",
            {"it says why not": "pm.expect(answer.detail).to.not.be.empty;"},
            name="/imports/{import_id}/undo: what was not taken yet",
            status=(409,),
        ),
        Step(
            "POST /imports/{import_id}/commit",
            {"the worker has it": 'pm.expect(answer.state).to.equal("committing");'},
        ),
        Step("GET /imports/{import_id}", _same("import_id") | {"it adds up": "pm.expect(answer.adds_up).to.be.true;"}),
    ),
    "9 What is refused": (
        Step("POST /agent/ingest", name="/agent/ingest: without a key", with_key=False, status=(401,)),
        Step("GET /market/heatmap", name="/market/heatmap: without a key", with_key=False, status=(401,)),
        Step(
            "POST /agent/ingest",
            {
                "the good row is stored": "pm.expect(answer.created + answer.updated).to.equal(1);",
                "the bad row is refused, with its reason": (
                    "pm.expect(answer.rejected).to.equal(1);\n"
                    '    pm.expect(answer.items[1].problem).to.include("agent_id");'
                ),
            },
            name="/agent/ingest: a bad row among good ones",
            change=_one_without_id,
        ),
        Step(
            "GET /ingest/rejected",
            {"the bad row is kept": 'pm.expect(answer.items.map(item => item.layer)).to.include("agent");'},
        ),
    ),
    "10 Who calls": (
        Step("GET /auth/me", {"the role is told": "pm.expect(answer.role).to.not.be.empty;"}),
        Step(
            "POST /auth/login",
            name="/auth/login: somebody whom nobody knows",
            with_key=False,
            status=(401,),
        ),
        Step("POST /auth/logout", {"a key has no session": "pm.expect(answer.logged_out).to.equal(false);"}),
    ),
    "11 Operations": (
        Step("GET /healthz", {"the process answers": 'pm.expect(answer.status).to.equal("ok");'}),
        Step("GET /readyz", {"the database answers": 'pm.expect(answer.database).to.equal("ok");'}),
        Step(
            "GET /metrics",
            {"requests are counted": 'pm.expect(answer).to.include("estate_http_requests_total");'},
        ),
    ),
}


def operations(api: Json) -> set[str]:
    """Return every operation of an OpenAPI description, as ``METHOD /path``."""
    return {f"{method.upper()} {path}" for path, methods in api["paths"].items() for method in methods}


def collection(api: Json) -> Json:
    """Return the collection, format 2.1.

    Parameters
    ----------
    api : JSON object
        OpenAPI description.

    Raises
    ------
    ValueError
        When the story and the description name different operations.
    """
    told = {step.operation for steps in STORY.values() for step in steps}
    if told != operations(api):
        raise ValueError(f"the story and OpenAPI differ in {', '.join(sorted(told ^ operations(api)))}")
    return {
        "info": {"name": "Estate", "description": DESCRIPTION, "schema": FORMAT},
        "auth": {"type": "apikey", "apikey": _pairs(key="X-API-Key", value="{{api_key}}", **{"in": "header"})},
        "event": [_script("prerequest", MAKE_IDS)],
        "variable": [{"key": name, "value": ""} for name in (*MADE_ONCE, *MADE_ANEW, *ANSWERED)],
        "item": [{"name": folder, "item": [_request(api, step) for step in steps]} for folder, steps in STORY.items()],
    }


def environment() -> Json:
    """Return the environment of a platform that `make run` started; the key is left to the reader."""
    return {
        "name": "Estate on this machine",
        "values": [
            {"key": "base_url", "value": "http://127.0.0.1:8000", "type": "default", "enabled": True},
            {"key": "api_key", "value": "", "type": "secret", "enabled": True},
        ],
        "_postman_variable_scope": "environment",
    }


def _pairs(**values: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value, "type": "string"} for key, value in values.items()]


def _script(listen: str, lines: Sequence[str]) -> Json:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": [*lines]}}


def _request(api: Json, step: Step) -> Json:
    method, _, path = step.operation.partition(" ")
    described = api["paths"][path][method.lower()]
    body = described.get("requestBody")
    request = {"method": method, "url": _url(path, described, step), "description": described["description"]}
    if body is not None:
        request |= _body(body["content"], step)
    if not step.with_key:
        request["auth"] = {"type": "noauth"}
    return {
        "name": step.name or path,
        "event": [_script("test", list(_tests(api, described, step)))],
        "request": request,
    }


def _body(content: Json, step: Step) -> Json:
    """Return the body of a request: JSON with the ids of the story, or a file."""
    if "application/json" not in content:
        header = {"key": "Content-Type", "value": "text/csv"}
        return {"header": [header], "body": {"mode": "raw", "raw": content["text/csv"]["example"]}}
    example = _linked(content["application/json"]["example"])
    text = json.dumps(step.change(example), indent=2, ensure_ascii=False)
    return {"body": {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}}


def _linked(value: Json, name: str = "") -> Json:
    """Replace the ids of an example by variables."""
    if isinstance(value, dict):
        return {key: _linked(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_linked(item) for item in value]
    return LINKS.get(name, value)


def _url(path: str, described: Json, step: Step) -> Json:
    parameters = described.get("parameters", [])
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    query = [_query(item, step) for item in parameters if item["in"] == "query"]
    sent = "&".join(f"{item['key']}={item['value']}" for item in query if not item.get("disabled"))
    url = {"raw": "{{base_url}}/" + "/".join(parts) + ("?" + sent if sent else ""), "host": ["{{base_url}}"]}
    url |= {"path": parts}
    links = {**LINKS, **step.links}
    in_path = [{"key": item["name"], "value": links[item["name"]]} for item in parameters if item["in"] == "path"]
    return url | ({"query": query} if query else {}) | ({"variable": in_path} if in_path else {})


def _query(parameter: Json, step: Step) -> Json:
    """Return a parameter with its value; an optional one that the step does not name is switched off."""
    name, schema = parameter["name"], parameter["schema"]
    entry = {"key": name, "value": {**LINKS, **step.links}.get(name, str(schema.get("default") or ""))}
    if parameter.get("description"):
        entry["description"] = parameter["description"]
    return entry if parameter["required"] or name in step.query else entry | {"disabled": True}


def _tests(api: Json, described: Json, step: Step) -> Iterator[str]:
    """Yield the script that checks an answer: what OpenAPI promises, then what the step adds."""
    statuses = step.status or tuple(sorted(int(code) for code in described["responses"] if code.startswith("2")))
    content = described["responses"][str(statuses[0])].get("content", {})
    kind = next(iter(content), "text/plain")
    yield from _test(
        f"the status is {' or '.join(map(str, statuses))}",
        f"pm.expect({json.dumps(statuses)}).to.include(pm.response.code);",
    )
    yield from _test(
        f"the content is {kind}", f'pm.expect(pm.response.headers.get("Content-Type")).to.include("{kind}");'
    )
    yield f"const answer = pm.response.{'json' if 'json' in kind else 'text'}();"
    for where, names in _promised(api, content):
        yield from _test(f"{where or 'the answer'} has every promised field", _has(where, names))
    for sentence, code in step.checks.items():
        yield from _test(sentence, code)


def _test(sentence: str, code: str) -> list[str]:
    return [f"pm.test({json.dumps(sentence)}, () => {{", *(f"    {line}" for line in code.splitlines()), "});"]


def _has(where: str, names: Sequence[str]) -> str:
    keys = f"to.include.all.keys({json.dumps(names)});"
    return f"answer.items.forEach(item => pm.expect(item).{keys[:-1]});" if where else f"pm.expect(answer).{keys}"


def _promised(api: Json, content: Json) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the required fields of an answer, and of its items when it is a list."""
    schema = _resolved(api, next(iter(content.values())).get("schema", {})) if content else {}
    if schema.get("required"):
        yield "", schema["required"]
    items = _resolved(api, schema.get("properties", {}).get("items", {}).get("items", {}))
    if items.get("required"):
        yield "every item", items["required"]


def _resolved(api: Json, schema: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    return api["components"]["schemas"][name] if name else schema


def rendered() -> dict[Path, str]:
    """Return what belongs into each file."""
    contents = {COLLECTION: collection(create_app().openapi()), ENVIRONMENT: environment()}
    return {path: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for path, content in contents.items()}


def main() -> None:
    """Write both files."""
    for path, text in rendered().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(FOLDER.parent))


if __name__ == "__main__":
    main()
