"""Parts of the sale: who is strong where, whatever the clients."""

import numpy as np
from numpy.typing import NDArray

from estate.agent.analytics.skill_parts import skill_parts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
AGENTS, DEALS = 20, 120


def world(seed: int, strong: tuple[int, int] | None) -> tuple[list[int], Ints, Floats]:
    """Draw how far deals get; one agent may be strong in one part. Odd agents are dealt easier clients."""
    rng = np.random.default_rng(seed)
    agent = np.repeat(np.arange(AGENTS), DEALS)
    ease = rng.normal(0, 1, len(agent)) + 0.8 * (agent % 2)
    furthest, alive = np.zeros(len(agent), dtype=np.int64), np.ones(len(agent), dtype=bool)
    for part, base in enumerate((0.8, 0.3, 0.0, -0.3)):
        eta = base + 0.6 * ease
        if strong is not None and strong[1] == part:
            eta += 1.5 * (agent == strong[0])
        alive &= rng.random(len(agent)) < 1 / (1 + np.exp(-eta))
        furthest[alive] = part + 1
    return agent.tolist(), furthest, 1 / (1 + np.exp(1.5 - ease))


def test_a_strength_is_found_in_its_part_alone() -> None:
    found_strong = 0
    for seed in range(10):
        found = skill_parts(*world(seed, (3, 1)))
        parts = {part.part: part for part in found[3]}
        best = max(found, key=lambda a: next(p.score for p in found[a] if p.part == "show"))
        found_strong += best == 3 and parts["show"].lower > 1
        assert parts["show"].score == max(part.score for part in parts.values())
    assert found_strong >= 9


def test_easy_clients_are_not_a_strength() -> None:
    gaps = []
    for seed in range(10):
        found = skill_parts(*world(seed, None))
        even, odd = (np.mean([p.score for a in range(side, AGENTS, 2) for p in found[a]]) for side in (0, 1))
        gaps.append(odd - even)
    assert abs(float(np.mean(gaps))) < 0.06


def test_counts_add_up_and_few_deals_say_so() -> None:
    agents, furthest, chances = ["a"] * 6 + ["b"] * 2, np.array([4, 3, 2, 1, 0, 0, 4, 0]), np.linspace(0.1, 0.6, 8)
    found = skill_parts(agents, furthest, chances)
    assert [(p.part, p.n, p.passed) for p in found["a"]] == [
        ("qualify", 6, 4),
        ("show", 4, 3),
        ("negotiate", 3, 2),
        ("close", 2, 1),
    ]
    assert [p.enough for p in found["a"]] == [True, True, True, False]
    assert not any(p.enough for p in found["b"])
    both = [p for parts in found.values() for p in parts if p.part == "qualify"]
    assert abs(sum(p.expected for p in both) - sum(p.passed for p in both)) < 1e-9


def test_without_deals_there_is_nothing_to_say() -> None:
    assert skill_parts([], np.empty(0, dtype=np.int64), np.empty(0)) == {}
