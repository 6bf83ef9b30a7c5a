"""Who holds a data folder."""

from pathlib import Path

from estate.cli.folder import exclusive, held


def test_to_ask_who_holds_a_folder_makes_none(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert not held(folder)
    assert not folder.exists()


def test_a_folder_is_held_until_it_is_given_free(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        assert held(tmp_path)
    assert not held(tmp_path)
