"""The committed Postman files are what OpenAPI makes of them, and hold no key."""

import copy
import json
from typing import Any

import pytest
from scripts.collection import COLLECTION, ENVIRONMENT, collection, operations, rendered

from estate.api.app import create_app


@pytest.fixture
def api() -> dict[str, Any]:
    return copy.deepcopy(create_app().openapi())


def requested(made: dict[str, Any]) -> set[str]:
    """Return every operation that a collection calls."""
    requests = [item["request"] for folder in made["item"] for item in folder["item"]]
    paths = ["/".join(f"{{{part[1:]}}}" if part[0] == ":" else part for part in r["url"]["path"]) for r in requests]
    return {f"{r['method']} /{path}" for r, path in zip(requests, paths, strict=True)}


def test_committed_files_are_what_openapi_makes() -> None:
    for path, text in rendered().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is old: run `make collection`"


def test_every_operation_is_called_and_every_call_is_an_operation(api: dict[str, Any]) -> None:
    assert requested(json.loads(COLLECTION.read_text())) == operations(api)


@pytest.mark.parametrize("change", ["added", "removed"])
def test_an_operation_without_a_place_is_an_error(api: dict[str, Any], change: str) -> None:
    if change == "added":
        api["paths"]["/market/new"] = {"get": api["paths"]["/market/heatmap"]["get"]}
    else:
        del api["paths"]["/market/heatmap"]
    with pytest.raises(ValueError, match="differ in GET /market/"):
        collection(api)


def test_a_new_field_of_an_answer_changes_the_collection(api: dict[str, Any]) -> None:
    before = collection(api)
    api["components"]["schemas"]["AreaHeat"]["required"].append("colour")
    assert collection(api) != before


def test_every_request_checks_more_than_its_status() -> None:
    for folder in json.loads(COLLECTION.read_text())["item"]:
        for item in folder["item"]:
            script = "\n".join(item["event"][0]["script"]["exec"])
            assert script.count("pm.test(") >= 3, item["name"]


def test_environment_holds_no_key() -> None:
    values = {item["key"]: item["value"] for item in json.loads(ENVIRONMENT.read_text())["values"]}
    assert values["api_key"] == ""
