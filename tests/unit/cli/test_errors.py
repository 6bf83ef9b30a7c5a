"""What a command says when it cannot go on is said whole."""

import os
import subprocess
import sys

import pytest

from estate.cli import app as cli
from estate.cli import failing
from estate.core.errors import FieldProblem, Invalid


def test_square_brackets_of_an_error_are_words_and_not_styles(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise Invalid("Install 'estate[plot]'.", problems=(FieldProblem("items[0]", "must not be [red]"),))

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr().err
    assert left.value.code == failing.WRONG_USE
    assert "Install 'estate[plot]'." in said
    assert "items[0]: must not be [red]" in said


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"ESTATE_ENVIRONMENT": "production"}, "ESTATE_KEY_PEPPER must be set outside development"),
        ({"ESTATE_DB_POOL_SIZE": "0"}, "ESTATE_DB_POOL_SIZE: "),
    ],
)
def test_settings_that_are_refused_end_with_a_sentence_and_78(variables: dict[str, str], told: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ESTATE_")} | variables
    command = [sys.executable, "-m", "estate", "serve"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == failing.WRONG_SETTINGS, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
