"""What a file says: its bytes, its table, its columns, its values; no session, no clock."""
