"""Every page of every role is drawn without a script error, an outside request, or a find of axe."""

import datetime as dt
from collections.abc import Iterator

import pytest
from benchmarks.harness.browser import THEMES, WIDTHS, Seen, looked_at, signed_in, violations
from benchmarks.harness.house import EMAILS, PASSWORD, House, pages_of
from playwright.sync_api import Browser, Page

LOOKS = {"agent": (WIDTHS[1], THEMES[0]), "manager": (WIDTHS[0], THEMES[0]), "admin": (WIDTHS[1], THEMES[1])}
"""Each role looks in one way here; `estate bench console` looks in all."""


CUT = """() => [...document.querySelectorAll(".plot")].flatMap((plot) => {
  const outer = plot.getBoundingClientRect();
  const said = [...plot.querySelectorAll("text")].map((one) => [one.textContent, one.getBoundingClientRect()]);
  const seen = said.filter(([, box]) => box.width);
  const cut = seen.filter(([, box]) => box.left < outer.left - 1 || box.right > outer.right + 1);
  const over = seen.flatMap(([words, box], at) => seen.slice(at + 1).filter(([, other]) =>
    box.left < other.right && other.left < box.right && box.top + 3 < other.bottom && other.top + 3 < box.bottom)
    .map(([others]) => `${words} over ${others}`));
  return [...cut.map(([words]) => words), ...over].map((words) => `${plot.ariaLabel}: ${words}`);
})"""
"""What is written in pictures outside of what is seen of them, or over something else."""


@pytest.fixture
def anybody(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("role", LOOKS)
def test_every_page_is_whole(browser: Browser, house: House, role: str) -> None:
    width, theme = LOOKS[role]
    seen, found = Seen(), list[str]()
    with signed_in(browser, house.console, EMAILS[role], PASSWORD, width=width, theme=theme) as page:
        seen.watch(page, house.console)
        for path in pages_of(house)[role]:
            looked_at(page, house.console, path)
            found += [f"{path}: {one}" for one in violations(page)]
            if page.get_by_role("alert").filter(visible=True).count():
                found.append(f"{path}: {page.get_by_role('alert').first.inner_text()}")
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{path}: scrolls sideways")
    assert (found, seen.console_errors, seen.outside_requests) == ([], [], [])


@pytest.mark.parametrize("width", WIDTHS)
def test_every_figure_of_a_picture_is_seen(browser: Browser, house: House, width: int) -> None:
    found, drawn = list[str](), 0
    with signed_in(browser, house.console, EMAILS["admin"], PASSWORD, width=width) as page:
        for path in pages_of(house)["admin"]:
            looked_at(page, house.console, path)
            drawn += page.locator(".plot").count()
            found += [f"{path}: {one}" for one in page.evaluate(CUT)]
    assert drawn >= 10
    assert found == []


def test_a_saved_picture_is_as_wide_as_on_a_desk(browser: Browser, house: House) -> None:
    with signed_in(browser, house.console, EMAILS["manager"], PASSWORD, width=390) as page:
        looked_at(page, house.console, "/market")
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save PNG").first.click()
        header = saved.value.path().read_bytes()[16:24]
        assert int.from_bytes(header[:4]) == 1440
        assert int.from_bytes(header[4:]) > 200


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Honolulu"])
def test_days_are_the_readers_in_filters_and_in_rows(browser: Browser, house: House, zone: str) -> None:
    with signed_in(browser, house.console, EMAILS["manager"], PASSWORD, zone=zone) as page:
        for path, rows in {"/behavior/events": "td:first-child time", "/deals": "td:first-child time"}.items():
            looked_at(page, house.console, path)
            ninth = page.locator(rows).nth(8)
            day = ninth.inner_text().split(",")[0]
            filtered = dt.datetime.strptime(day, "%d %b %Y").date()  # noqa: DTZ007 (the day is all that counts)
            looked_at(page, house.console, f"{path}?since={filtered}&until={filtered}")
            shown = {words.split(",")[0] for words in page.locator(rows).all_inner_texts()}
            assert shown == {day}


def test_axe_finds_what_is_wrong(anybody: Page) -> None:
    anybody.set_content("<main><h1>A page</h1><img src='data:,'><input></main>")
    assert len(violations(anybody)) >= 2


def test_whoever_is_not_signed_in_is_asked_to_first(anybody: Page, house: House) -> None:
    looked_at(anybody, house.console, "/clients?search=omar")
    assert anybody.url == f"{house.console.url}/login?next=%2Fclients%3Fsearch%3Domar"
    assert violations(anybody) == []


def test_a_wrong_password_is_told(anybody: Page, house: House) -> None:
    looked_at(anybody, house.console, "/login")
    anybody.get_by_label("E-mail").fill(EMAILS["agent"])
    anybody.get_by_label("Password").fill("not the password")
    anybody.get_by_role("button", name="Sign in").click()
    anybody.get_by_role("alert").filter(has_text="password").wait_for()
    assert anybody.url.endswith("/login")


def test_nobody_is_led_to_another_site_after_the_log_in(anybody: Page, house: House) -> None:
    looked_at(anybody, house.console, "/login?next=//evil.example/")
    assert anybody.locator("input[name=next]").input_value() == "/"


def test_a_theme_is_kept(browser: Browser, house: House) -> None:
    with signed_in(browser, house.console, EMAILS["agent"], PASSWORD) as page:
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("button", name="Light or dark").click()
        looked_at(page, house.console, "/clients")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_no_cell_of_a_saved_table_is_a_formula(browser: Browser, house: House) -> None:
    with signed_in(browser, house.console, EMAILS["agent"], PASSWORD) as page:
        looked_at(page, house.console, "/market")
        drawn = page.locator("figure", has=page.locator("td")).first
        drawn.locator("td").first.evaluate("cell => { cell.textContent = '=1+1' }")
        with page.expect_download() as saved:
            drawn.get_by_role("button", name="Save CSV").click()
        assert "'=1+1" in saved.value.path().read_text("utf-8-sig")


def test_keys_lead_through_the_pages(browser: Browser, house: House) -> None:
    with signed_in(browser, house.console, EMAILS["agent"], PASSWORD) as page:
        page.keyboard.press("g")
        page.keyboard.press("m")
        page.wait_for_url("**/market")
        page.keyboard.press("?")
        page.get_by_role("dialog").get_by_label("Single keys do something").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        page.keyboard.press("c")
        page.wait_for_timeout(300)
        assert page.url.endswith("/market")
