"""Sweeps: numbers carried backward or forward over a recorded tape."""
