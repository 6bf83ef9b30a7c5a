"""All SQL of the property layer."""
