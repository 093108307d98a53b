"""A real service for the tests, and a relay in front of it that loses and refuses requests as it is told."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Optional
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).resolve().parents[3]
TOKEN = "a-token-for-the-tests-alone"

RIGHT = ({"target": 6, "numbers": [2, 4]}, "Well, \\boxed{2+4}")
WRONG = ({"target": 6, "numbers": [2, 4]}, "\\boxed{4-2}")
FORMLESS = ({"target": 6, "numbers": [2, 4]}, "6")


class ServiceTest(unittest.TestCase):
    """Starts ``evenkeel verifier serve`` once for the class."""

    process: ClassVar["subprocess.Popen[str]"]
    url: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        command = [
            str(REPOSITORY / "node_modules" / ".bin" / "node"),
            "--no-warnings",
            str(REPOSITORY / "packages" / "cli" / "src" / "main.ts"),
            *("verifier", "serve", "countdown", "zebra", "--port", "0", "--json", "--token-env", "TEST_TOKEN"),
        ]
        environment = {**os.environ, "TEST_TOKEN": TOKEN}
        cls.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        assert cls.process.stdout is not None
        line = cls.process.stdout.readline()
        if not line:
            raise RuntimeError(f"Cannot start the service: it ended with {cls.process.wait()}, expected it to listen")
        cls.url = json.loads(line)["url"]

    @classmethod
    def tearDownClass(cls) -> None:
        cls.process.terminate()
        cls.process.wait(30)
        assert cls.process.stdout is not None
        cls.process.stdout.close()


class Relay:
    """Hands requests on to a service, except for those that ``faults`` says something else about, one each.

    ``drop``: closes the connection without an answer; ``late``: lets the service answer, then drops it; ``503``,
    ``429``…: answers so itself, with ``Retry-After: 0``; ``garbage``: answers 200 with no JSON.
    """

    def __init__(self, url: str, faults: List[str]) -> None:
        self.faults = faults
        self.keys: List[Optional[str]] = []
        target = urlsplit(url)
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                relay.keys.append(self.headers.get("Idempotency-Key"))
                fault = relay.faults.pop(0) if relay.faults else ""
                if fault == "drop":
                    self.close_connection = True
                    return
                if fault == "garbage":
                    return self.answer(200, b"<html>", {})
                if fault.isdigit():
                    error = json.dumps({"error": {"code": "told-to", "message": "Cannot answer: told to"}})
                    return self.answer(int(fault), error.encode(), {"Retry-After": "0"})
                connection = http.client.HTTPConnection(target.hostname or "", target.port)
                connection.request("POST", self.path, body, dict(self.headers.items()))
                response = connection.getresponse()
                data = response.read()
                connection.close()
                if fault == "late":
                    self.close_connection = True
                    return
                replayed = response.getheader("Idempotency-Replayed")
                self.answer(response.status, data, {} if replayed is None else {"Idempotency-Replayed": replayed})

            def answer(self, status: int, data: bytes, headers: Dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Relay":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
