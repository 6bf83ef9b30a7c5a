"""Errors of the agent layer."""

from estate.core.errors import NotFound

__all__ = ["AgentNotFound"]


class AgentNotFound(NotFound):
    """No agent has this id."""
