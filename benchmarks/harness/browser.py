"""A console that can be stalled and killed, and a browser that looks at it."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, sync_playwright

from benchmarks.harness.stack import repository, wait_until
from estate.cli.processes import HOST, free_port

__all__ = [
    "RULES",
    "THEMES",
    "WIDTHS",
    "Console",
    "Seen",
    "chromium",
    "looked_at",
    "ready_s",
    "signed_in",
    "violations",
    "whole",
]

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, Theme] = ("light", "dark")
WIDTHS = (1400, 390)
HEIGHT = 900
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
READY_MS = 60_000
DRAWN = "document.querySelector('main h1') !== null"
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
HARMLESS = ("the server responded with a status of 4", "net::ERR_INTERNET_DISCONNECTED", "net::ERR_CONNECTION_REFUSED")
"""What a browser says of answers that are meant, and of connections that a bench breaks."""


class Console:
    """The console as a process of its own.

    Parameters
    ----------
    api : str
        Address of the API.
    log : Path
        Where its lines go.
    """

    def __init__(self, api: str, log: Path) -> None:
        self.port = free_port()
        self._api = api
        self._log = log
        self._process = self._start()
        self.wait_ready()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    def _start(self) -> subprocess.Popen[bytes]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("ESTATE_")}
        own |= {
            "PYTHONPATH": str(repository() / "src"),
            "ESTATE_API_URL": self._api,
            "ESTATE_CONSOLE_PORT": str(self.port),
        }
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "estate", "console"]
            return subprocess.Popen(command, stdout=log, stderr=log, env=own)  # noqa: S603 (our own program)

    def wait_ready(self) -> None:
        """Wait until it answers."""
        wait_until(self._answers, f"the console getting ready, see {self._log},")

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
        return False

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def restart(self) -> None:
        """Kill it and start it again at the same address."""
        self._process.kill()
        self._process.wait()
        self._process = self._start()
        self.wait_ready()

    def memory_bytes(self) -> int:
        """Return its resident memory."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def stop(self) -> None:
        """End it, also when it is stalled."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass
class Seen:
    """What a browser met that it should not."""

    console_errors: list[str] = field(default_factory=list)
    outside_requests: list[str] = field(default_factory=list)

    def watch(self, page: Page, console: Console) -> None:
        """Note errors of scripts, and requests to anywhere else."""
        inside = (console.url, console.url.replace("http", "ws"), "data:", "blob:")

        def said(message: ConsoleMessage) -> None:
            if message.type == "error" and not any(words in message.text for words in HARMLESS):
                self.console_errors.append(message.text)

        def asked(request: Request) -> None:
            if not request.url.startswith(inside):
                self.outside_requests.append(request.url)

        page.on("console", said)
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        page.on("request", asked)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the system's Chromium.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise FileNotFoundError("No Chromium is installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def signed_in(
    browser: Browser,
    console: Console,
    email: str,
    password: str,
    *,
    width: int = WIDTHS[0],
    theme: Theme = THEMES[0],
    zone: str | None = None,
) -> Iterator[Page]:
    """Give a page of somebody who is signed in, in a browser profile of its own."""
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": HEIGHT}, color_scheme=theme, timezone_id=zone
    )
    page = context.new_page()
    page.set_default_timeout(READY_MS)
    page.goto(f"{console.url}/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    page.wait_for_function(DRAWN)
    yield page
    context.close()


def looked_at(page: Page, console: Console, path: str) -> None:
    """Go to a page and wait until it is drawn."""
    try:
        page.goto(f"{console.url}{path}")
    except Error as error:  # The page was loading itself anew, as it does once a restarted server is back.
        if "ERR_ABORTED" not in error.message:
            raise
        page.goto(f"{console.url}{path}")
    page.wait_for_function(DRAWN)
    page.evaluate(TWO_FRAMES)


def whole(page: Page, console: Console, path: str) -> None:
    """Look at a page that must show what it is for.

    Raises
    ------
    RuntimeError
        When it says instead why it cannot.
    """
    looked_at(page, console, path)
    failure = page.locator("main .failure")
    if failure.count():
        raise RuntimeError(f"{path}: {failure.first.inner_text()}")


def ready_s(page: Page, console: Console, path: str) -> float:
    """Return how long a page takes from the request until it is drawn whole, in seconds."""
    started = time.perf_counter()
    whole(page, console, path)
    return time.perf_counter() - started


def violations(page: Page) -> list[str]:
    """Return what axe finds against WCAG 2.2 A and AA, an entry a node."""
    found = Axe().run(page, options={"runOnly": list(RULES)}).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]
