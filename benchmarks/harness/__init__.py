"""The test bench of the event path: servers that can be killed, writers that keep a journal, and a checker."""
