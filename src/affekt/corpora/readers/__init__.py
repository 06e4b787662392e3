"""Readers: one module for each corpus, with its ``CARD`` and ``label(path)`` or ``read(root)``."""
