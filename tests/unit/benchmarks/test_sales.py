"""Any table of sales is read, and the columns of area, size and place are known or told."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmarks.report import DataMissing, Options
from benchmarks.sales import Roles, generated_sales, read_sales, roles_of


def options(path: Path | None, **fields: Any) -> Options:
    return Options(1, False, path, **fields)


def written(tmp_path: Path, **columns: Any) -> Path:
    path = tmp_path / "sales.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_rows_come_in_the_order_of_their_days_and_without_what_is_no_sale(tmp_path: Path) -> None:
    days = ["20140602T000000", "20140501T000000", "never", "20140601T000000"]
    path = written(tmp_path, id=[1, 2, 3, 4], price=[2, 1, 9, 0], date=days, rooms=[5, 6, 7, 8])
    sales = read_sales(options(path))
    assert sales.price.tolist() == [1.0, 2.0]
    assert list(sales.frame) == ["rooms"]
    assert sales.frame["rooms"].tolist() == [6, 5]
    assert "2 without price or day left out" in sales.source


@pytest.mark.parametrize(
    ("stated", "day"), [("2014-05-02", "2014-05-02"), (20140502, "2014-05-02"), (2014, "2014-01-01")]
)
def test_days_are_read_from_text_and_numbers(tmp_path: Path, stated: object, day: str) -> None:
    path = written(tmp_path, paid=[1], when=[stated], x=[1], y=[2])
    sales = read_sales(options(path, price="paid", date="when", features=("y",)))
    assert sales.sold_on.astype("datetime64[D]").astype(str).tolist() == [day]
    assert list(sales.frame) == ["y"]


def test_the_day_comes_first_where_it_must(tmp_path: Path) -> None:
    path = written(tmp_path, price=[1, 2], date=["3/12/2016", "17/09/2016"], x=[1, 2])
    assert read_sales(options(path)).sold_on.astype("datetime64[D]").astype(str).tolist() == [
        "2016-09-17",
        "2016-12-03",
    ]
    path = written(tmp_path, price=[1, 2], date=["3/12/2016", "9/17/2016"], x=[1, 2])
    assert read_sales(options(path)).sold_on.astype("datetime64[D]").astype(str).tolist() == [
        "2016-03-12",
        "2016-09-17",
    ]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="--data FILE"):
        read_sales(options(None))
    path = written(tmp_path, price=[1], date=["2014-05-02"])
    with pytest.raises(DataMissing, match="no column colour"):
        read_sales(options(path, features=("colour",)))


def test_roles_are_guessed_by_name_and_content_or_told(tmp_path: Path) -> None:
    n = 40
    frame = pd.DataFrame({"Zip Code": [1, 2] * 20, "Lat": 1.5, "Long": 2.5, "SqFt": np.arange(n) + 1.0, "city": "x"})
    assert roles_of(frame) == Roles("Zip Code", "SqFt", "Lat", "Long")
    assert roles_of(pd.DataFrame({"area": np.arange(n) + 30.0, "lat": 1.0})) == Roles(None, "area", None, None)
    assert roles_of(pd.DataFrame({"area": list("ab") * 20})) == Roles("area", None, None, None)
    path = written(tmp_path, price=[1], date=["2014-05-02"], a=["x"], b=[3.0])
    assert read_sales(options(path, roles=(("area", "a"), ("size", "b")))).roles == Roles("a", "b")


def test_generated_sales_are_those_of_their_seed() -> None:
    one, two, other = (generated_sales(50, seed) for seed in (1, 1, 2))
    assert one.price.tolist() == two.price.tolist() != other.price.tolist()
    assert (np.diff(one.sold_on) >= np.timedelta64(0)).all()
