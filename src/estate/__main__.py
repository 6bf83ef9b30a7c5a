"""`python -m estate`."""

from estate.cli.app import main

main()
