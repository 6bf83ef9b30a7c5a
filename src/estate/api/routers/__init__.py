"""One router a layer: dependencies, one call, return."""
