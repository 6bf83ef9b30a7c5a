"""The command line and what it starts; `estate.cli.app` is the entry point."""

import os

# API and workers share the cores: a small fit on two threads beside a busy process waits for its own other thread, a
# hundred times longer than it computes. Read once, when the first library of numbers is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
