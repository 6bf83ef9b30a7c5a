"""The pages, a module for each place of the navigation."""

from fastapi import FastAPI

__all__ = ["register"]


def register(app: FastAPI) -> None:
    """Serve every page, and the routes that some of them bring along."""
    # Importing a module serves its pages and registers its actions.
    from estate.console.pages import clients, door, imports, system

    door.register(app)
    imports.register(app)
    del clients, system
