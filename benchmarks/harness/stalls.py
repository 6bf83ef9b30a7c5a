"""Somebody types and taps while the console stalls, dies or cannot be reached."""

import signal
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from random import Random

from playwright.sync_api import Browser, Page

from benchmarks.harness.browser import Console, looked_at, signed_in
from benchmarks.harness.house import EMAILS, PASSWORD, House

__all__ = ["FAULTS", "Outcome", "Trial"]

FORM = "form[data-action=contact]"
NOTE = f"{FORM} textarea[name=note]"
TAP = f"{FORM} button[name=outcome][value=no_answer]"
WAITING = "Object.keys(localStorage).filter((name) => name.startsWith('outbox:')).length"
WORDS = ("asked for the floor plan", "wants a sea view", "calls back after Eid", "يريد شقة بثلاث غرف", "budget 2.4 m")
ARRIVES_MS = 60_000
LONGEST_STALL_MS = 8_000


@dataclass(frozen=True)
class Outcome:
    """What came of one run."""

    characters_lost: int
    actions_doubled: int
    actions_lost: int


@dataclass
class Trial:
    """One run: a note is typed, an outcome is tapped twice, and at some moment the fault comes.

    Parameters
    ----------
    browser : Browser
        Looks at the console.
    house : House
        A running platform.
    rng : Random
        Draws the note, the moment and how long it lasts.
    """

    browser: Browser
    house: House
    rng: Random

    def run(self, fault: str) -> Outcome:
        """Type, break, tap, mend; then look in the records what arrived."""
        mark = uuid.UUID(int=self.rng.getrandbits(128)).hex
        note = " ".join((mark, *self.rng.choices(WORDS, k=self.rng.randint(2, 12))))
        path = self.rng.choice(self.house.client_paths)
        moment = self.rng.choice(("typing", "typed", "tapped"))
        with signed_in(self.browser, self.house.console, EMAILS["agent"], PASSWORD) as page:
            looked_at(page, self.house.console, path)
            typed = self._typed(page, note, moment, fault)
            self._tapped(page, moment, fault)
            page.wait_for_function(f"{WAITING} === 0", timeout=ARRIVES_MS)
        kept = self.house.notes(mark)
        text = max(kept, key=len, default="")
        return Outcome(_missing(note, typed) + _missing(note, text), max(0, len(kept) - 1), int(not kept))

    def _typed(self, page: Page, note: str, moment: str, fault: str) -> str:
        """Type a note, with the fault in the midst or at the end of it, and return what stands in the field then."""
        at = self.rng.randrange(len(note)) if moment == "typing" else len(note)
        page.locator(NOTE).first.press_sequentially(note[:at])
        if moment != "tapped":
            self._break(page, fault)
        page.locator(NOTE).first.press_sequentially(note[at:])
        if moment == "typed":  # People reload what looks dead.
            looked_at(page, self.house.console, page.url.removeprefix(self.house.console.url))
        return str(page.locator(NOTE).first.input_value())

    def _tapped(self, page: Page, moment: str, fault: str) -> None:
        """Tap twice; the fault may come while the first tap is on its way."""
        if moment == "tapped":
            heal = self._start(page, fault)
            self._tap(page)
            page.wait_for_timeout(self.rng.randrange(500, LONGEST_STALL_MS))
            heal()
        else:
            self._tap(page)

    def _tap(self, page: Page) -> None:
        page.locator(TAP).first.dblclick(no_wait_after=True)

    def _break(self, page: Page, fault: str) -> None:
        heal = self._start(page, fault)
        page.wait_for_timeout(self.rng.randrange(500, LONGEST_STALL_MS))
        heal()

    def _start(self, page: Page, fault: str) -> Callable[[], None]:
        """Begin a fault; return what ends it."""
        return _FAULTS[fault](page, self.house.console)


def _stall(page: Page, console: Console) -> Callable[[], None]:
    console.send(signal.SIGSTOP)
    return lambda: console.send(signal.SIGCONT)


def _kill(page: Page, console: Console) -> Callable[[], None]:
    console.send(signal.SIGKILL)
    return console.restart


def _go_offline(page: Page, console: Console) -> Callable[[], None]:
    page.context.set_offline(True)
    return lambda: page.context.set_offline(False)


_FAULTS: Mapping[str, Callable[[Page, Console], Callable[[], None]]] = {
    "stall": _stall,
    "kill": _kill,
    "offline": _go_offline,
}
FAULTS = tuple(_FAULTS)


def _missing(whole: str, found: str) -> int:
    """Count the characters that are not there: those after the longest common beginning."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(whole, found, strict=False))
    return len(whole) - sum(1 for _ in same)
