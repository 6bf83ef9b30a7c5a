"""Property layer: projects, units, their fair value and comparison."""
