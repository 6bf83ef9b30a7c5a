"""The pages, a module for each place of the navigation."""

from fastapi import FastAPI

__all__ = ["register"]


def register(app: FastAPI) -> None:
    """Serve every page, and the routes that some of them bring along."""
    # Importing a module serves its pages and registers its actions.
    from estate.console.pages import agents, assistant, behavior, clients, comparison, deals, door, imports, market, properties, property, reply

    assistant.register(app)
    door.register(app)
    imports.register(app)
    del agents, behavior, clients, comparison, deals, market, properties, property, reply
