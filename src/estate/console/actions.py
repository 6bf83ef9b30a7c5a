"""What people do on pages: each action is sent with a key of the browser's, so that it happens once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from estate.sdk import Estate

__all__ = ["ACTIONS", "Action", "Done", "Sent", "action"]


@dataclass(frozen=True)
class Sent:
    """What the browser sent: the fields of the form, and the key under which it may send them again."""

    fields: Mapping[str, str]
    key: str

    def __getitem__(self, name: str) -> str:
        """Return a field that the form always has; a missing one is an empty one."""
        return self.fields.get(name, "")

    def get(self, name: str) -> str | None:
        """Return a field; None where it is empty."""
        return self.fields.get(name, "").strip() or None


@dataclass(frozen=True)
class Done:
    """What to tell, and where to go: None stays, "" loads the page anew."""

    said: str
    go: str | None = None


Action = Callable[[Estate, Sent], Done]

ACTIONS: dict[str, Action] = {}


def action(name: str) -> Callable[[Action], Action]:
    """Register what `/do/{name}` does."""

    def register(act: Action) -> Action:
        if name in ACTIONS:
            raise ValueError(f"There is an action {name} already.")
        ACTIONS[name] = act
        return act

    return register
