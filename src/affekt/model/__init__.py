"""The model file: its contract, how it is run, and what its probabilities are worth."""
