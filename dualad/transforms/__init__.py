"""Transforms: derivatives written as new nodes on the tape itself."""
