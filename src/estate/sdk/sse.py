"""Server-sent events: lines become named events."""

from collections.abc import Iterable, Iterator


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
