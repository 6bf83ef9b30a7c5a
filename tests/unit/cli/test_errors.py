"""What a command says when it cannot go on is said whole."""

import pytest

from estate.cli import app as cli
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
    assert left.value.code == cli.WRONG_USE
    assert "Install 'estate[plot]'." in said
    assert "items[0]: must not be [red]" in said
