"""The Python of README and of the page on the client library runs as it stands, but for address and key."""

import re
from pathlib import Path

import pytest
from tests.brokerage import Brokerage
from tests.conftest import API_KEY

from estate.cli import failing

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "sdk.md"
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
CODE = re.compile(r"^\| (\d+) \|", re.M)
SNIPPETS = [code for page in (ROOT / "README.md", PAGE) for code in PYTHON.findall(page.read_text())]
SIGINT_CODE = 130


@pytest.mark.parametrize("code", SNIPPETS, ids=range(len(SNIPPETS)))
def test_python_on_the_page_runs(brokerage: Brokerage, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    own = code.replace("http://127.0.0.1:8000", brokerage.url).replace("YOUR-KEY", API_KEY)
    assert own != code
    exec(compile(own, PAGE.name, "exec"), {})  # noqa: S102 (our own page)
    assert capsys.readouterr().out


def test_every_exit_code_is_on_the_page() -> None:
    known = {failing.HANDLED, failing.WRONG_SETTINGS, *failing.BY_STATUS.values(), failing.WRONG_USE, failing.FAILED}
    assert {int(code) for code in CODE.findall(PAGE.read_text())} == known | {0, SIGINT_CODE}
