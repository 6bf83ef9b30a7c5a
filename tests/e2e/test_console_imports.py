"""The imports part of the console bench runs by itself, on a server of its own, and finds nothing wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import json, sys
from pathlib import Path
from benchmarks.console_imports import measure
print(json.dumps(measure(Path(sys.argv[1]), quick=True)))
"""


@pytest.mark.long
def test_the_ten_files_and_those_of_a_folder_come_out_right(tmp_path: Path) -> None:
    (tmp_path / "homes.csv").write_text(
        "\ufeffType,Price,Bedrooms,Area,Compound,City\n"
        + "".join(f"Apartment,{n}00000,{n},{90 + n},Palm Bay,North Coast\n" for n in range(1, 9))
        + "Chalet,Unknown,10+,,Palm Bay,North Coast\nChalet,5,2,,,\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path)], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    found = json.loads(done.stdout)
    assert (found["import_mismatches"], found["undo_mismatches"], found["mismatches"]) == (0, 0, [])
    assert found["files"] == 2 * 11
    assert found["rows"] > 2 * 240
