"""A tape compiled for replay: what it is made of, how it is made, and the machine that runs it."""
