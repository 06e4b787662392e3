"""Corpora: labelled clips, their cards, checks and downloads."""
