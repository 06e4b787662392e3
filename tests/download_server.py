"""A server on this machine whose connections break as a test wants."""

from __future__ import annotations

import http.server


class Server(http.server.HTTPServer):
    """Serves ``files``; the n-th response ends after ``drops[n]`` bytes, or is ``statuses[n]``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.knows_ranges = True
        self.drops: list[int] = []
        self.statuses: list[int] = []
        self.asked: list[str | None] = []
        self.sent: list[int] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.server.asked.append(wanted)
        data = self.server.files.get(self.path.removeprefix("/").split("?")[0])
        if data is None or self.server.statuses:
            self.send_error(self.server.statuses.pop(0) if self.server.statuses else 404)
            return
        ranged = self.server.knows_ranges and wanted is not None
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if ranged else 0
        if start and start >= len(data):
            self.send_error(416)
            return
        body = data[start:]
        self.send_response(206 if ranged else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limit = self.server.drops.pop(0) if self.server.drops else len(body)
        self.server.sent.append(len(body[:limit]))  # before the client can go on
        self.wfile.write(body[:limit])

    def log_message(self, *_: object) -> None:
        """Log nothing."""
