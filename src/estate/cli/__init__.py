"""The command line and what it starts; `estate.cli.app` is the entry point."""
