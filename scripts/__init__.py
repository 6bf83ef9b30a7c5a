"""Scripts of the repository, importable so that tests can use what they check with."""
