"""Sends a value each second as a server-sent event, numbered from 1: python3 sender.py PORT."""
import http.server, sys, time

begin = time.monotonic()


class Sender(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        number = int(self.headers.get("last-event-id") or 0)
        try:
            while True:
                number += 1
                time.sleep(max(0, begin + number - time.monotonic()))
                rows = f'D <urn:clock> <urn:n> "{number - 1}" .', f'A <urn:clock> <urn:n> "{number}" .'
                data = "".join(f"data: {line}\n" for line in ("TX .", *rows, "TC ."))
                self.wfile.write(f"id: {number}\n{data}\n".encode())
                self.wfile.flush()
        except OSError:
            pass  # who reads has gone away, and comes back with the number

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Sender).serve_forever()
