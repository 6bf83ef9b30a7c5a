"""Behavior layer: events, deals and conversations, and what in them goes with closed deals."""
