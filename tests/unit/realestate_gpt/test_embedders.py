"""An embedder behind HTTP: asked as agreed, and given up when it does not answer as agreed."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pytest

from estate.core.errors import Unavailable
from estate.realestate_gpt.retrieval.dense import DIMENSIONS, LocalEmbedder, RemoteEmbedder


class Service:
    """A service that speaks OpenAI's embeddings API, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []
        self.size, self.status = DIMENSIONS, 200
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked.append((self.path, self.headers["Authorization"], body))
                rows = [{"index": i, "embedding": [i + 1.0] * service.size} for i in range(len(body["input"]))]
                said = json.dumps({"data": rows[::-1]}).encode()
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/"


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever)
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


def test_vectors_come_in_the_order_asked_and_have_length_one(service: Service) -> None:
    embedder = RemoteEmbedder(service.url, "small", "secret", 2.0)
    vectors = embedder.embed(["sea view", "garden"])
    assert vectors.shape == (2, DIMENSIONS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    body = {"model": "small", "input": ["sea view", "garden"], "dimensions": DIMENSIONS}
    assert service.asked == [("/v1/embeddings", "Bearer secret", body)]
    embedder.close()


def test_an_answer_that_was_not_agreed_on_is_refused(service: Service) -> None:
    embedder = RemoteEmbedder(service.url, "small", None, 2.0)
    service.size = 3
    with pytest.raises(Unavailable, match="size"):
        embedder.embed(["sea view"])
    service.size, service.status = DIMENSIONS, 500
    with pytest.raises(Unavailable, match="gave no vectors"):
        embedder.embed(["sea view"])
    embedder.close()


def test_a_service_that_is_away_is_given_up() -> None:
    embedder = RemoteEmbedder("http://127.0.0.1:9/v1/", "small", None, 0.2)
    with pytest.raises(Unavailable):
        embedder.embed(["sea view"])
    embedder.close()


def test_the_library_of_a_local_model_may_be_missing() -> None:
    with pytest.raises(Unavailable, match="embed"):
        LocalEmbedder("any")
