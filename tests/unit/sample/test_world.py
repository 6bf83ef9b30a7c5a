"""The sample world: its size, its shape, and that its truth can be found again."""

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from estate.registry import metadata
from estate.sample.phrases import TERMS
from estate.sample.world import World, generate

NOW = dt.datetime(2026, 5, 20, 9, 30, tzinfo=dt.UTC)
SEED = 7
Rows = dict[str, list[dict[str, Any]]]
Floats = NDArray[np.float64]

# What the platform computes itself or the database fills; everything else in a model comes with the rows.
COMPUTED = {
    "market_insights": {
        *("price_avg", "price_median", "demand_score", "supply_score", "sales_volume", "new_projects"),
        *("agent_density", "segments", "snapshot_count", "as_of"),
    },
    "market_snapshots": {"snapshot_id", "received_at"},
    "agent_activity": {"event_count", "response_count", "response_seconds_total", "last_event_at"},
    "client_profiles": {
        *("qualification_score", "qualification_lower", "qualification_upper", "qualification_n", "name_key"),
    },
    "properties": {"event_count", "last_event_at", "real_demand", "sales_velocity", "computed", "recount_at"},
    "conversations": {"content_hash", "received_at"},
    "behavior_events": {
        *("pattern_group", "content_hash", "folded_deal_id", "folded_outcome", "folded_at"),
    },
}


@cache
def world(scale: int, seed: int = SEED) -> World:
    return generate(scale, seed, NOW)


@cache
def rows_of(scale: int) -> Rows:
    return {table: list(rows) for table, rows in world(scale).tables()}


def digest(made: World) -> str:
    """Hash every row of every table in order."""
    total = hashlib.sha256()
    for table, rows in made.tables():
        for row in rows:
            total.update(json.dumps([table, row], default=str, ensure_ascii=False).encode())
    return total.hexdigest()


def keys(rows: Iterable[Mapping[str, Any]], *columns: str) -> set[tuple[Any, ...]]:
    """Return the values of some columns, without rows in which one is null."""
    found = {tuple(row[column] for column in columns) for row in rows}
    return {key for key in found if None not in key}


def logistic_fit(features: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    """Return the estimates of an unpenalised logistic regression with intercept, and their standard errors."""
    design = np.column_stack([np.ones(len(features)), features])
    beta = np.zeros(design.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-design @ beta))
        information = design.T @ (design * (chance * (1 - chance))[:, None])
        beta += np.linalg.solve(information, design.T @ (outcome - chance))
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))


def closed(made: World) -> tuple[Floats, Floats]:
    """Return the true design and the outcomes of the deals that have ended."""
    ended = made.deals.outcome >= 0
    return made.truth.features[ended], made.deals.outcome[ended].astype(float)


@pytest.mark.parametrize("scale", [1, 3])
def test_sizes_grow_with_the_scale(scale: int) -> None:
    sizes = {table: len(rows) for table, rows in rows_of(scale).items()}
    assert sizes["teams"] == 4
    assert sizes["agent_activity"] == 12 * scale
    assert sizes["client_profiles"] == 120 * scale
    assert sizes["projects"] == 12 * scale
    assert sizes["properties"] == 240 * scale
    assert sizes["deals"] == 320 * scale
    assert sizes["conversations"] >= 330 * scale
    assert sizes["behavior_events"] >= 1500 * scale
    assert 8 <= sizes["market_insights"] <= 24
    assert sizes["market_snapshots"] == sizes["market_insights"] * 2 * 36


def test_same_seed_same_bytes_and_another_seed_other_bytes() -> None:
    assert digest(generate(1, SEED, NOW)) == digest(world(1))
    assert digest(generate(1, SEED + 1, NOW)) != digest(world(1))


def test_reading_the_tables_twice_gives_the_same_rows() -> None:
    assert digest(world(1)) == digest(world(1))


@pytest.mark.parametrize(("scale", "seed", "now"), [(0, 1, NOW), (1, -1, NOW), (1, 1, NOW.replace(tzinfo=None))])
def test_arguments_that_make_no_world_are_refused(scale: int, seed: int, now: dt.datetime) -> None:
    with pytest.raises(ValueError, match=r"scale|zone"):
        generate(scale, seed, now)


def test_rows_have_exactly_the_columns_that_the_platform_does_not_fill() -> None:
    for table, rows in rows_of(1).items():
        wanted = {column.name for column in metadata.tables[table].columns} - COMPUTED.get(table, set())
        assert {frozenset(row) for row in rows} == {frozenset(wanted)}, table


def test_tables_come_in_the_order_of_their_foreign_keys_and_refer_to_rows_that_exist() -> None:
    known: Rows = {}
    for table, rows in rows_of(3).items():
        known[table] = rows
        for constraint in metadata.tables[table].foreign_key_constraints:
            here = [column.name for column in constraint.columns]
            there = [element.column.name for element in constraint.elements]
            if set(here) <= set(rows[0]):
                assert keys(rows, *here) <= keys(known[constraint.referred_table.name], *there), (table, here)


def test_primary_keys_are_unique_and_ids_are_uuids_of_version_4() -> None:
    for table, rows in rows_of(3).items():
        primary = [column.name for column in metadata.tables[table].primary_key]
        if set(primary) <= set(rows[0]):
            assert len(keys(rows, *primary)) == len(rows), table
    ids = [value for rows in rows_of(1).values() for value in rows[0].values() if isinstance(value, UUID)]
    assert {value.version for value in ids} == {4}


def test_all_that_happened_lies_before_now() -> None:
    for table, rows in rows_of(3).items():
        for row in rows:
            times = {name: value for name, value in row.items() if isinstance(value, dt.datetime)}
            assert all(value < NOW for value in times.values()), (table, times)
    assert all(row["observed_on"] < NOW.date() for row in rows_of(3)["market_snapshots"])


def test_deals_go_through_their_stages_in_order_and_as_far_as_they_got() -> None:
    rows, way = rows_of(3), ["new", "qualified", "viewing", "negotiation", "reserved"]
    reached: dict[UUID, dict[str, dt.datetime]] = defaultdict(dict)
    for row in rows["deal_stages"]:
        reached[row["deal_id"]][row["stage"]] = row["reached_at"]
    for deal in rows["deals"]:
        history = reached[deal["deal_id"]]
        passed = [stage for stage in history if stage in way]
        assert passed == way[: len(passed)]
        assert list(history)[len(passed) :] == ([deal["outcome"]] if deal["outcome"] else [])
        times = list(history.values())
        assert times == sorted(times)
        assert times[0] == deal["opened_at"]
        if deal["outcome"] is None:
            assert passed[-1] == deal["stage"]
        else:
            assert times[-1] == deal["closed_at"]
        assert deal["outcome"] != "won" or passed == way


def test_lost_deals_of_a_better_chance_got_further() -> None:
    made = world(10)
    lost = made.deals.outcome == 0
    chance, furthest = made.truth.win_probability[lost], made.furthest[lost]
    assert furthest.std() > 0
    assert np.corrcoef(chance, furthest)[0, 1] > 0.2


def test_events_and_turns_lie_within_their_deal_and_conversation() -> None:
    rows = rows_of(1)
    deals = {row["deal_id"]: row for row in rows["deals"]}
    for event in rows["behavior_events"]:
        if event["deal_id"] is not None:
            deal = deals[event["deal_id"]]
            assert deal["opened_at"] <= event["time_of_event"] < (deal["closed_at"] or NOW)
            assert event["client_id"] == deal["client_id"]
            assert event["property_unit_id"] == deal["unit_id"]
    turns = defaultdict(list)
    for turn in rows["utterances"]:
        turns[turn["conversation_id"]].append(turn["turn"])
    assert all(turns[c["conversation_id"]] == list(range(c["turn_count"])) for c in rows["conversations"])


def test_every_term_said_is_one_event_and_nothing_else_is_said() -> None:
    rows = rows_of(1)
    heard = {
        (turn["conversation_id"], turn["turn"], turn["speaker"], term.text, turn["said_at"])
        for turn in rows["utterances"]
        for term in TERMS
        if term.text in turn["text"]
    }
    events = [
        (
            event["conversation_id"],
            event["metadata"]["turn"],
            event["metadata"]["speaker"],
            event["trigger_word"],
            event["time_of_event"],
        )
        for event in rows["behavior_events"]
        if event["trigger_word"] is not None
    ]
    assert len(events) == len(set(events))
    assert heard == set(events)


def test_money_has_two_places_and_a_currency() -> None:
    rows = rows_of(1)
    for table, column in (
        ("market_snapshots", "price_avg"),
        ("client_profiles", "budget"),
        ("properties", "price"),
        ("deals", "value"),
    ):
        amounts = {row[column].as_tuple().exponent for row in rows[table]}
        assert amounts == {-2}, table
        assert {row["currency"] for row in rows[table]} == {"AED"}


def test_payment_plans_sum_to_the_whole() -> None:
    seen = set()
    for unit in rows_of(3)["properties"]:
        plan = unit["payment_plan"]
        seen.add(plan["plan_type"])
        assert Decimal(plan["total_price"]) == unit["price"]
        by_stage: dict[str, Decimal] = defaultdict(Decimal)
        for instalment in plan["installments"]:
            assert ("pct" in instalment) != ("amount" in instalment)
            if "pct" in instalment:
                by_stage[instalment["stage"]] += instalment["pct"]
            else:
                amount = Decimal(instalment["amount"])
                assert amount.as_tuple().exponent == -2
                by_stage[instalment["stage"]] += 100 * amount / unit["price"]
        assert sum(by_stage.values()) == 100
        assert by_stage["down_payment"] == plan["down_payment_pct"]
        assert by_stage["construction"] == plan["during_construction_pct"]
        assert by_stage["handover"] == plan["on_handover_pct"]
        assert by_stage["post_handover"] == plan["post_handover_pct"]
        assert len(plan["installments"]) == plan["number_of_installments"]
    assert seen == {"cash", "construction_linked", "time_linked", "post_handover", "custom"}


def test_no_instalment_before_handover_falls_after_it() -> None:
    for unit in rows_of(3)["properties"]:
        months_left = (unit["delivery_date"] - NOW.date()).days / 30
        for instalment in unit["payment_plan"]["installments"]:
            trigger = instalment["trigger"]
            if trigger["type"] == "months_after_booking":
                assert trigger["value"] <= months_left
            if trigger["type"] == "construction_pct":
                assert trigger["value"] < 100
                assert trigger["expected_date"] <= unit["delivery_date"].isoformat()


def test_contact_data_can_reach_nobody() -> None:
    clients = rows_of(3)["client_profiles"]
    assert all(client["email"].endswith("@example.com") for client in clients)
    assert all(client["phone"][5:10] == "55501" and len(client["phone"]) == 12 for client in clients)
    assert len(keys(clients, "phone")) == len(keys(clients, "email")) == len(clients)
    blocked = [client for client in clients if client["do_not_contact"]]
    assert 0 < len(blocked) < len(clients) / 10
    assert all(client["contact_consent"] is False for client in blocked)


def test_a_unit_is_sold_once_and_its_status_tells_it() -> None:
    rows = rows_of(3)
    last: dict[UUID, list[str | None]] = defaultdict(list)
    for deal in sorted(rows["deals"], key=lambda deal: deal["opened_at"]):
        last[deal["unit_id"]].append(deal["outcome"])
    assert all(outcome == "lost" for outcomes in last.values() for outcome in outcomes[:-1])
    sold_at = {deal["unit_id"]: deal["closed_at"] for deal in rows["deals"] if deal["outcome"] == "won"}
    reserved = {deal["unit_id"] for deal in rows["deals"] if deal["stage"] == "reserved"}
    for unit in rows["properties"]:
        assert unit["sold_at"] == sold_at.get(unit["unit_id"])
        assert (unit["status"] == "sold") == (unit["unit_id"] in sold_at)
        assert (unit["status"] == "reserved") == (unit["unit_id"] in reserved)
    assert reserved


def test_what_the_agents_report_agrees_with_the_deals() -> None:
    rows = rows_of(1)
    for agent in rows["agent_activity"]:
        outcomes = [deal["outcome"] for deal in rows["deals"] if deal["agent_id"] == agent["agent_id"]]
        won, lost = outcomes.count("won"), outcomes.count("lost")
        assert (agent["deals_closed"], agent["lead_responses"]) == (won, len(outcomes))
        assert abs(float(agent["closing_rate"]) - won / (won + lost)) <= 0.00005
        assert sum(agent["objections_heard"].values()) == lost


def test_some_deals_are_open_and_stand_in_every_stage() -> None:
    running = [deal for deal in rows_of(3)["deals"] if deal["outcome"] is None]
    assert 0.05 < len(running) / len(rows_of(3)["deals"]) < 0.25
    assert {deal["stage"] for deal in running} == {"new", "qualified", "viewing", "negotiation", "reserved"}
    assert all(deal["closed_at"] is None and deal["lost_reason"] is None for deal in running)


def test_the_truth_is_the_law_that_it_states() -> None:
    """The design, rebuilt from the published rows, gives the chance that the truth names."""
    rows, truth = rows_of(1), world(1).truth
    units = {unit["unit_id"]: unit for unit in rows["properties"]}
    clients = {client["client_id"]: client for client in rows["client_profiles"]}
    said: dict[UUID, set[str]] = defaultdict(set)
    for event in rows["behavior_events"]:
        if event["trigger_word"] is not None:
            said[event["deal_id"]].add(event["trigger_word"])
    for deal, chance in zip(rows["deals"], truth.win_probability, strict=True):
        unit, client = units[deal["unit_id"]], clients[deal["client_id"]]
        over = float(unit["price"]) / truth.client_budget[deal["client_id"]] - 1
        wanted = {target["area_id"] for target in client["location_targets"]}
        logit = (
            truth.base_logit
            + truth.agent_skill[deal["agent_id"]]
            + 0.8 * truth.client_readiness[deal["client_id"]]
            - 3 * min(max(over, 0), 0.6)
            + 0.6 * (str(unit["area_id"]) in wanted)
            - 0.4 * min(2, abs(unit["bedrooms"] - client["interest"]["bedrooms"]))
            + 0.3 * np.cos(2 * np.pi * (deal["opened_at"].month - 1) / 12)
            + sum(truth.effects[term] for term in said[deal["deal_id"]])
        )
        assert chance == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-12)


def test_the_true_design_recovers_every_effect() -> None:
    """At scale 20 each estimate lies within four standard errors of the truth, and all together are no worse.

    Under the truth the squared z-scores sum to a chi-square with k degrees of freedom: mean k, variance 2 k.
    """
    made = world(20)
    beta, errors = logistic_fit(*closed(made))
    truth = np.array([made.truth.base_logit, *made.truth.coefficients])
    z = (beta - truth) / errors
    assert np.abs(z).max() < 4
    assert (z**2).sum() < len(z) + 4 * np.sqrt(2 * len(z))
    strong = np.abs(truth) > 4 * errors
    assert strong.sum() >= 15
    assert (np.sign(beta[strong]) == np.sign(truth[strong])).all()


def test_a_neutral_word_that_travels_along_looks_strong_until_its_leader_is_known() -> None:
    made = world(20)
    features, outcome = closed(made)
    full, full_errors = logistic_fit(features, outcome)
    for term in (term for term in TERMS if term.follows is not None):
        column = made.truth.columns.index(term.text)
        assert made.truth.effects[term.text] == 0
        alone, error = logistic_fit(features[:, [column]], outcome)
        assert alone[1] > 5 * error[1]
        assert abs(full[column + 1]) < 4 * full_errors[column + 1]


def test_case_mix_hides_skill_from_raw_win_rates() -> None:
    """Hard clients go to better agents: without readiness in the model, the slope on skill falls below a half."""
    made = world(20)
    features, outcome = closed(made)
    skill, readiness = (made.truth.columns.index(name) for name in ("agent_skill", "client_readiness"))
    assert np.corrcoef(features[:, skill], features[:, readiness])[0, 1] < -0.3
    raw, raw_error = logistic_fit(features[:, [skill]], outcome)
    full, full_error = logistic_fit(features, outcome)
    assert raw[1] + 2 * raw_error[1] < 0.5
    assert abs(full[1 + skill] - 1) < 4 * full_error[1 + skill]


def test_stronger_clients_talk_longer() -> None:
    made = world(20)
    readiness = made.scene.clients.readiness[made.scene.leads.client[made.talk.deal]]
    assert np.corrcoef(readiness, made.talk.turns)[0, 1] > 0.2


def test_at_scale_one_some_effects_are_visible_and_some_are_not() -> None:
    visible = []
    for seed in range(1, 7):
        made = world(1, seed)
        beta, errors = logistic_fit(*closed(made))
        z = np.abs(beta / errors)[-len(TERMS) :]
        visible.append(int((z[[term.log_odds != 0 for term in TERMS]] > 2.5).sum()))
    effective = sum(term.log_odds != 0 for term in TERMS)
    assert min(visible) >= 1
    assert np.mean(visible) >= 3
    assert max(visible) < effective


def test_area_prices_follow_their_true_growth() -> None:
    """The slope of the log price over three years agrees with the truth within four standard errors."""
    rows, truth = rows_of(3), world(3).truth
    history: dict[UUID, list[tuple[float, float]]] = defaultdict(list)
    for row in rows["market_snapshots"]:
        if row["segment"] == "ready":
            years = (row["observed_on"] - NOW.date()).days / 365.25
            history[row["area_id"]].append((years, float(np.log(float(row["price_avg"])))))
    for area_id, points in history.items():
        years_ago, log_price = np.array(points).T
        slope = np.polyfit(years_ago, log_price, 1)[0]
        # Noise with memory 0.7 counts as (1 + 0.7) / (1 − 0.7) times the variance of independent noise.
        spread = np.hypot(0.012 * np.sqrt(1.7 / 0.3), 0.02)
        assert abs(slope - truth.area_growth[area_id]) < 4 * spread / (years_ago.std() * np.sqrt(len(years_ago)))


def test_months_of_launch_list_the_projects_launched() -> None:
    launches = [row for row in rows_of(3)["market_snapshots"] if row["new_projects"]["count"]]
    projects = keys(rows_of(3)["projects"], "project_id")
    assert launches
    for row in launches:
        items = row["new_projects"]["items"]
        assert len(items) == row["new_projects"]["count"]
        assert {(UUID(item["project_id"]),) for item in items} <= projects
        assert all(item["launch_date"] <= row["observed_on"].isoformat() for item in items)
