"""Honest evaluation: data sets, protocols, the loop over folds, and results."""
