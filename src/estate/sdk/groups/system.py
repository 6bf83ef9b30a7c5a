"""Calls about the platform itself, for administrators."""

from estate.sdk.groups.base import Group
from estate.sdk.models.base import Page
from estate.sdk.models.system import Jobs, Key, Models, Queues, User


class SystemApi(Group):
    """Work, models, keys and users."""

    def queues(self) -> Queues:
        """Tell how much work of each kind waits, for how long, and how much was given up."""
        return self._get(Queues, "/system/queues")

    def jobs(self, *, limit: int | None = None) -> Jobs:
        """Tell what workers did last, are doing and have failed at; `limit` is of the failures."""
        return self._get(Jobs, "/system/jobs", limit=limit)

    def models(self) -> Models:
        """Tell which model answers for each kind, how well it foretold, and the latest trainings."""
        return self._get(Models, "/system/models")

    def keys(self) -> Page[Key]:
        """List API keys, the newest first, without anything of their secrets."""
        return self._get(Page[Key], "/system/keys")

    def users(self) -> Page[User]:
        """List people who log in, by e-mail address."""
        return self._get(Page[User], "/system/users")
