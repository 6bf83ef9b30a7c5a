"""An analysis finds what was planted, publishes it, and says when there is nothing."""

import datetime as dt
import random
import uuid
from typing import Any

import pytest
from sqlalchemy import text

from estate.behavior import service, tasks
from estate.behavior.errors import RunUnknown
from estate.core import outbox
from estate.core.outbox import Claim
from estate.core.settings import get_settings

from .conftest import Door, World, numbered

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def work() -> None:
    for topic, handler in ((tasks.FOLD, tasks.fold), (tasks.ANALYSE, tasks.analyse)):
        outbox.drain(topic, handler, now=dt.datetime(2100, 1, 1, tzinfo=dt.UTC))


def lone_events(world: World, n: int = 60) -> list[dict[str, Any]]:
    """Make events without deals in which one word wins, one loses and one does neither."""
    draw = random.Random(5)
    chance = {"payment plan": 0.9, "too expensive": 0.1, "sea view": 0.5}
    return [
        world.event(
            100 * i + j,
            agent_id=draw.choice(world.agents),
            client_id=draw.choice(world.clients),
            trigger_word=word,
            conversion_effect=1 if draw.random() < chance[word] else -1,
        )
        for i, word in enumerate(chance)
        for j in range(n)
    ]


def test_words_of_lone_events_are_compared_by_their_effect(door: Door, world: World) -> None:
    door.events(*lone_events(world))
    work()
    found = service.triggers(door.session, 20)
    assert {t.term: t.evidence for t in found.items} == {
        "payment plan": "proven",
        "too expensive": "proven",
        "sea view": "candidate",
    }
    assert found.items[2].term == "sea view"
    by_term = {t.term: t for t in found.items}
    best = by_term["payment plan"]
    assert 1 < best.lower < best.lift < best.upper
    assert (best.n_with, best.n_without, best.n_agents) == (60, 120, 3)
    assert by_term["too expensive"].upper < 1
    assert (found.status, found.run is not None and found.run.n_won + found.run.n_lost) == ("ok", 180)


def test_an_analysis_may_compute_for_longer_than_a_transaction_may_idle(door: Door, world: World) -> None:
    door.session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '1s'"))
    service.analyse(door.session, now=NOW)
    allowed = door.session.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert allowed == f"{get_settings().analysis_timeout_s / 60:.0f}min"


def test_the_number_asked_for_is_answered(door: Door, world: World) -> None:
    door.events(*lone_events(world))
    work()
    assert len(service.triggers(door.session, 1).items) == 1


def test_a_word_said_often_in_one_deal_counts_once(door: Door, world: World) -> None:
    door.deals(*(world.deal(i, stage="won" if i % 2 else "lost", client_id=world.clients[0]) for i in range(2)))
    door.events(*(world.event(i, deal_id=numbered(6, 1), trigger_word="discount") for i in range(200)))
    door.events(world.event(999, deal_id=numbered(6, 0), trigger_word="view"))
    work()
    found = service.triggers(door.session, 20)
    assert {(t.term, t.n_with, t.evidence) for t in found.items} == {
        ("discount", 1, "candidate"),
        ("view", 1, "candidate"),
    }
    assert (found.status, found.why.rpartition("; ")[2]) == ("insufficient_data", "there are 1 and 1.")


def test_open_deals_enter_no_rate(door: Door, world: World) -> None:
    door.deals(world.deal(1, stage="viewing"))
    door.events(world.event(1, trigger_word="discount"))
    work()
    found = service.triggers(door.session, 20)
    assert found.items == []
    assert (found.status, found.run is not None and found.run.n_open) == ("insufficient_data", 1)


def test_before_any_analysis_it_says_so(door: Door) -> None:
    for answer in (service.triggers(door.session, 5), service.patterns(door.session)):
        assert (answer.items, answer.run, answer.status) == ([], None, "insufficient_data")
        assert answer.why


def test_an_analysis_claimed_twice_publishes_the_same(door: Door, world: World) -> None:
    door.events(*lone_events(world))
    outbox.drain(tasks.FOLD, tasks.fold, now=dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
    tasks.analyse(door.session, [Claim(1, "all", {}), Claim(2, "all", {})])
    first = service.triggers(door.session, 20).items
    tasks.analyse(door.session, [Claim(1, "all", {})])
    assert service.triggers(door.session, 20).items == first


def test_the_newest_ten_runs_are_kept(door: Door, world: World) -> None:
    door.events(world.event(1, trigger_word="discount", conversion_effect=1))
    for day in range(13):
        service.analyse(door.session, now=NOW + dt.timedelta(days=day))
    assert door.rows("SELECT count(*), min(as_of) FROM analysis_runs") == [(10, NOW + dt.timedelta(days=3))]


def companions(world: World) -> list[dict[str, Any]]:
    """Make conversations of events in which two pairs of words keep company, and others do not."""
    draw = random.Random(9)
    rows: list[dict[str, Any]] = []
    for talk in range(80):
        words = draw.sample([f"word {i}" for i in range(12)], 3)
        if talk % 4 < 2:
            words += [("payment plan", "down payment"), ("site visit", "show apartment")][talk % 4]
        for word in words:
            number, case = len(rows), numbered(7, talk)
            rows.append(world.event(number, trigger_word=word, conversation_id=case, conversion_effect=talk % 3 - 1))
    return rows


@pytest.fixture
def grouped(door: Door, world: World) -> Door:
    door.talks(*(world.talk(i, [("agent", "Yes.")]) for i in range(80)))
    door.events(*companions(world))
    work()
    return door


def test_words_that_keep_company_form_groups_that_their_events_carry(grouped: Door) -> None:
    found = service.patterns(grouped.session)
    terms = {frozenset(g.terms): g.name for g in found.items}
    assert set(terms) == {frozenset(("payment plan", "down payment")), frozenset(("site visit", "show apartment"))}
    carried = grouped.rows(
        "SELECT DISTINCT trigger_word, pattern_group FROM behavior_events WHERE trigger_word NOT LIKE 'word %'"
    )
    assert dict(carried) == {word: name for group, name in terms.items() for word in group}
    assert all(found.events[name] == 40 for name in terms.values())
    assert all(g.size == g.n_won + g.n_lost + g.n_open == 20 for g in found.items)


def test_every_processed_event_has_a_group(grouped: Door) -> None:
    others = grouped.rows("SELECT DISTINCT pattern_group FROM behavior_events WHERE trigger_word LIKE 'word %'")
    assert {name for (name,) in others} == {"won", "lost"}
    assert grouped.value("SELECT count(*) FROM behavior_events WHERE pattern_group IS NULL") == 0


def test_an_event_that_comes_later_joins_the_group(grouped: Door, world: World) -> None:
    grouped.events(world.event(5000, trigger_word="Payment plan!"))
    service.fold(grouped.session, [numbered(5, 5000)])
    name = grouped.value("SELECT pattern_group FROM behavior_events WHERE event_id = :id", id=numbered(5, 5000))
    assert "payment plan" in name


def test_events_leave_a_group_that_is_no_longer_found(grouped: Door, world: World) -> None:
    assert service.patterns(grouped.session).items
    draw = random.Random(3)
    words = [f"word {i}" for i in range(12)] + ["payment plan", "down payment", "site visit", "show apartment"]
    grouped.talks(*(world.talk(1000 + i, [("agent", "Yes.")]) for i in range(600)))
    grouped.events(
        *(
            world.event(10_000 + 10 * i + j, trigger_word=word, conversation_id=numbered(7, 1000 + i))
            for i in range(600)
            for j, word in enumerate(draw.sample(words, 5))
        )
    )
    work()
    found = service.patterns(grouped.session)
    assert found.items == []
    assert found.events.keys() == {"new", "won", "lost"}


def test_frequent_words_of_free_talk_are_found_without_being_known(door: Door, world: World) -> None:
    deals = [world.deal(i, stage="won" if i % 2 else "lost", agent_id=world.agents[i % 3]) for i in range(60)]
    door.deals(*deals)
    talks = [
        world.talk(
            i,
            [("agent", "The moon garden is open." if i % 2 else "The parking deck is closed."), ("client", "Fine.")],
            deal_id=deals[i]["deal_id"],
            agent_id=world.agents[i % 3],
            started_at="2026-03-01T12:00:00Z",
        )
        for i in range(60)
    ]
    door.talks(*talks)
    work()
    (proven,) = (t for t in service.triggers(door.session, 50).items if t.evidence == "proven")
    # The one is said exactly where the other is not: no data can tell which of them matters, so they are one finding.
    said_when_won = proven.term in "the moon garden is open"
    assert (proven.lift > 1) == said_when_won
    assert (proven.speaker, proven.n_with, proven.n_agents) == ("agent", 30, 3)
    assert len(proven.examples) == 3
    first, turn = proven.examples[0].split(":")
    (text,) = door.rows(f"SELECT text FROM utterances WHERE conversation_id = '{first}' AND turn = {int(turn)}")
    assert proven.term in text[0].lower()
    assert proven.adjusted_for == ["length", "agent", "client", "proven triggers"]


@pytest.fixture
def handed_over(door: Door, world: World) -> Door:
    """Sixty deals in all of which the view came up; of the won half a list of defects is agreed when they are over."""
    closed_at = "2026-02-20T12:00:00Z"
    for i in range(60):
        deal = {"deal_id": numbered(6, i), "agent_id": world.agents[i % 3]}
        door.deals(world.deal(i, stage="won" if i % 2 else "lost", closed_at=closed_at, agent_id=deal["agent_id"]))
        door.events(world.event(i, trigger_word="view", time_of_event=closed_at, **deal))
        if i % 2:
            late = {"time_of_event": "2026-02-23T12:00:00Z", "trigger_word": "snagging list"}
            door.events(world.event(100 + i, **late, **deal))
            said = [("agent", "The moon garden is yours now.")]
            door.talks(world.talk(i, said, started_at="2026-02-23T12:00:00Z", **deal))
    work()
    return door


def test_what_is_said_after_a_deal_closed_is_no_evidence(handed_over: Door) -> None:
    found = service.triggers(handed_over.session, 20)
    assert {t.term for t in found.items} == {"view"}
    assert (found.run is not None and (found.run.n_won, found.run.n_lost)) == (30, 30)
    assert handed_over.stats() == {"view": (30, 30, 0), "snagging list": (30, 0, 0)}, "the counters take all"


def test_a_closing_time_that_is_corrected_is_analysed_again(handed_over: Door, world: World) -> None:
    later = {"closed_at": "2026-02-24T00:00:00Z"}
    handed_over.deals(*(world.deal(i, agent_id=world.agents[i % 3], **later) for i in range(1, 60, 2)))
    work()
    found = {t.term: t for t in service.triggers(handed_over.session, 20).items}
    assert found["snagging list"].n_with == 30


def test_nothing_proven_says_how_many_more_would_be_needed(door: Door, world: World) -> None:
    draw = random.Random(1)
    door.events(
        *(world.event(i, trigger_word=draw.choice(["a", "b", "c"]), conversion_effect=i % 2) for i in range(60))
    )
    work()
    found = service.triggers(door.session, 20)
    assert {t.evidence for t in found.items} == {"candidate"}
    assert found.run is not None
    assert (found.run.more_needed or 0) > 100
    assert f"about {found.run.more_needed} more" in found.why


def test_where_nearly_all_is_won_a_great_lift_is_called_impossible(door: Door, world: World) -> None:
    door.events(*(world.event(i, trigger_word="ab"[i % 2], conversion_effect=int(i > 4)) for i in range(60)))
    work()
    found = service.triggers(door.session, 20)
    assert found.run is not None
    assert (found.run.n_won, found.run.n_lost, found.run.more_needed) == (55, 5, None)
    assert "55 of them are won, so many that a term said in one of 5 cannot have a lift of 1.3." in found.why
    assert "enough" not in found.why


def test_an_earlier_run_stays_readable_and_an_unknown_one_is_refused(door: Door, world: World) -> None:
    door.events(world.event(1, trigger_word="discount", conversion_effect=1))
    outbox.drain(tasks.FOLD, tasks.fold, now=dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
    service.analyse(door.session, now=NOW)
    old = service.triggers(door.session, 5)
    door.events(world.event(2, trigger_word="view", conversion_effect=-1))
    outbox.drain(tasks.FOLD, tasks.fold, now=dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
    service.analyse(door.session, now=NOW + dt.timedelta(days=1))
    assert old.run is not None
    assert service.triggers(door.session, 5, old.run.run_id) == old
    assert service.triggers(door.session, 5) != old
    for read in (service.patterns, lambda session, run: service.triggers(session, 5, run)):
        with pytest.raises(RunUnknown):
            read(door.session, uuid.UUID(int=1))


def test_published_triggers_have_a_document_until_they_are_gone(door: Door, world: World) -> None:
    door.events(*lone_events(world))
    work()
    keys = {key for (key,) in door.rows("SELECT key FROM outbox WHERE topic = 'realestate_gpt.document'")}
    assert "behavior:trigger:payment plan" in keys
    (document,) = service.documents(door.session, ["trigger:payment plan", "trigger:never said"])
    shown = next(t for t in service.triggers(door.session, 5).items if t.term == "payment plan")
    assert (document.record_id, document.fields["lift"], document.fields["evidence"]) == (
        "trigger:payment plan",
        shown.lift,
        "proven",
    )
