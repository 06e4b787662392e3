"""Audio: waveforms, decoding, windows, degradations and zip archives."""
