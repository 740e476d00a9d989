"""A web server with one file, which can be told to stop in the middle of it."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Source:
    """What the server serves; ``go_on`` is set unless it is to wait after ``pause_at`` bytes."""

    def __init__(self, body):
        self.body = body
        self.status = 200
        self.headers = {"Content-Type": "text/plain"}
        self.announced = len(body)
        self.pause_at = None
        self.takes_ranges = True
        self.go_on = threading.Event()
        self.paused = threading.Event()
        self.asked = []
        self.url = ""


@contextmanager
def web_source(body):
    """Serve ``body`` on a free port of this machine."""
    source = Source(body)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            source.asked.append(dict(self.headers))
            body, status, announced = source.body, source.status, source.announced
            asked = self.headers.get("Range")
            if asked and source.takes_ranges and status == 200:
                start, end = asked.removeprefix("bytes=").split("-")
                body, status = body[int(start) : int(end) + 1], 206 if int(start) < len(body) else 416
                announced = len(body)
            self.send_response(status)
            for name, value in source.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(announced))
            self.end_headers()
            try:
                first = len(body) if source.pause_at is None else source.pause_at
                self.wfile.write(body[:first])
                self.wfile.flush()
                if first < len(body):
                    source.paused.set()
                    source.go_on.wait(60)
                    self.wfile.write(body[first:])
            except OSError:
                pass  # the reader has gone
            self.close_connection = True

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    source.url = f"http://127.0.0.1:{server.server_port}/file"
    try:
        yield source
    finally:
        source.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
