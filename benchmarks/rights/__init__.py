"""The access bench: a world with owners drawn by chance, who sees what in it, and everything that is tried on it."""
