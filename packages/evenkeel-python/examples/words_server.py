"""A task for Evenkeel in Python, with nothing but the standard library: say a word backwards.

It speaks the whole verifier protocol, version 1 (docs/verifier-protocol.md): manifest, score, score-batch, draw, health, a token,
idempotency keys, limits. To make it a task of your own, change the part between the two lines; the rest is the protocol.

    python3 words_server.py --port 8911            # WORDS_TOKEN=… to ask for a token
    evenkeel verifier add ./words                  # the package that tells Evenkeel where it is
    evenkeel verify words answers.jsonl
"""

import argparse
import hashlib
import json
import os
import re
import signal
import sys
import threading
from collections import OrderedDict
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# ---------------------------------------------------------------------------------------------------------------- the task

MANIFEST = {
    "id": "words",
    "version": "1.0.0",
    "sdk": "^1",
    "title": "Words backwards, scored in Python",
    "levels": ["easy", "hard"],
    "limits": {"timeMs": 1000, "memoryMb": 64},
    "permissions": {"net": [], "read": [], "env": []},
}
SYLLABLES = {"easy": 2, "hard": 5}
BOX = re.compile(r"\\boxed\{([^{}]*)\}")


def digest(text):
    """The same number for the same text, in every process: Python's own hash() is another one in each."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def split_of(word):
    """Decided by the puzzle itself, so that nothing that is evaluated can be drawn for training."""
    bucket = digest("split/" + word) % 10
    return "train" if bucket < 8 else "tune" if bucket == 8 else "heldout"


def word_of(seed, index, level, attempt):
    number = digest(f"{seed}/{index}/{level}/{attempt}")
    letters = []
    for _ in range(SYLLABLES[level]):
        number, consonant = divmod(number, 20)
        number, vowel = divmod(number, 5)
        letters.append("bcdfghjklmnpqrstvwxz"[consonant] + "aeiou"[vowel])
    return "".join(letters)


def generate(seed, index, level, split):
    """A pure function: the same query, the same puzzle, in this version for ever."""
    attempt = 0
    while True:
        word = word_of(seed, index, level, attempt)
        if split_of(word) == split:
            return {"id": word, "level": level, "data": {"word": word}, "groundTruth": {"target": word[::-1]}}
        attempt += 1


def prompt(puzzle, style):
    word = puzzle["data"]["word"]
    if style == "compact":
        return f"{word} backwards :"
    return f"Write the word {word} backwards. Put your answer in \\boxed{{}}."


def gold(puzzle, variant):
    return f"\\boxed{{{puzzle['groundTruth']['target']}}}"


def decoy(puzzle, variant):
    """Well-formed and wrong: a letter too many, so that it is wrong for a word that reads the same in both directions, too."""
    word = puzzle["data"]["word"]
    return f"\\boxed{{{word + 'bcdfg'[variant % 5]}}}"


def score(ground_truth, completion):
    """The verdict: 1 right, 0.1 in the form but wrong, 0 no answer in the form. The row's own fault is a failure, never a zero."""
    target = ground_truth.get("target") if isinstance(ground_truth, dict) else None
    if not isinstance(target, str) or target == "":
        return {"kind": "failed", "error": {"code": "ground-truth", "message": "expected { target: word }"}}
    boxes = BOX.findall(completion)
    if not boxes:
        return scored(0, None, "no-box")
    answer = boxes[-1].strip()
    return scored(1, answer, "correct") if answer == target else scored(0.1, answer, "wrong-word")


def scored(reward, answer, reason):
    # At most 200 UTF-16 units: 100 characters are never more.
    answer = None if answer is None else answer[:100]
    return {
        "kind": "scored",
        "reward": reward,
        "correct": reward == 1,
        "formatted": reward > 0,
        "answer": answer,
        "reason": reason,
    }


# ------------------------------------------------------------------------------------------------------------ the protocol

MOST_ITEMS = 1024
MOST_BODY_BYTES = 64 * 1024 * 1024
MOST_AT_ONCE = 32
KEPT_ANSWERS = 256
SECONDS_TO_FINISH = 5


class Refusal(Exception):
    """An answer that is none: a status, and what is wrong in the protocol's words."""

    def __init__(self, status, code, message, retry_after=None):
        super().__init__(message)
        self.status, self.code, self.retry_after = status, code, retry_after


def expect(condition, message):
    if not condition:
        raise Refusal(400, "bad-request", message)


def read_item(item):
    expect(isinstance(item, dict) and set(item) == {"groundTruth", "completion"}, "an item is { groundTruth, completion }")
    expect(isinstance(item["completion"], str), "completion: expected a string")
    return score(item["groundTruth"], item["completion"])


def read_items(body):
    items = body.get("items")
    expect(set(body) == {"items"} and isinstance(items, list), "expected { items: [...] }")
    expect(1 <= len(items) <= MOST_ITEMS, f"items: expected 1 to {MOST_ITEMS}")
    return {"verdicts": [read_item(item) for item in items]}


def is_whole(value, most):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def read_draw(body):
    queries, style = body.get("queries"), body.get("style")
    expect(set(body) <= {"queries", "style", "gold", "decoy"}, "expected { queries, style, gold?, decoy? }")
    expect(isinstance(queries, list) and 1 <= len(queries) <= MOST_ITEMS, f"queries: expected 1 to {MOST_ITEMS}")
    expect(style in ("chat", "compact"), "style: expected chat or compact")
    for name in ("gold", "decoy"):
        expect(name not in body or is_whole(body[name], 2**32 - 1), f"{name}: expected a whole number")
    return {"puzzles": [draw_one(query, style, body) for query in queries]}


def draw_one(query, style, body):
    expect(isinstance(query, dict) and set(query) == {"seed", "index", "level", "split"}, "a query has four fields")
    seed, index, level, split = query["seed"], query["index"], query["level"], query["split"]
    expect(is_whole(seed, 2**53 - 1) and is_whole(index, 2**32 - 1), "seed, index: expected whole numbers")
    expect(split in ("train", "tune", "heldout"), "split: expected train, tune or heldout")
    expect(isinstance(level, str), "level: expected a string")
    if level not in SYLLABLES:
        raise Refusal(422, "level-unknown", f"no level {level!r}, expected one of {', '.join(SYLLABLES)}")
    puzzle = generate(seed, index, level, split)
    drawn = {"puzzle": puzzle, "prompt": prompt(puzzle, style)}
    if "gold" in body:
        drawn["gold"] = gold(puzzle, body["gold"])
    if "decoy" in body:
        drawn["decoy"] = decoy(puzzle, body["decoy"])
    return drawn


GETS = {
    "/healthz": lambda: {"status": "ok"},
    "/readyz": lambda: {"status": "ok"},
    "/v1/verifiers": lambda: {"verifiers": [MANIFEST]},
    "/v1/verifiers/words": lambda: MANIFEST,
}
POSTS = {
    "/v1/verifiers/words/score": read_item,
    "/v1/verifiers/words/score-batch": read_items,
    "/v1/verifiers/words/draw": read_draw,
}
#: Asked by whoever watches the process, who has no token.
OPEN = {"/healthz", "/readyz"}


class WordsServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, token):
        super().__init__(address, Handler)
        self.token = token
        self.stopping = False
        self.room = threading.Semaphore(MOST_AT_ONCE)
        self.kept = OrderedDict()
        self.lock = threading.Lock()

    def answer(self, path, key, body):
        """The answer's bytes; of a request that was answered before under its key, the same."""
        mark = hashlib.sha256(path.encode() + b"\n" + body).digest()
        with self.lock:
            known = self.kept.get(key) if key else None
        if known is not None:
            expect(known[0] == mark, "the idempotency key was used for another request")
            return known[1]
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            parsed = None
        expect(isinstance(parsed, dict), "expected a JSON object")
        answer = json.dumps(POSTS[path](parsed)).encode()
        if key:
            with self.lock:
                self.kept[key] = (mark, answer)
                while len(self.kept) > KEPT_ANSWERS:
                    self.kept.popitem(last=False)
        return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "words"
    disable_nagle_algorithm = True
    #: Seconds that a connection may be silent for.
    timeout = 60

    def do_GET(self):
        self.respond(self.get)

    def do_POST(self):
        self.respond(self.post)

    def get(self):
        path = self.path.partition("?")[0]
        if path not in GETS:
            raise Refusal(404, "not-found", f"nothing is at {path}")
        if path not in OPEN:
            self.authorize()
        return json.dumps(GETS[path]()).encode()

    def post(self):
        path = self.path.partition("?")[0]
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= MOST_BODY_BYTES:
            # The body is not read, so what follows on this connection is no request.
            self.close_connection = True
            expect(length >= 0, "expected a Content-Length")
            raise Refusal(413, "too-large", f"the body has {length} bytes, expected at most {MOST_BODY_BYTES}")
        body = self.rfile.read(length)
        if path not in POSTS:
            raise Refusal(404, "not-found", f"nothing is at {path}")
        self.authorize()
        if self.server.stopping:
            raise Refusal(503, "stopping", "the server is stopping", retry_after=1)
        if not self.server.room.acquire(blocking=False):
            raise Refusal(429, "busy", "too many requests at once", retry_after=1)
        try:
            return self.server.answer(path, self.headers.get("Idempotency-Key"), body)
        finally:
            self.server.room.release()

    def authorize(self):
        token = self.server.token
        given = self.headers.get("Authorization", "")
        if token and not compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise Refusal(401, "unauthorized", "expected Authorization: Bearer with the token")

    def respond(self, act):
        status, headers = 200, {}
        try:
            payload = act()
        except Refusal as refusal:
            status = refusal.status
            if refusal.retry_after is not None:
                headers["Retry-After"] = str(refusal.retry_after)
            payload = json.dumps({"error": {"code": refusal.code, "message": str(refusal)}}).encode()
        except (ConnectionError, TimeoutError):
            self.close_connection = True
            return
        except Exception as error:  # A mistake of the task: the client asks its items one by one.
            status = 500
            payload = json.dumps({"error": {"code": "internal", "message": type(error).__name__}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        """Quiet: completions are somebody's, and a line for each request is nobody's wish."""


def main():
    parser = argparse.ArgumentParser(description="Serves the task words to Evenkeel.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8911, help="0 for a free one")
    arguments = parser.parse_args()
    server = WordsServer((arguments.host, arguments.port), os.environ.get("WORDS_TOKEN"))

    def stop(*_):
        server.stopping = True
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"http://{arguments.host}:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    # What is under way is answered first.
    for _ in range(MOST_AT_ONCE):
        if not server.room.acquire(timeout=SECONDS_TO_FINISH):
            return 1
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
