"""Plain peers of a lead score: the base rate, an Odoo-style table, a ridge logistic and small boosted trees."""

from collections.abc import Callable, Mapping, Sequence

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

__all__ = ["PEERS", "Scorer", "base_rate", "fitted_ridge", "ridge", "ridge_pipeline", "word_ridge"]

Floats = NDArray[np.float64]
Scorer = Callable[[pd.DataFrame, Floats, pd.DataFrame], Floats]

RIDGE_C = 0.1
CELL_START = 0.1
"""Odoo starts the won and the lost count of a cell at 0.1."""
QUINTILES = 5
MAX_LEVELS = 200


def base_rate(frame: pd.DataFrame, won: Floats, rows: pd.DataFrame) -> Floats:
    """Say the share won to everybody; half a win and half a loss keep it off 0 and 1."""
    return np.full(len(rows), (won.sum() + 0.5) / (len(won) + 1))


def odoo_table(frame: pd.DataFrame, won: Floats, rows: pd.DataFrame) -> Floats:
    """Multiply the shares of each value among won and lost, as Odoo's predictive scoring; numbers in quintiles."""
    wins, losses = max(won.sum(), CELL_START), max((1 - won).sum(), CELL_START)
    log_odds = np.full(len(rows), np.log(wins / losses))
    for column in frame:
        past, now = _cells(frame[column], rows[column])
        table = pd.DataFrame({"cell": past, "won": won}).dropna().groupby("cell")["won"].agg(["sum", "count"])
        yes, no = table["sum"] + CELL_START, table["count"] - table["sum"] + CELL_START
        log_odds += now.map(np.log(yes / yes.sum()) - np.log(no / no.sum())).fillna(0.0).to_numpy(dtype=np.float64)
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -9.2, 9.2))), dtype=np.float64)  # It clamps at 0.01 %.


def ridge_pipeline(frame: pd.DataFrame, penalty: float = RIDGE_C) -> Pipeline:
    """Return a logistic regression on standardised numbers and indicators of words."""
    numbers, words = _kinds(frame)
    reader = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore", max_categories=MAX_LEVELS), words),
        ]
    )
    return make_pipeline(reader, LogisticRegression(C=penalty, max_iter=2_000))


def ridge(frame: pd.DataFrame, won: Floats, rows: pd.DataFrame) -> Floats:
    """Fit `ridge_pipeline`; with one outcome only it can say no more than the base rate."""
    if won.min() == won.max():
        return base_rate(frame, won, rows)
    return fitted_ridge(frame, won)(rows)


def fitted_ridge(frame: pd.DataFrame, won: Floats) -> Callable[[pd.DataFrame], Floats]:
    """Fit `ridge_pipeline` and return what scores rows."""
    numbers, words = _kinds(frame)
    kept = [*(c for c in numbers if frame[c].notna().any()), *words]
    fitted = ridge_pipeline(frame[kept]).fit(_worded(frame[kept], words), won)

    def score(rows: pd.DataFrame) -> Floats:
        return np.asarray(fitted.predict_proba(_worded(rows[kept], words))[:, 1], dtype=np.float64)

    return score


def word_ridge(frame: pd.DataFrame, won: Floats, rows: pd.DataFrame, texts: Sequence[str]) -> Floats:
    """Fit the same logistic regression with the words of text columns, said or not, beside the other columns."""
    numbers, words = _kinds(frame.drop(columns=list(texts)))
    reader = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
            *((text, CountVectorizer(binary=True, min_df=5), text) for text in texts),
        ]
    )
    fitted = make_pipeline(reader, LogisticRegression(C=RIDGE_C, max_iter=2_000)).fit(_worded(frame, words), won)
    return np.asarray(fitted.predict_proba(_worded(rows, words))[:, 1], dtype=np.float64)


def small_trees(frame: pd.DataFrame, won: Floats, rows: pd.DataFrame) -> Floats:
    """Fit LightGBM with 250 small trees, words as categories."""
    if won.min() == won.max():
        return base_rate(frame, won, rows)
    _, words = _kinds(frame)
    levels = {c: frame[c].value_counts().index[:MAX_LEVELS].astype(str) for c in words}
    model = lightgbm.LGBMClassifier(
        n_estimators=250, learning_rate=0.05, num_leaves=8, min_child_samples=20, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.8, reg_lambda=1.0, random_state=0, verbose=-1, n_jobs=1,
    )  # fmt: skip
    model.fit(_coded(frame, levels), won)
    return np.asarray(model.predict_proba(_coded(rows, levels)), dtype=np.float64)[:, 1]


PEERS: Mapping[str, Scorer] = {
    "base rate": base_rate,
    "Odoo-style table": odoo_table,
    "ridge logistic": ridge,
    "LightGBM, small trees": small_trees,
}


def _kinds(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    numbers = [c for c in frame if pd.api.types.is_numeric_dtype(frame[c]) and not pd.api.types.is_bool_dtype(frame[c])]
    words = [c for c in frame if c not in numbers and frame[c].nunique() <= 0.9 * len(frame) + 30]
    return numbers, words


def _worded(frame: pd.DataFrame, words: list[str]) -> pd.DataFrame:
    return frame.assign(**{c: frame[c].astype(object).where(frame[c].notna(), "?").astype(str) for c in words})


def _coded(frame: pd.DataFrame, levels: Mapping[str, pd.Index]) -> pd.DataFrame:
    numbers, _ = _kinds(frame.drop(columns=list(levels)))
    coded = {c: pd.Categorical(frame[c].astype(object).map(str, na_action="ignore"), v) for c, v in levels.items()}
    table = pd.DataFrame({**{c: frame[c].to_numpy() for c in numbers}, **coded})
    return table.set_axis([f"c{i}" for i in range(table.shape[1])], axis=1)


def _cells(past: pd.Series, now: pd.Series) -> tuple[pd.Series, pd.Series]:
    if not pd.api.types.is_numeric_dtype(past) or past.nunique() <= QUINTILES:
        return past, now
    edges = np.unique(past.quantile(np.linspace(0, 1, QUINTILES + 1)[1:-1]))
    return tuple(pd.Series(np.searchsorted(edges, v), index=v.index).where(v.notna()) for v in (past, now))
