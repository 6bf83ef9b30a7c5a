"""Peers of the forecast benchmark: what is usually done, one model an area."""

import os

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["naive", "seasonal_naive", "three_models"]

Floats = npt.NDArray[np.float64]


def naive(panel: Floats, horizon: int, season: int) -> Floats:
    """Repeat the last price."""
    return np.repeat(_filled(panel)[:, -1:], horizon, axis=1)


def seasonal_naive(panel: Floats, horizon: int, season: int) -> Floats:
    """Repeat the last year."""
    year = _filled(panel)[:, -season:]
    return np.tile(year, -(-horizon // season))[:, :horizon]


def three_models(panel: Floats, horizon: int, season: int) -> Floats:
    """Average AutoETS, AutoARIMA and Theta of statsforecast, fitted to the log price of each area."""
    os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA, AutoETS, Theta

    areas, months = panel.shape
    logs = np.log(_filled(panel))
    frame = pd.DataFrame(
        {"unique_id": np.repeat(np.arange(areas), months), "ds": np.tile(np.arange(months), areas), "y": logs.ravel()}
    )
    models = [AutoETS(season_length=season), AutoARIMA(season_length=season), Theta(season_length=season)]
    found = StatsForecast(models=models, freq=1, n_jobs=1).forecast(df=frame, h=horizon)
    found = found.sort_values(["unique_id", "ds"])
    columns = [repr(model) for model in models]
    return np.asarray(np.exp(found[columns].to_numpy().mean(axis=1).reshape(areas, horizon)))


def _filled(panel: Floats) -> Floats:
    """Bridge gaps by straight lines, and repeat the first and the last price outwards: these models take no NaN."""
    return np.asarray(pd.DataFrame(panel.T).interpolate(limit_direction="both").to_numpy().T)
