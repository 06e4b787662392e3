"""A recording in, a prediction out."""
