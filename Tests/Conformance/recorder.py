"""A plain HTTP proxy that writes down what goes through it: between Souk and Stripe's sandbox, and the other way."""

import http.client
import http.server
import threading
import urllib.parse


class Exchange:
    """One request with the status of its answer."""

    def __init__(self, method, target, headers, body, status):
        self.method, self.headers, self.body, self.status = method, headers, body, status
        self.path, _, self.query = target.partition("?")

    def parameters(self):
        """What was sent in the body of a POST or in the query, nested as its names say: `a[b][0]=c`."""
        text = self.body.decode() if self.method == "POST" else self.query
        return nested(urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))

    def names(self):
        text = self.body.decode() if self.method == "POST" else self.query
        return [name for name, _ in urllib.parse.parse_qsl(text, keep_blank_values=True)]

    def __repr__(self):
        return f"{self.method} {self.path} {self.query or self.body[:300]} -> {self.status}"


def nested(pairs):
    """Stripe's form encoding: objects of names, lists of indexes that begin at 0 and leave none out."""
    root = {}
    for name, value in pairs:
        head, *rest = name.replace("]", "").split("[")
        place, key = root, head
        for part in rest:
            place = place.setdefault(key, {})
            assert isinstance(place, dict), f"{name} is a value and holds values"
            key = part
        assert key not in place, f"{name} is sent twice"
        place[key] = value
    return listed(root)


def listed(value):
    if not isinstance(value, dict):
        return value
    value = {key: listed(inner) for key, inner in value.items()}
    if value and all(key.isdigit() for key in value):
        assert list(value) == [str(index) for index in range(len(value))], f"indexes {list(value)}"
        return list(value.values())
    return value


class Recorder:
    """Listens on a port of its own and passes everything on to `target`, an address without a path.

    `records` says which paths are kept.
    """

    def __init__(self, target, records, port=0):
        self.exchanges = []
        host = urllib.parse.urlsplit(target).netloc
        lock = threading.Lock()
        exchanges = self.exchanges

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            upstream = None

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                # One connection beyond for each connection here; a stale one is opened again by itself.
                self.upstream = self.upstream or http.client.HTTPConnection(host, timeout=120)
                self.upstream.request(self.command, self.path, body, headers | {"Host": host})
                answer = self.upstream.getresponse()
                try:
                    content, length = answer.read(), None
                except http.client.IncompleteRead as broken:
                    # An answer that breaks off there breaks off here.
                    content, length = broken.partial, len(broken.partial) + (broken.expected or 1)
                self.keep(body, None if length else answer.status)
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(length or len(content)))
                self.end_headers()
                self.wfile.write(content)
                if length:
                    self.upstream.close()
                    self.close_connection = True

            do_GET = do_POST = do_DELETE = do_PUT = pass_on

            def keep(self, body, status):
                if records(self.path):
                    with lock:
                        exchanges.append(Exchange(self.command, self.path, self.headers, body, status))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.address = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
