"""Pure maths of the intelligence floor."""
