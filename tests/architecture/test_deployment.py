"""The workflow and the compose files are well formed, and promise what the documentation says of them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github/workflows/ci.yml"
COMPOSE = ROOT / "docker-compose.yml"
DEVELOPMENT = ROOT / "docker-compose.override.yml"
DOCKERFILE = ROOT / "Dockerfile"
SCHEMAS = {WORKFLOW: "github-workflows", COMPOSE: "compose-spec", DEVELOPMENT: "compose-spec"}
SCRIPTS = (ROOT / ".ci/run", *sorted((ROOT / "scripts").glob("*.sh")))
LASTING = ("web", "console", "worker", "beat")
OURS = ("migrate", *LASTING)
SECRETS = {
    "POSTGRES_PASSWORD",
    "PGPASSWORD",
    "ESTATE_DATABASE_PASSWORD",
    "ESTATE_API_DATABASE_PASSWORD",
    "ESTATE_WORKER_DATABASE_PASSWORD",
    "ESTATE_BOOTSTRAP_API_KEY",
    "ESTATE_KEY_PEPPER",
}


def parsed(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = parsed(COMPOSE)["services"]
    return found


def check_schema(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [str(program), "--builtin-schema", f"vendor.{schema}", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_file_follows_its_schema(path: Path) -> None:
    done = check_schema(path, SCHEMAS[path])
    assert done.returncode == 0, done.stdout


def test_the_schema_catches_a_misspelt_key(tmp_path: Path) -> None:
    broken = tmp_path / "ci.yml"
    broken.write_text(WORKFLOW.read_text().replace("runs-on:", "run-on:"))
    assert check_schema(broken, "github-workflows").returncode == 1


def test_the_workflow_verifies_in_containers_and_always_uploads_the_report() -> None:
    steps = parsed(WORKFLOW)["jobs"]["verify"]["steps"]
    assert any(step.get("run") == "scripts/verify_all.sh --services docker" for step in steps)
    (upload,) = (step for step in steps if step.get("uses", "").startswith("actions/upload-artifact@"))
    assert upload["if"] == "always()"
    assert upload["with"]["path"] == "build_report.json"


def test_the_workflow_runs_the_tests_on_every_supported_python() -> None:
    job = parsed(WORKFLOW)["jobs"]["test"]
    assert job["strategy"]["matrix"]["python-version"] == ["3.11", "3.12", "3.13"]
    assert any(step.get("run") == "make test" for step in job["steps"])


def test_every_service_is_there_on_the_promised_image() -> None:
    found = services()
    assert set(found) == {"postgres", "redis", *OURS}
    assert found["postgres"]["image"] == "pgvector/pgvector:pg18"
    assert found["redis"]["image"] == "redis:7.4-alpine"
    assert all(found[name]["build"] == "." for name in OURS)


def test_every_lasting_service_has_a_health_check_and_starts_again() -> None:
    found = services()
    assert "HEALTHCHECK" in DOCKERFILE.read_text(), "the image's own check is that of web"
    for name in ("postgres", "redis", "console", "worker", "beat"):
        assert found[name]["healthcheck"]["test"], name
    assert {found[name]["restart"] for name in ("postgres", "redis", *LASTING)} == {"unless-stopped"}


def test_nothing_of_ours_starts_before_what_it_needs_is_ready() -> None:
    found = services()
    assert found["console"]["depends_on"] == {"web": {"condition": "service_healthy"}}
    assert found["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("web", "worker", "beat"):
        assert found[name]["depends_on"] == {
            "postgres": {"condition": "service_healthy"},
            "redis": {"condition": "service_healthy"},
            "migrate": {"condition": "service_completed_successfully"},
        }, name


def test_secrets_come_from_the_environment_and_have_no_default() -> None:
    environments = [service.get("environment", {}) for service in services().values()]
    values = {(name, value) for found in environments for name, value in found.items() if name in SECRETS}
    assert {name for name, _ in values} == SECRETS
    for name, value in values:
        assert re.fullmatch(r"\$\{\w+(:\?[^}]+)?\}", value), f"{name} is written into docker-compose.yml"
    assert re.findall(r"^(\w+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE) == []


def test_the_console_is_given_no_secret() -> None:
    console = services()["console"]
    assert not SECRETS & set(console["environment"])
    assert console["env_file"] == []


def test_the_api_believes_the_console_which_believes_a_proxy() -> None:
    told = {services()[name]["environment"]["ESTATE_FORWARDED_ALLOW_IPS"] for name in ("web", "console")}
    assert told == {"${ESTATE_FORWARDED_ALLOW_IPS:-172.16.0.0/12}"}


def test_what_one_sets_for_the_containers_are_settings_or_explained() -> None:
    assert {services()[name]["env_file"] for name in OURS if name != "console"} == {
        "${ESTATE_SETTINGS_FILE:-deploy/settings.env}"
    }
    assert re.findall(r"^(\w+)=", (ROOT / "deploy/settings.env").read_text(), re.MULTILINE) == []


@pytest.mark.parametrize("path", [COMPOSE, DEVELOPMENT], ids=lambda path: path.name)
def test_no_port_is_open_to_other_machines(path: Path) -> None:
    ports = [port for service in parsed(path)["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_cannot_write_their_image_or_gain_rights(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_is_built_in_stages_and_runs_as_an_ordinary_user() -> None:
    lines = DOCKERFILE.read_text().splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert bases == ["python:3.12-slim-bookworm"] * 2
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] not in {"root", "0"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_takes_a_closed_pipe_for_a_miss(script: Path) -> None:
    assert not re.search(r"\|\s*grep\s+-\w*q", script.read_text()), "grep -q stops reading: under pipefail that fails"
