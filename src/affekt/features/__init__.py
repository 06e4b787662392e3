"""Acoustic features: functions of a waveform, and the tables that they are written to."""
