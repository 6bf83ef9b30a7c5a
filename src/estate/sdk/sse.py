"""Server-sent events: text becomes lines, and lines become named events."""

from collections.abc import Iterable, Iterator


def lines(pieces: Iterable[str]) -> Iterator[str]:
    r"""Yield the lines of a text that comes in pieces, without their ends; nothing but a line feed ends one.

    Examples
    --------
    >>> list(lines(["da", "ta: 1\r\n\n", "data: 2"]))
    ['data: 1', '', 'data: 2']
    """
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece).split("\n")
        yield from (line.removesuffix("\r") for line in whole)
    if rest:
        yield rest


def events(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and data of each event; comments, which fill silences, are passed over.

    Parameters
    ----------
    lines : iterable of str
        As they come, without their ends.

    Examples
    --------
    >>> list(events([": still here", "", "event: reply", "data: {}", ""]))
    [('reply', '{}')]
    """
    name, data = "message", list[str]()
    for line in lines:
        field, _, value = line.partition(":")
        if field == "event":
            name = value.removeprefix(" ")
        elif field == "data":
            data.append(value.removeprefix(" "))
        elif not line:
            if data:
                yield name, "\n".join(data)
            name, data = "message", []
