"""Market layer: snapshots of areas, their aggregate, heat and price forecast."""
