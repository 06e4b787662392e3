"""The server: predictions, timelines and streams over HTTP and WebSockets, and a client for it."""
