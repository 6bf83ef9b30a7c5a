"""Client layer: profiles, wishes and qualification."""
