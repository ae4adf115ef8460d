"""A file server on the loopback address that can misbehave in every way that servers do."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        owner: FileServer = self.server.owner
        owner.requests.append((self.path, self.headers.get("Range", "")))
        answers = owner.answers.get(self.path)
        if not answers:
            self.say(404)
        else:  # the last answer stays
            (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def say(self, status: int, content: bytes = b"", **headers: object) -> None:
        """A whole answer; `Content_Type="text/html"` is a header."""
        self.send_response(status)
        sent = {"Content-Length": len(content), "Content-Type": "application/octet-stream"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in sent.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def first_byte(self) -> int:
        """Where the client wants to continue."""
        asked = self.headers.get("Range", "")
        return int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0

    def break_off(self) -> None:
        """Hang up."""
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class FileServer:
    """Serves what it is given; a path may have several answers, one per request."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, str]] = []
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self._http.daemon_threads = True
        self._http.owner = self  # type: ignore[attr-defined]
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  (they hang up)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self) -> FileServer:
        # past any proxy, here and in the processes that tests start
        os.environ["NO_PROXY"] = f"127.0.0.1,{os.environ.get('NO_PROXY', '')}".rstrip(",")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def address(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def give(self, path: str, *answers: Answer) -> str:
        """Answer requests for a path, in turn; returns its URL."""
        self.answers[path] = list(answers)
        return self.address + path

    def ranges(self, path: str) -> list[str]:
        """The Range headers of all requests for a path."""
        return [asked for requested, asked in self.requests if requested == path]


def whole(content: bytes) -> Answer:
    """The file, or the rest of it that is asked for."""

    def answer(request: Request) -> None:
        start = request.first_byte()
        if start >= len(content):
            request.say(416, Content_Range=f"bytes */{len(content)}")
        elif start:
            last = len(content) - 1
            shown = f"bytes {start}-{last}/{len(content)}"
            request.say(206, content[start:], Content_Range=shown)
        else:
            request.say(200, content)

    return answer


def without_ranges(content: bytes) -> Answer:
    """The whole file, whatever is asked for."""
    return lambda request: request.say(200, content)


def refusal(status: int, **headers: object) -> Answer:
    """An error."""
    return lambda request: request.say(status, b"no", **headers)


def page(
    content: bytes = b"<!DOCTYPE html><title>Quota</title>", kind: str = "text/html"
) -> Answer:
    """A web page, with status 200."""
    return lambda request: request.say(200, content, Content_Type=kind)


def cut(content: bytes, after: int) -> Answer:
    """Hangs up after some bytes of what is asked for."""

    def answer(request: Request) -> None:
        start = request.first_byte()
        rest = content[start:]
        headers: dict[str, object] = {"Content_Length": len(rest)}
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        request.say(206 if start else 200, rest[:after], **headers)
        request.break_off()

    return answer


def stall(server: FileServer, content: bytes, after: int) -> Answer:
    """Sends some bytes and then nothing, without hanging up."""

    def answer(request: Request) -> None:
        request.say(200, content[:after], Content_Length=len(content))
        request.wfile.flush()
        server.closing.wait()
        request.break_off()

    return answer


def silence(server: FileServer) -> Answer:
    """Accepts the connection and never answers."""

    def answer(request: Request) -> None:
        server.closing.wait()
        request.break_off()

    return answer


def trickle(server: FileServer, content: bytes, every: float) -> Answer:
    """Sends byte by byte, each soon enough not to be silence."""

    def answer(request: Request) -> None:
        request.say(200, b"", Content_Length=len(content))
        for byte in content:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            if server.closing.wait(every):
                break
        request.break_off()

    return answer
