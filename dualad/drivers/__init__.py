"""What users call: derivatives of a function as functions."""
