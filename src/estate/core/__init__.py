"""The kernel: settings, database, errors, field types, queue, telemetry; it imports nothing of ours."""
