"""Readers of public files: each row goes through the layers' own ingestion."""
