"""The calls, a class for each first part of the path; a method is named by the rest of it."""
