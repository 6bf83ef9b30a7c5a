"""Plain peers of a recommender: what most ask about, what is most alike, and what the stated wishes filter.

Each is given the same rows and the same hard limits as ours, and returns a score for every unit.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.buyers import AMENITIES, DEVELOPERS, TYPES, World

__all__ = ["PEERS"]

Floats = NDArray[np.float64]
ROOMS = 7


def popularity(world: World, client: int) -> Floats:
    """Score by how often a unit was asked about."""
    units = [unit for buyer in world.buyers for _, unit in buyer.asked]
    return np.bincount(units, minlength=len(world.ids)).astype(np.float64)


def content(world: World, client: int) -> Floats:
    """Score by the cosine between a unit and the mean of what was asked about, the profile counting as one more."""
    features = _features(world)
    asked = [unit for _, unit in world.buyers[client].asked]
    wish = _wish(world, client)
    taste = (features[asked].sum(axis=0) + wish) / (len(asked) + 1)
    lengths = np.linalg.norm(features, axis=1) * max(float(np.linalg.norm(taste)), 1e-9)
    return np.asarray(features @ taste / lengths)


def _features(world: World) -> Floats:
    price = np.log(world.price)
    z = (price - price.mean()) / price.std()
    return np.hstack(
        [
            np.eye(len(world.area_ids))[world.area],
            np.eye(DEVELOPERS)[world.developer],
            np.eye(len(world.project_ids))[world.project],
            np.eye(ROOMS)[np.clip(world.bedrooms, 0, ROOMS - 1)],
            np.eye(len(TYPES))[world.kind],
            world.amenities / np.sqrt(len(AMENITIES)),
            z[:, None],
        ]
    )


def _wish(world: World, client: int) -> Floats:
    """Return the profile as a unit would look that has all of it."""
    buyer, features = world.buyers[client], _features(world)
    wish = np.zeros(features.shape[1])
    if buyer.wanted:
        wish[list(buyer.wanted)] = 1 / len(buyer.wanted)
    rooms_at = len(world.area_ids) + DEVELOPERS + len(world.project_ids)
    if buyer.bedrooms is not None:
        wish[rooms_at + buyer.bedrooms] = 1
    amenities_at = rooms_at + ROOMS + len(TYPES)
    for name in buyer.amenities:
        wish[amenities_at + AMENITIES.index(name)] = 1 / np.sqrt(len(AMENITIES))
    price = np.log(world.price)
    wish[-1] = (np.log(buyer.budget) - price.mean()) / price.std()
    return wish


def rule_filter(world: World, client: int) -> Floats:
    """Score by the number of stated wishes that are met, the newest first among equals."""
    buyer = world.buyers[client]
    met = np.zeros(len(world.ids))
    if buyer.wanted:
        met += np.isin(world.area, buyer.wanted)
    if buyer.bedrooms is not None:
        met += world.bedrooms == buyer.bedrooms
    for name in buyer.amenities:
        met += world.amenities[:, AMENITIES.index(name)]
    return np.asarray(met + 1e-4 * world.listed)


PEERS: Mapping[str, Callable[[World, int], Floats]] = {
    "popularity": popularity,
    "content-only": content,
    "rule filter": rule_filter,
}
