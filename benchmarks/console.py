"""`estate bench console`: the pages are looked at, broken under people's hands, and compared with a large house.

Four parts, each on real processes and in a real browser:

* every page in both themes and at both widths, by axe-core, with an eye on script errors and outside requests
* stalls and restarts while somebody types and taps: nothing typed is lost, nothing is done twice
* the time until a page is drawn, on the sample world and on one with 100,000 clients and as many units, in turn
* open pages for minutes: the memory of the console
* ten dirty files, and those of a folder: counts add up, the same file changes nothing, undo restores every row
"""

import statistics
import sys
from contextlib import ExitStack
from random import Random
from typing import Any

from playwright.sync_api import Browser
from rich.console import Console as Terminal

from benchmarks import console_imports
from benchmarks.harness.browser import (
    THEMES,
    WIDTHS,
    Console,
    Seen,
    chromium,
    ready_s,
    signed_in,
    violations,
    whole,
)
from benchmarks.harness.house import EMAILS, PASSWORD, House, enlarge, open_house, pages_of, passing_servers
from benchmarks.harness.stalls import FAULTS, Trial
from benchmarks.report import Options, Report

__all__ = ["TARGETS", "bench"]

RUNS, QUICK_RUNS = 30, 3
ROUNDS, QUICK_ROUNDS = 3, 1
ROWS, QUICK_ROWS = 100_000, 2_000
OPEN_PAGES, OPEN_S = 25, 300
SAMPLES = 30

TARGETS: dict[str, tuple[str, float]] = {
    "axe_violations": ("==", 0),
    "console_errors": ("==", 0),
    "outside_requests": ("==", 0),
    "characters_lost": ("==", 0),
    "actions_doubled": ("==", 0),
    "actions_lost": ("==", 0),
    "ready_ratio": ("<=", 2.0),
    "memory_growth_share": ("<=", 0.10),
    "import_mismatches": ("==", 0),
    "undo_mismatches": ("==", 0),
}
QUICK_LEFT_OUT = ("ready_ratio", "memory_growth_share")
"""What a quick run is too short to tell."""


def bench(options: Options) -> Report:
    """Run the bench."""
    metrics: dict[str, Any] = {}
    with ExitStack() as parts:
        folder, postgres, redis = parts.enter_context(passing_servers())
        browser = parts.enter_context(chromium())
        small = parts.enter_context(open_house(postgres, redis, "small", folder / "small", options.seed))
        metrics |= _looked_over(browser, small, quick=options.quick)
        metrics |= _stalled(browser, small, options)
        if not options.quick:
            metrics |= _left_open(browser, small)
        rows = QUICK_ROWS if options.quick else ROWS
        large = parts.enter_context(
            open_house(postgres, redis, "large", folder / "large", options.seed, lambda url: enlarge(url, rows))
        )
        metrics |= _compared(browser, small, large, QUICK_ROUNDS if options.quick else ROUNDS)
    metrics |= console_imports.measure(options.data, quick=options.quick)
    targets = {name: TARGETS[name] for name in TARGETS if not (options.quick and name in QUICK_LEFT_OUT)}
    data = "sample world; the same with 100,000 clients and units; ten dirty files" + (
        f"; {options.data.name}" if options.data else ""
    )
    return Report("console", options.seed, metrics["pages_looked_at"], data, metrics, targets)


def _looked_over(browser: Browser, house: House, *, quick: bool) -> dict[str, Any]:
    """Look at every page of every role."""
    seen, found, n = Seen(), list[str](), 0
    for role, paths in pages_of(house).items():
        for width in WIDTHS:
            for theme in THEMES[:1] if quick else THEMES:
                with signed_in(browser, house.console, EMAILS[role], PASSWORD, width=width, theme=theme) as page:
                    seen.watch(page, house.console)
                    for path in paths:
                        whole(page, house.console, path)
                        found += [f"{role} {path} {width} {theme}: {one}" for one in violations(page)]
                        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                            found.append(f"{role} {path} {width} {theme}: scrolls sideways")
                        n += 1
        _say(f"{role}: {len(paths)} pages, {len(found)} violations so far")
    return {
        "pages_looked_at": n,
        "axe_violations": len(found),
        "console_errors": len(seen.console_errors),
        "outside_requests": len(seen.outside_requests),
        "found": dict.fromkeys([*found, *seen.console_errors, *seen.outside_requests][:20], "found"),
    }


def _stalled(browser: Browser, house: House, options: Options) -> dict[str, Any]:
    """Break the connection while somebody works."""
    rng = Random(options.seed)  # noqa: S311 (no secret)
    runs = QUICK_RUNS if options.quick else RUNS
    lost = doubled = missing = 0
    for run in range(runs):
        trial = Trial(browser, house, rng)
        outcome = trial.run(FAULTS[run % len(FAULTS)])
        lost += outcome.characters_lost
        doubled += outcome.actions_doubled
        missing += outcome.actions_lost
        _say(f"run {run}, {FAULTS[run % len(FAULTS)]}: {outcome}")
    return {"stalls": runs, "characters_lost": lost, "actions_doubled": doubled, "actions_lost": missing}


def _left_open(browser: Browser, house: House) -> dict[str, Any]:
    """Leave pages open and read the memory of the console from time to time."""
    paths = pages_of(house)["admin"]
    memory = []
    with signed_in(browser, house.console, EMAILS["admin"], PASSWORD) as first:
        for at in range(OPEN_PAGES):
            whole(first.context.new_page(), house.console, paths[at % len(paths)])
        for _ in range(SAMPLES):
            first.wait_for_timeout(OPEN_S * 1_000 / SAMPLES)
            memory.append(house.console.memory_bytes())
    ends = max(1, SAMPLES // 6)
    growth = statistics.median(memory[-ends:]) / statistics.median(memory[:ends]) - 1
    return {
        "open_pages": OPEN_PAGES,
        "open_seconds": OPEN_S,
        "memory_growth_share": growth,
        "memory_megabytes": [value // 2**20 for value in memory],
    }


def _compared(browser: Browser, small: House, large: House, rounds: int) -> dict[str, Any]:
    """Time every page of both houses in turn."""
    ratios, seconds = {}, {}
    for role, paths in pages_of(small).items():
        pairs = list(zip(paths, pages_of(large)[role], strict=True))
        with (
            signed_in(browser, small.console, EMAILS[role], PASSWORD) as one,
            signed_in(browser, large.console, EMAILS[role], PASSWORD) as other,
        ):
            for path, path_large in pairs:
                times = _in_turn((one, small.console, path), (other, large.console, path_large), rounds)
                name = f"{role} {small.pattern(path)}"
                seconds[name] = [round(statistics.median(side), 3) for side in times]
                ratios[name] = statistics.median(times[1]) / statistics.median(times[0])
                _say(f"{name}: {seconds[name]}")
    slowest = max(ratios, key=lambda name: ratios[name])
    return {
        "ready_ratio": ratios[slowest],
        "slowest_by_ratio": slowest,
        "ready_median_s": statistics.median(side[0] for side in seconds.values()),
        "ready_large_median_s": statistics.median(side[1] for side in seconds.values()),
        "ready_s": {name: f"{one} and {other}" for name, (one, other) in seconds.items()},
    }


def _in_turn(first: tuple[Any, Console, str], second: tuple[Any, Console, str], rounds: int) -> tuple[list[float], ...]:
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for side, (page, console, path) in zip(times, (first, second), strict=True):
            took = ready_s(page, console, path)
            if turn:  # The first visit fills caches of both.
                side.append(took)
    return times


def _say(line: str) -> None:
    Terminal(file=sys.stderr).print(line, markup=False, highlight=False)
