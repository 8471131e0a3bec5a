"""As much of a W&B server as runs, views and reports need, on this machine; it can die while a run goes on."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROJECT = {"id": "cA==", "name": "segexp", "entity": {"id": "ZQ==", "name": "me"}}
VIEWER = {"id": "dQ==", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}


NODE = {**PROJECT, "entityName": "me", "createdAt": "2026-01-01T00:00:00", "isBenchmark": False, "user": None}
VIEW = {
    "id": "Vmlldw==", "name": "nw-abc-v", "type": "runs", "displayName": "x", "description": "",
    "project": {"id": "cA==", "name": "segexp", "entityName": "me"}, "spec": '{"version": 5, "blocks": []}',
    "updatedAt": "2026-01-01T00:00:00",
}  # fmt: skip


class WandbServer(ThreadingHTTPServer):
    """Serves until it has opened a run, then no one listens any more.

    Attributes:
        asked: Variables of the views and reports that it was sent, in order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        """Listens on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dead = threading.Event()
        self.asked: list[dict[str, Any]] = []
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
        variables = body.get("variables") or {}
        if "upsertView(" in body.get("query", ""):
            self.server.asked.append(variables)
        self._answer({"data": _data(asked, variables)})
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
    projects = {"edges": [{"node": NODE, "cursor": "c"}], "pageInfo": {"endCursor": None, "hasNextPage": False}}
    return {
        "viewer": VIEWER, "serverInfo": {"features": []}, "models": projects,
        "project": {"id": "cA==", "internalId": "UHJv"}, "upsertView": {"view": VIEW, "inserted": True},
    }  # fmt: skip
