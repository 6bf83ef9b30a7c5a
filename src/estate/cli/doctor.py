"""`estate doctor`: what is wrong with a platform, where, and the command that mends it."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Annotated

import typer
from pydantic import SecretStr, ValidationError
from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from estate.cli.attach import running
from estate.cli.checkup import CHECKS, DATABASE_CHECKS, Finding, address
from estate.core import db
from estate.core.redaction import harmless_words
from estate.core.security import Actor
from estate.core.settings import Settings, get_settings

__all__ = ["doctor"]

SICK = 1


@dataclass
class Report:
    """What was looked at, what was found, and what could not be looked at."""

    findings: dict[str, list[Finding]] = field(default_factory=dict)
    not_checked: dict[str, str] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """Whether everything was looked at and nothing found."""
        return not self.not_checked and not any(self.findings.values())

    def check(self, name: str, look: Callable[[], Iterator[Finding]]) -> None:
        """Look at one thing; a check that the database refuses is not a check that passed."""
        try:
            self.findings[name] = list(look())
        except SQLAlchemyError as error:
            self.not_checked[name] = _reason(error)

    def as_json(self) -> str:
        """Return the report as one JSON object."""
        found = [{"check": check, **asdict(f)} for check, findings in self.findings.items() for f in findings]
        whole = {"healthy": self.healthy, "checked": list(self.findings), "not_checked": self.not_checked}
        return json.dumps(whole | {"findings": found}, indent=2)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find what is wrong: each finding says what, where, and the command that mends it. Exit code 0 means healthy."""
    report = examine()
    if as_json:
        typer.echo(report.as_json())
    else:
        _show(report, Console())
    if not report.healthy:
        raise typer.Exit(SICK)


def examine() -> Report:
    """Look at everything that can be looked at."""
    report = Report()
    try:
        settings = _settings()
    except ValidationError as error:
        report.findings["configuration"] = list(_refused(error))
        report.not_checked.update(
            dict.fromkeys((*CHECKS, "database", *DATABASE_CHECKS), "the configuration is refused")
        )
        return report
    report.findings["configuration"] = []
    for name, look in CHECKS.items():
        report.check(name, lambda look=look: look(settings))  # type: ignore[misc]
    _examine_database(report, settings)
    return report


def _settings() -> Settings:
    """Return the settings, with the addresses of an `estate up` that runs here where none are set."""
    settings = get_settings()
    here = running(settings)
    urls = {name: here.get(f"ESTATE_{name.upper()}") for name in ("database_url", "redis_url")}
    return settings.model_copy(
        update={name: SecretStr(url) for name, url in urls.items() if url and getattr(settings, name) is None}
    )


def _refused(error: ValidationError) -> Iterator[Finding]:
    for problem in error.errors(include_input=False, include_url=False):
        variable = "_".join(["ESTATE", *map(str, problem["loc"])]).upper() if problem["loc"] else "ESTATE_*"
        yield Finding(problem["msg"], variable, "see docs/settings.md, then run `estate doctor` again")


def _examine_database(report: Report, settings: Settings) -> None:
    if settings.database_url is None:
        report.findings["database"] = [Finding("no database is configured or running here", ".", "estate up")]
    else:
        url = settings.require_database_url()
        with closing(db.Database.connect(url, "worker")) as database, db.use_database(database):
            report.findings["database"] = list(_reachable(url))
            if not report.findings["database"]:
                _examine_schema(report, settings)
                return
    report.not_checked.update(dict.fromkeys(DATABASE_CHECKS, "the database does not answer"))


def _reachable(url: str) -> Iterator[Finding]:
    try:
        db.ping()
    except SQLAlchemyError as error:
        told = f"the database does not answer ({_reason(error)})"
        yield Finding(told, address(url), "docker compose up --detach postgres")


def _examine_schema(report: Report, settings: Settings) -> None:
    """Check each thing in a transaction of its own, so that one which fails spoils no other."""
    # On a busy machine this takes longer than a transaction may idle, so not within one, where checks need it.
    from estate import registry  # noqa: F401
    from estate.intelligence import freshness  # noqa: F401

    for name, look in DATABASE_CHECKS.items():

        def looked(look: Callable[..., Iterator[Finding]] = look) -> Iterator[Finding]:
            with db.unit_of_work(Actor.house(), read_only=True) as session:
                yield from look(session, settings)

        report.check(name, looked)


def _reason(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    return " ".join(filter(None, (type(cause).__name__, harmless_words(error))))


def _show(report: Report, console: Console) -> None:
    for check, findings in report.findings.items():
        console.print(f"[{'red' if findings else 'green'}]{'✗' if findings else '✓'}[/] {check}")
        for finding in findings:
            console.print(Text(f"    what   {finding.what}\n    where  {finding.where}"), soft_wrap=True)
            console.print(Text(f"    mend   {finding.mend}", "bold"), soft_wrap=True)
    for check, reason in report.not_checked.items():
        console.print(f"[yellow]?[/] {check}: not checked, ", end="")
        console.print(Text(reason), soft_wrap=True)
