"""Agent layer: activity of sales agents and who is really good."""
