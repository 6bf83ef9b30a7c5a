"""All SQL of the behavior layer."""
