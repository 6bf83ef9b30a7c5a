"""What the commands keep in the data folder: locks that end with their holder, and secrets made once."""

import fcntl
import secrets
from pathlib import Path
from typing import IO

from estate.core.errors import Conflict

__all__ = ["exclusive", "held", "kept_secret"]


def exclusive(folder: Path) -> IO[str]:
    """Hold a folder for this process, creating it if need be.

    Parameters
    ----------
    folder : Path
        What only one process may use.

    Returns
    -------
    file
        The lock; closing it, or the death of the process, gives the folder free.

    Raises
    ------
    Conflict
        Another process holds the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise Conflict(f"{folder} is in use by another process.") from None
    return lock


def held(folder: Path) -> bool:
    """Tell whether a process, this one included, holds a folder; asking makes none, as on a read-only disk."""
    if not (folder / "lock").exists():
        return False
    try:
        exclusive(folder).close()
    except Conflict:
        return True
    return False


def kept_secret(path: Path) -> str:
    """Return the secret of a file that only its owner may read, making it on first use.

    Parameters
    ----------
    path : Path
        Where the secret is kept.

    Returns
    -------
    str
        32 random bytes in URL-safe characters.
    """
    if not path.exists():
        unfinished = path.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(32))
        unfinished.rename(path)
    return path.read_text()
