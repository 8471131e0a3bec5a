"""As much of a W&B server as a run needs to go online, on this machine; it can die while the run goes on."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROJECT = {"id": "cA==", "name": "segexp", "entity": {"id": "ZQ==", "name": "me"}}
VIEWER = {"id": "dQ==", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}


class WandbServer(ThreadingHTTPServer):
    """Serves until it has opened a run, then no one listens any more."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listens on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dead = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """What WANDB_BASE_URL has to be."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def die(self) -> None:
        """Closes the port."""
        self.shutdown()
        self.server_close()
        self.dead.set()


class _Handler(BaseHTTPRequestHandler):
    server: WandbServer

    def log_message(self, *parts: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        except ValueError:
            body = {}
        asked = body.get("operationName", "")
        self._answer({"data": _data(asked, body.get("variables") or {})})
        if asked == "UpsertBucket":
            threading.Thread(target=self.server.die, daemon=True).start()

    def _answer(self, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _data(asked: str, variables: dict[str, Any]) -> dict[str, Any]:
    if asked == "UpsertBucket":
        bucket = {"id": "aWQ=", "name": variables.get("name") or "abcd1234", "displayName": "run", "project": PROJECT}
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}
    if asked == "CreateRunFiles":
        return {"createRunFiles": {"runID": "aWQ=", "uploadHeaders": [], "files": []}}
    return {"viewer": VIEWER, "serverInfo": {"features": []}}
