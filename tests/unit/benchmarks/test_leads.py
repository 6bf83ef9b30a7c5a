"""Any table of cases is read: separators, encodings, spellings of the outcome."""

from pathlib import Path

import pytest
from benchmarks.leads import read_leads
from benchmarks.report import DataMissing, Options


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("words", [("1", "0"), ("True", "false"), ("YES", "no")])
def test_it_is_read(tmp_path: Path, separator: str, encoding: str, words: tuple[str, str]) -> None:
    rows = [
        ["name", "sold", "when"],
        ["café", words[0], "2024-03-01"],
        ["b", words[1], "2024-01-01"],
        ["c", "", "2025-01-01"],
    ]
    file = tmp_path / "any.csv"
    file.write_bytes("\n".join(separator.join(row) for row in rows).encode(encoding))

    cases = read_leads(Options(1, False, file, target="sold", time_column="when"))

    assert cases.won.tolist() == [0.0, 1.0]
    assert cases.frame["name"].tolist() == ["b", "café"]
    assert list(cases.frame) == ["name"]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    file = tmp_path / "any.csv"
    file.write_text("a,sold\n1,2\n2,3\n")

    with pytest.raises(DataMissing, match="no column 'price'"):
        read_leads(Options(1, False, file, target="sold", drop=("price",)))
    with pytest.raises(DataMissing, match="0/1"):
        read_leads(Options(1, False, file, target="sold"))
    with pytest.raises(DataMissing, match="needs a CSV"):
        read_leads(Options(1, False, tmp_path / "none.csv", target="sold"))
