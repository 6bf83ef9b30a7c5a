"""The pages, a module for each place of the navigation."""

from fastapi import FastAPI

__all__ = ["register"]


def register(app: FastAPI) -> None:
    """Serve every page, and the routes that some of them bring along."""
    # Importing a module serves its pages and registers its actions; the first path that fits is served, so that
    # `comparison` (/properties/compare) comes before `property` (/properties/...).
    from estate.console.pages import assistant, clients, comparison, door, properties, reply
    from estate.console.pages import property as property_

    assistant.register(app)
    door.register(app)
    del clients, comparison, properties, property_, reply
