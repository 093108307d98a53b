"""The client of the verifier protocol, version 1.

It keeps one connection per thread, asks again where that is worth it (always with the same Idempotency-Key, the body's
SHA-256, so that nothing is scored twice), and gives verdicts as the service sent them. It knows no trainer.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import ssl
import threading
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote, urlsplit

#: A verdict: ``kind`` is ``scored`` (with ``reward``, ``correct``, ``formatted``…), ``abstained`` or ``failed``.
Verdict = Dict[str, Any]

#: Ground truth and completion.
Submission = Tuple[Any, str]

MAX_BATCH = 1024
_RETRIED = frozenset({408, 429, 502, 503, 504})
_LONGEST_WAIT_S = 60.0
_FIRST_WAIT_S = 0.1


class ServiceError(Exception):
    """The service refused, or could not be reached, also after all retries.

    ``status`` is None where there was no answer; ``code`` is the protocol's, or ``unreachable``, or ``protocol``.
    """

    def __init__(self, message: str, *, code: str, status: Optional[int] = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class VerifierClient:
    """Asks a verifier service.

    :param url: where it listens, such as ``http://127.0.0.1:8910``; default: the variable ``EVENKEEL_VERIFIERS_URL``
    :param token: its token; default: the variable ``EVENKEEL_VERIFIERS_TOKEN``, where it is set
    :param timeout: seconds for one attempt
    :param attempts: how often one request is tried before :class:`ServiceError` is raised
    :param batch_size: most items of one request, up to 1024
    :param batch_bytes: most bytes of one request's body, below the service's limit

    May be used by several threads at once, and after a fork. Close it, or use it in ``with``.

    >>> with VerifierClient("http://127.0.0.1:8910") as client:        # doctest: +SKIP
    ...     client.score("countdown", {"target": 6, "numbers": [2, 4]}, "\\\\boxed{2+4}")["reward"]
    1
    """

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        token: Optional[str] = None,
        timeout: float = 60.0,
        attempts: int = 6,
        batch_size: int = 512,
        batch_bytes: int = 8 * 2**20,
        context: Optional[ssl.SSLContext] = None,
    ) -> None:
        url = url or os.environ.get("EVENKEEL_VERIFIERS_URL")
        if not url:
            raise ValueError(
                "Cannot make client: no URL is given, expected url=… or the variable EVENKEEL_VERIFIERS_URL"
            )
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"Cannot make client: the URL is {url!r}, expected http://HOST:PORT or https://HOST")
        if not 1 <= batch_size <= MAX_BATCH:
            raise ValueError(f"Cannot make client: batch_size is {batch_size}, expected 1 to {MAX_BATCH}")
        if attempts < 1:
            raise ValueError(f"Cannot make client: attempts is {attempts}, expected at least 1")
        self.url = url
        self.timeout = timeout
        self.attempts = attempts
        self.batch_size = batch_size
        self.batch_bytes = batch_bytes
        self._https = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._token = token if token is not None else os.environ.get("EVENKEEL_VERIFIERS_TOKEN")
        self._context = context
        self._local = threading.local()

    # What is asked.

    def verifiers(self) -> List[Dict[str, Any]]:
        """The manifests of all verifiers."""
        return self._list(self._get("/v1/verifiers"), "verifiers", None)

    def manifest(self, verifier: str) -> Dict[str, Any]:
        """The manifest of one verifier."""
        manifest: Dict[str, Any] = self._get(f"/v1/verifiers/{quote(verifier, safe='@')}")
        return manifest

    def score(self, verifier: str, ground_truth: Any, completion: str) -> Verdict:
        """The verdict on one completion."""
        body = _dump({"groundTruth": ground_truth, "completion": completion})
        return _verdict(self._post(verifier, "score", body))

    def score_batch(self, verifier: str, submissions: Iterable[Submission]) -> List[Verdict]:
        """One verdict per submission, in order; cut into requests of a fitting size."""
        verdicts: List[Verdict] = []
        for items in self._batches(submissions):
            body = b'{"items":[' + b",".join(items) + b"]}"
            answer = self._post(verifier, "score-batch", body)
            verdicts.extend(_verdict(verdict) for verdict in self._list(answer, "verdicts", len(items)))
        return verdicts

    def draw(
        self,
        verifier: str,
        *,
        count: int,
        level: str,
        seed: int = 0,
        start: int = 0,
        split: str = "train",
        style: str = "chat",
        gold: Optional[int] = None,
        decoy: Optional[int] = None,
    ) -> List[Dict[str, Any]]:
        """Puzzles with their prompts: ``{"puzzle": {…, "groundTruth"}, "prompt", "gold"?, "decoy"?}``.

        The same arguments give the same puzzles. ``split`` is ``train``, ``tune`` or ``heldout``; no puzzle is in two.
        """
        puzzles: List[Dict[str, Any]] = []
        for first in range(start, start + count, self.batch_size):
            indices = range(first, min(first + self.batch_size, start + count))
            asked: Dict[str, Any] = {
                "queries": [{"seed": seed, "index": index, "level": level, "split": split} for index in indices],
                "style": style,
            }
            if gold is not None:
                asked["gold"] = gold
            if decoy is not None:
                asked["decoy"] = decoy
            puzzles.extend(self._list(self._post(verifier, "draw", _dump(asked)), "puzzles", len(indices)))
        return puzzles

    def ready(self) -> bool:
        """Whether the service welcomes requests now; False where it does not answer at all."""
        try:
            status, _, _ = self._once("GET", "/readyz", None, {})
        except (OSError, http.client.HTTPException):
            return False
        return status == 200

    def close(self) -> None:
        """Closes this thread's connection; the others' close with their threads."""
        self._drop()

    def __enter__(self) -> "VerifierClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> Dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_local"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    # How it is asked.

    def _batches(self, submissions: Iterable[Submission]) -> Iterable[List[bytes]]:
        batch: List[bytes] = []
        size = 0
        for ground_truth, completion in submissions:
            item = _dump({"groundTruth": ground_truth, "completion": completion})
            if batch and (len(batch) >= self.batch_size or size + len(item) > self.batch_bytes):
                yield batch
                batch, size = [], 0
            batch.append(item)
            size += len(item) + 1
        if batch:
            yield batch

    def _get(self, path: str) -> Any:
        return self._ask("GET", path, None, {})

    def _post(self, verifier: str, action: str, body: bytes) -> Any:
        path = f"/v1/verifiers/{quote(verifier, safe='@')}/{action}"
        headers = {"Content-Type": "application/json", "Idempotency-Key": hashlib.sha256(body).hexdigest()}
        return self._ask("POST", path, body, headers)

    def _ask(self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str]) -> Any:
        for attempt in range(1, self.attempts + 1):
            try:
                status, asked_wait, data = self._once(method, path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                if attempt < self.attempts:
                    self._wait(attempt, None)
                    continue
                raise ServiceError(
                    f"Cannot ask {self.url}{path}: {type(error).__name__}: {error} (tried {attempt} times), "
                    "expected a verifier service there: evenkeel verifier serve",
                    code="unreachable",
                ) from error
            if status in _RETRIED and attempt < self.attempts:
                self._wait(attempt, asked_wait)
                continue
            return _answer(f"{self.url}{path}", status, data)
        raise AssertionError("unreachable")

    @staticmethod
    def _wait(attempt: int, asked: Optional[float]) -> None:
        time.sleep(min(_LONGEST_WAIT_S, asked if asked is not None else _FIRST_WAIT_S * 2 ** (attempt - 1)))

    def _once(
        self, method: str, path: str, body: Optional[bytes], headers: Mapping[str, str]
    ) -> Tuple[int, Optional[float], bytes]:
        connection = self._connection()
        sent = dict(headers)
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, self._prefix + path, body=body, headers=sent)
            response = connection.getresponse()
            data = response.read()
        except BaseException:
            self._drop()
            raise
        return response.status, _seconds(response.getheader("Retry-After")), data

    def _connection(self) -> http.client.HTTPConnection:
        # A connection must not be shared with the process that this one was forked from.
        known: Optional[Tuple[int, http.client.HTTPConnection]] = getattr(self._local, "known", None)
        if known is not None and known[0] == os.getpid():
            return known[1]
        connection: http.client.HTTPConnection
        if self._https:
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self.timeout, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self.timeout)
        self._local.known = (os.getpid(), connection)
        return connection

    def _drop(self) -> None:
        known = getattr(self._local, "known", None)
        if known is not None:
            known[1].close()
            self._local.known = None

    def _list(self, answer: Any, name: str, length: Optional[int]) -> List[Any]:
        found = answer.get(name) if isinstance(answer, dict) else None
        if isinstance(found, list) and (length is None or len(found) == length):
            return found
        state = f"it has {len(found)} {name}" if isinstance(found, list) else f"it has no {name}"
        wish = "a list of them" if length is None else f"{length} in their order"
        raise ServiceError(f"Cannot read answer of {self.url}: {state}, expected {wish}", code="protocol")


def _answer(url: str, status: int, data: bytes) -> Any:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if 200 <= status < 300 and value is not None:
        return value
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict) and "message" in error:
        raise ServiceError(str(error["message"]), code=str(error.get("code", "protocol")), status=status)
    raise ServiceError(
        f"Cannot read answer of {url}: status {status} with {len(data)} bytes that are no answer of the protocol, "
        "expected a verifier service there",
        code="protocol",
        status=status,
    )


def _verdict(value: Any) -> Verdict:
    if isinstance(value, dict) and value.get("kind") in ("scored", "abstained", "failed"):
        return value
    raise ServiceError("Cannot read answer: it holds no verdict, expected { kind, … }", code="protocol")


def _seconds(header: Optional[str]) -> Optional[float]:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain).encode("ascii")


def _plain(value: Any) -> Any:
    """Arrays and scalars of numpy, torch and the like as plain JSON, without knowing them."""
    for name in ("tolist", "item"):
        convert = getattr(value, name, None)
        if callable(convert):
            return convert()
    if isinstance(value, (set, frozenset, bytes)) or not isinstance(value, Sequence):
        raise TypeError(
            f"Cannot send {type(value).__name__}: it is not plain JSON, expected numbers, strings, lists and dicts"
        )
    return list(value)
