from __future__ import annotations

import os
import pickle
import re
import threading
import unittest
import urllib.request
from typing import Any, List

from evenkeel_verifiers import ServiceError, VerifierClient

from .support import FORMLESS, RIGHT, TOKEN, WRONG, Relay, ServiceTest


class Numbers:
    """What numpy's arrays and scalars are to the client."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def tolist(self) -> Any:
        return self.value


class ClientTest(ServiceTest):
    def setUp(self) -> None:
        self.client = VerifierClient(self.url, token=TOKEN)
        self.addCleanup(self.client.close)

    def scored(self) -> float:
        request = urllib.request.Request(f"{self.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in re.findall(r"^evenkeel_verdicts_total\{.*$", text, re.M))

    def test_scores_one_completion(self) -> None:
        rewards = [self.client.score("countdown", *submission)["reward"] for submission in (RIGHT, WRONG, FORMLESS)]
        self.assertEqual(rewards, [1, 0.1, 0])

    def test_scores_batches_in_order_cut_to_any_size(self) -> None:
        submissions = [(RIGHT, WRONG, FORMLESS)[place % 3] for place in range(1500)]
        for client in (self.client, VerifierClient(self.url, token=TOKEN, batch_size=7, batch_bytes=400)):
            verdicts = client.score_batch("countdown", submissions)
            self.assertEqual([verdict["reward"] for verdict in verdicts], [(1, 0.1, 0)[at % 3] for at in range(1500)])
            client.close()
        self.assertEqual(self.client.score_batch("countdown", []), [])

    def test_draws_puzzles_that_score(self) -> None:
        puzzles = self.client.draw("zebra", count=5, level="tiny", seed=3, style="compact", gold=0, decoy=0)
        self.assertEqual(
            puzzles, self.client.draw("zebra", count=5, level="tiny", seed=3, style="compact", gold=0, decoy=0)
        )
        for kind, reward in (("gold", 1), ("decoy", 0.1)):
            submissions = [(drawn["puzzle"]["groundTruth"], drawn[kind]) for drawn in puzzles]
            self.assertEqual([v["reward"] for v in self.client.score_batch("zebra", submissions)], [reward] * 5)
        self.assertEqual(
            self.client.draw("zebra", count=2, start=3, level="tiny", seed=3, style="compact", gold=0, decoy=0),
            puzzles[3:],
        )

    def test_lists_manifests(self) -> None:
        self.assertEqual([manifest["id"] for manifest in self.client.verifiers()], ["countdown", "zebra"])
        self.assertEqual(self.client.manifest("countdown")["id"], "countdown")
        self.assertTrue(self.client.ready())

    def test_sends_any_text_and_arrays_of_others(self) -> None:
        for completion in ("", "\0", "\ud800", "\U0001f600" * 1000, "\\boxed{2+4}\u2028"):
            self.assertEqual(self.client.score("countdown", RIGHT[0], completion)["kind"], "scored")
        truth = {"target": Numbers(6), "numbers": Numbers([2, 4])}
        self.assertEqual(self.client.score("countdown", truth, RIGHT[1])["reward"], 1)
        with self.assertRaisesRegex(TypeError, "Cannot send object: it is not plain JSON, expected"):
            self.client.score("countdown", object(), "")
        with self.assertRaises(ValueError):
            self.client.score("countdown", float("nan"), "")

    def test_may_be_used_by_threads_and_after_a_fork_and_pickled(self) -> None:
        rewards: List[float] = []

        def ask() -> None:
            for _ in range(20):
                rewards.append(self.client.score("countdown", *RIGHT)["reward"])
            self.client.close()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(rewards, [1] * 160)
        copy = pickle.loads(pickle.dumps(self.client))
        self.assertEqual(copy.score("countdown", *RIGHT)["reward"], 1)
        copy.close()
        if hasattr(os, "fork"):
            child = os.fork()
            if child == 0:
                os._exit(0 if self.client.score("countdown", *RIGHT)["reward"] == 1 else 1)
            self.assertEqual(self.client.score("countdown", *WRONG)["reward"], 0.1)
            self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_asks_again_with_the_same_key_and_is_scored_once(self) -> None:
        before = self.scored()
        with Relay(self.url, ["drop", "503", "429", "late"]) as relay:
            client = VerifierClient(relay.url, token=TOKEN)
            truth = {"target": 12, "numbers": [5, 7]}
            self.assertEqual(client.score("countdown", truth, "\\boxed{5+7}")["reward"], 1)
            client.close()
        self.assertEqual(len(relay.keys), 5)
        self.assertEqual(len(set(relay.keys)), 1)
        self.assertRegex(relay.keys[0] or "", "^[0-9a-f]{64}$")
        self.assertEqual(self.scored() - before, 1)

    def test_gives_up_after_its_attempts_and_says_so(self) -> None:
        with Relay(self.url, ["503"] * 3) as relay:
            client = VerifierClient(relay.url, token=TOKEN, attempts=3)
            with self.assertRaises(ServiceError) as refused:
                client.score("countdown", *RIGHT)
            self.assertEqual((refused.exception.status, refused.exception.code), (503, "told-to"))
            relay.faults = ["drop"] * 2
            with self.assertRaisesRegex(ServiceError, r"tried 2 times\), expected a verifier service there") as lost:
                VerifierClient(relay.url, token=TOKEN, attempts=2).score("countdown", *RIGHT)
            self.assertEqual(lost.exception.code, "unreachable")
            relay.faults = ["garbage"]
            with self.assertRaisesRegex(ServiceError, "expected a verifier service there"):
                client.score("countdown", *RIGHT)
            client.close()

    def test_does_not_ask_again_where_that_is_no_use(self) -> None:
        stranger = VerifierClient(self.url, token="another-token-altogether")
        self.addCleanup(stranger.close)
        for wrong, code, status in (
            (lambda: self.client.score("chess", *RIGHT), "not-found", 404),
            (lambda: self.client.draw("zebra", count=1, level="absurd"), "level-unknown", 422),
            (stranger.verifiers, "unauthorized", 401),
        ):
            with self.assertRaises(ServiceError) as refused:
                wrong()
            self.assertEqual((refused.exception.code, refused.exception.status), (code, status))

    def test_takes_url_and_token_from_the_environment(self) -> None:
        os.environ.update(EVENKEEL_VERIFIERS_URL=self.url, EVENKEEL_VERIFIERS_TOKEN=TOKEN)
        try:
            with VerifierClient() as client:
                self.assertTrue(client.verifiers())
        finally:
            del os.environ["EVENKEEL_VERIFIERS_URL"], os.environ["EVENKEEL_VERIFIERS_TOKEN"]
        with self.assertRaisesRegex(
            ValueError, "no URL is given, expected url=… or the variable EVENKEEL_VERIFIERS_URL"
        ):
            VerifierClient()
        with self.assertRaisesRegex(ValueError, "expected http://HOST:PORT"):
            VerifierClient("127.0.0.1:8910")


if __name__ == "__main__":
    unittest.main()
