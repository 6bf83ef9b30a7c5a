"""Finds right-angled ways for the lines of a drawing, around its boxes."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["GRID", "Box", "Point", "Router", "corners"]

GRID = 10
"""Pixels between two lanes; boxes stand on the grid."""

STEP = 1.0
SHARED_STEP = 0.4
"""A lane with lines to the same table is cheaper, so that they gather to one."""
BEND = 6.0
CROSSING = 8.0

Point = tuple[int, int]
Direction = tuple[int, int]
State = tuple[Point, Direction]

DIRECTIONS: tuple[Direction, ...] = ((1, 0), (0, 1), (-1, 0), (0, -1))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """Return the x of the right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """Return the y of the lower edge."""
        return self.y + self.height


@dataclass
class Router:
    """Routes line after line over one grid.

    Parameters
    ----------
    width, height : int
        Size of the drawing in pixels.
    boxes : iterable of Box
        What no line may touch.
    """

    width: int
    height: int
    boxes: Iterable[Box]
    _blocked: set[Point] = field(default_factory=set)
    _taken: dict[tuple[Point, bool], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Block the grid points on and around the boxes."""
        for box in self.boxes:
            for x in range(box.x - GRID, box.right + GRID + 1, GRID):
                self._blocked.update((x, y) for y in range(box.y - GRID, box.bottom + GRID + 1, GRID))

    def route(self, starts: Sequence[State], ends: Sequence[State], target: str) -> list[Point]:
        """Return the grid points of the cheapest way, and keep its lanes for lines to the same target.

        Parameters
        ----------
        starts, ends : sequence of state
            Where the line may begin and end, each with the direction of travel there.
        target : str
            What the line leads to.

        Raises
        ------
        ValueError
            There is no way.
        """
        way = self._search(starts, set(ends), target)
        for before, after in pairwise(way):
            horizontal = before[1] == after[1]
            self._taken[before, horizontal] = self._taken[after, horizontal] = target
        return way

    def _search(self, starts: Sequence[State], ends: set[State], target: str) -> list[Point]:
        costs = dict.fromkeys(starts, 0.0)
        came_from: dict[State, State] = {}
        queue = [(self._at_least(start, ends), start) for start in starts]
        heapq.heapify(queue)
        while queue:
            _, state = heapq.heappop(queue)
            if state in ends:
                return _trace(state, came_from)
            for after, price in self._steps(state, ends, target):
                cost = costs[state] + price
                if cost < costs.get(after, float("inf")):
                    costs[after] = cost
                    came_from[after] = state
                    heapq.heappush(queue, (cost + self._at_least(after, ends), after))
        raise ValueError(f"no way to {target}: widen the gaps between the boxes")

    def _at_least(self, state: State, ends: Iterable[State]) -> float:
        (x, y), _ = state
        return SHARED_STEP * min(abs(x - end[0]) + abs(y - end[1]) for end, _ in ends) / GRID

    def _steps(self, state: State, ends: set[State], target: str) -> Iterator[tuple[State, float]]:
        point, direction = state
        for turn in DIRECTIONS:
            if turn == (-direction[0], -direction[1]):
                continue
            after = (point[0] + GRID * turn[0], point[1] + GRID * turn[1])
            if self._outside(after) or (after in self._blocked and (after, turn) not in ends):
                continue
            along = {self._taken.get((p, turn[1] == 0)) for p in (point, after)} - {None}
            if along - {target}:
                continue
            across = self._taken.get((after, turn[1] != 0))
            price = SHARED_STEP if along else STEP
            price += BEND if turn != direction else 0.0
            price += CROSSING if across not in (None, target) else 0.0
            yield (after, turn), price

    def _outside(self, point: Point) -> bool:
        return not (0 < point[0] < self.width and 0 < point[1] < self.height)


def _trace(state: State, came_from: dict[State, State]) -> list[Point]:
    way = [state[0]]
    while state in came_from:
        state = came_from[state]
        way.append(state[0])
    return way[::-1]


def corners(way: Sequence[Point]) -> list[Point]:
    """Return the ends of a way and the points where it turns."""
    inner = [
        point
        for before, point, after in zip(way, way[1:], way[2:], strict=False)
        if (before[0] == point[0]) != (point[0] == after[0])
    ]
    return [way[0], *inner, way[-1]]
