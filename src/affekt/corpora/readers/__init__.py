"""Readers: one module for each corpus, with its ``CARD`` and the function ``read(path)``."""
