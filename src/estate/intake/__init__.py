"""Imports of a person's own files: read whole, asked about, taken row by row, taken back."""
