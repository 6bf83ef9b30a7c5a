"""What people do on the pages, done in a browser: whom to call and why, what came of it, compare, ask, bring a file."""

import re
import uuid
from collections.abc import Iterator
from random import Random

import pytest
from benchmarks.harness.browser import looked_at, signed_in
from benchmarks.harness.house import EMAILS, PASSWORD, House
from benchmarks.harness.stalls import FAULTS, NOTE, Outcome, Trial
from playwright.sync_api import Browser, Page, Route, expect

ROWS = (
    "Omar Aziz,+971 50 123 4567,2.4m,Palm",
    "Sara,+971 50 223 4567,about two,Marina",
    "Nour,+971 50 323 4567,1800000,",
)
FILE = "\n".join(("Customer name,Mobile,Budget,الموقع", *ROWS)).encode()


@pytest.fixture
def agent(browser: Browser, house: House) -> Iterator[Page]:
    with signed_in(browser, house.console, EMAILS["agent"], PASSWORD) as page:
        yield page


@pytest.fixture
def manager(browser: Browser, house: House) -> Iterator[Page]:
    with signed_in(browser, house.console, EMAILS["manager"], PASSWORD) as page:
        yield page


def next_to_call(page: Page, house: House) -> str:
    """Go to the queue of now, or at night to that of the morning, and return who stands on top."""
    looked_at(page, house.console, "/today")
    morning = page.get_by_role("link", name="See who it will be")
    if morning.count():
        morning.click()
        page.wait_for_url("**/today?at=**")
    return page.locator(".next h2").inner_text()


def test_an_agent_learns_whom_to_call_and_why_and_says_what_came_of_it(agent: Page, house: House) -> None:
    first, note = next_to_call(agent, house), uuid.uuid4().hex
    assert agent.locator(".next .reasons li").count() >= 2
    expect(agent.get_by_role("link", name="Call", exact=True)).to_have_attribute("href", re.compile(r"^tel:\+\d+"))
    whatsapp = agent.get_by_role("link", name="WhatsApp")
    expect(whatsapp).to_have_attribute("href", re.compile(r"^https://wa\.me/\d+\?text="))
    client = agent.locator(".next h2 a").get_attribute("href")
    agent.locator(".next").get_by_label("Note").first.fill(note)
    agent.get_by_role("button", name="No answer").click()
    expect(agent.locator("#told")).to_contain_text("Kept: no answer")
    expect(agent.locator(".next h2")).not_to_have_text(first)
    assert house.notes(note) == [note]
    looked_at(agent, house.console, str(client))
    expect(agent.get_by_text(note)).to_be_visible()


def test_who_is_skipped_makes_room_for_the_next(agent: Page, house: House) -> None:
    first = next_to_call(agent, house)
    agent.get_by_text("Skip for now").click()
    agent.locator("form[data-action=skip] button").first.click()
    expect(agent.locator("#told")).to_contain_text("Skipped")
    expect(agent.locator(".next h2")).not_to_have_text(first)


def test_units_are_chosen_and_compared(agent: Page, house: House) -> None:
    looked_at(agent, house.console, "/properties")
    for tick in (0, 1):
        agent.get_by_role("checkbox").nth(tick).check()
    agent.get_by_role("button", name="Compare ticked units").click()
    agent.wait_for_url(re.compile(r"/properties/compare\?unit=.*&unit="))
    expect(agent.get_by_text("≠ differs").first).to_be_visible()


def test_a_question_is_answered_with_records_that_open_and_judged(agent: Page, house: House) -> None:
    looked_at(agent, house.console, f"/assistant?client_id={house.client_paths[0].rpartition('/')[2]}")
    agent.get_by_label("Your question").fill("Which available unit suits this client?")
    agent.get_by_role("button", name="Ask", exact=True).click()
    agent.wait_for_url(re.compile(r"/assistant/[0-9a-f-]{36}$"))
    answer = agent.url
    agent.locator(".cites a").first.click()
    agent.wait_for_url(re.compile(r"/(clients|properties|market|agents|behavior)"))
    agent.goto(answer)
    agent.get_by_role("button", name="Helpful", exact=True).click()
    expect(agent.locator("form[data-action=feedback] .outcome")).to_contain_text("Thank you")


def test_a_dirty_file_is_brought_a_row_mended_and_all_of_it_taken_back(agent: Page, house: House) -> None:
    looked_at(agent, house.console, "/imports")
    agent.get_by_label("File").set_input_files({"name": "leads.csv", "mimeType": "text/csv", "buffer": FILE})
    agent.get_by_role("button", name="Bring it").click()
    agent.wait_for_url(re.compile(r"/imports/[0-9a-f-]{36}$"))
    expect(agent.get_by_text("1 rejected").first).to_be_visible()
    mending = agent.locator("form[data-action=import_fix]").first
    mending.get_by_label("Budget").fill("2.1m")
    mending.get_by_role("button", name="Check and keep").click()
    expect(agent.locator("#told")).to_contain_text("Line 3 is ready")
    agent.get_by_role("button", name="Take 3 rows").click()
    expect(agent.get_by_text("3 created, 0 updated.")).to_be_visible(timeout=60_000)
    agent.get_by_role("button", name="Undo the whole import").click()
    expect(agent.get_by_role("heading", name="Taken back")).to_be_visible(timeout=60_000)


def test_a_manager_sees_who_needs_help_and_opens_the_deals_behind_a_number(manager: Page, house: House) -> None:
    looked_at(manager, house.console, "/overview")
    looked_at(manager, house.console, f"/agents/{house.agent_id}")
    manager.locator("main a[href*='/deals?']").first.click()
    manager.wait_for_url("**/deals?**")
    expect(manager.get_by_role("table").first).to_be_visible()


def test_what_is_typed_outlives_a_restart(agent: Page, house: House) -> None:
    looked_at(agent, house.console, house.client_paths[0])
    agent.locator(NOTE).first.press_sequentially("asked for the floor plan")
    house.console.restart()
    looked_at(agent, house.console, house.client_paths[0])
    assert agent.locator(NOTE).first.input_value() == "asked for the floor plan"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_loses_nothing_and_doubles_nothing(browser: Browser, house: House, fault: str) -> None:
    assert Trial(browser, house, Random(fault)).run(fault) == Outcome(0, 0, 0)


def test_a_note_that_the_server_refuses_stays_where_it_was_typed(agent: Page, house: House) -> None:
    looked_at(agent, house.console, house.client_paths[0])
    agent.locator(NOTE).first.fill("call me later")
    agent.locator("form[data-action=contact] button[value=call_back]").first.click()
    expect(agent.locator("form[data-action=contact] .outcome").first).to_contain_text("when to call back")
    assert agent.locator(NOTE).first.input_value() == "call me later"
    assert house.notes("call me later") == []


def test_enter_in_a_field_says_of_no_call_what_came_of_it(agent: Page, house: House) -> None:
    asked: list[str] = []
    looked_at(agent, house.console, house.client_paths[0])
    agent.on("request", lambda request: asked.append(request.url))
    when = agent.get_by_label("Call back at").first
    when.fill("2027-01-05T10:00")
    when.press("Enter")
    agent.wait_for_timeout(500)
    assert [url for url in asked if "/do/" in url] == []


def test_an_error_of_the_server_is_told_and_not_sent_again(agent: Page, house: House) -> None:
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=500, json={"detail": "Something broke.", "request_id": "request-of-the-test"})

    looked_at(agent, house.console, house.client_paths[0])
    agent.route("**/do/contact", fail)
    agent.get_by_role("button", name="No answer").first.click()
    outcome = agent.locator("form[data-action=contact] .outcome").first
    expect(outcome).to_contain_text("Something broke. (request request-of-the-test)")
    looked_at(agent, house.console, house.client_paths[0])
    agent.wait_for_timeout(1_000)
    assert len(asked) == 1


def test_what_the_server_is_still_at_when_the_page_is_left_is_asked_for_again(agent: Page, house: House) -> None:
    note, answers = uuid.uuid4().hex, ["none", "running"]

    def answer(route: Route) -> None:
        match answers.pop(0) if answers else "its own":
            case "none":
                return  # The page is left before there is one.
            case "running":
                route.fulfill(status=409, json={"detail": "A call with this Idempotency-Key is still running."})
            case _:
                route.continue_()

    looked_at(agent, house.console, house.client_paths[0])
    agent.route("**/do/contact", answer)
    agent.locator(NOTE).first.fill(note)
    agent.get_by_role("button", name="No answer").first.click()
    looked_at(agent, house.console, house.client_paths[0])
    expect(agent.locator("#told")).to_contain_text("Kept: no answer")
    assert house.notes(note) == [note]


def test_a_session_that_ended_meanwhile_sends_what_waits_after_the_log_in(agent: Page, house: House) -> None:
    looked_at(agent, house.console, house.client_paths[1])
    note = uuid.uuid4().hex
    agent.locator(NOTE).first.fill(note)
    agent.context.clear_cookies()
    agent.locator("form[data-action=contact] button[value=no_answer]").first.click()
    agent.wait_for_url("**/login?**")
    assert house.notes(note) == []
    agent.get_by_label("E-mail").fill(EMAILS["agent"])
    agent.get_by_label("Password").fill(PASSWORD)
    agent.get_by_role("button", name="Sign in").click()
    expect(agent.locator("#told")).to_contain_text("Kept: no answer")
    assert house.notes(note) == [note]
