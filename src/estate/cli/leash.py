"""Run a program that dies with the process that started it, as an unprivileged account when one is given.

`leashed` gives the command line; run as a script (by path, so that nothing of the package is imported), this
file gives up its privileges, ties itself to its parent and becomes the program.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Account", "leashed"]

PR_SET_PDEATHSIG = 1


class Account(NamedTuple):
    """A user and group of the operating system."""

    uid: int
    gid: int


def leashed(command: Sequence[str], on_owner_death: signal.Signals, account: Account | None = None) -> list[str]:
    """Return the command line that runs a program on a leash held by this process.

    Linux ties the leash to the thread that starts the program: start it from one that lives as long as the
    process. Other systems have no such signal; there the program outlives an owner that was killed.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    on_owner_death : signal.Signals
        What the program gets when this process dies.
    account : Account or None
        Whom the program runs as; None keeps the present account.

    Returns
    -------
    list of str
    """
    leash = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(on_owner_death))]
    return [*leash, f"{account.uid}:{account.gid}" if account else "", *command]


def _drop_privileges(account: Account) -> None:
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)


def _main(owner: str, on_owner_death: str, account: str, *command: str) -> None:
    # Loaded first: the account may not be able to read Python's own folder.
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if account:
        _drop_privileges(Account(*map(int, account.split(":"))))
    if libc is not None:
        # The kernel forgets the leash when the account changes, so it is tied last.
        libc.prctl(PR_SET_PDEATHSIG, int(on_owner_death))
    if os.getppid() != int(owner):
        sys.exit("The process that asked for this program has died.")
    os.execvp(command[0], command)  # noqa: S606 (a shell would stand between the leash and the program)


if __name__ == "__main__":
    _main(*sys.argv[1:])
