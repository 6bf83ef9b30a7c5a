"""The pages, a module for each place of the navigation."""

from fastapi import FastAPI

__all__ = ["register"]


def register(app: FastAPI) -> None:
    """Serve every page, and the routes that some of them bring along."""
    # Importing a module serves its pages and registers its actions.
    from estate.console.pages import (
        agents,
        assistant,
        behavior,
        client,
        clients,
        comparison,
        deals,
        door,
        imports,
        market,
        overview,
        properties,
        reply,
        system,
        today,
        unit,
    )

    for module in (assistant, door, imports):
        module.register(app)
    del agents, behavior, client, clients, comparison, deals, market, overview, properties, reply, system, today, unit
