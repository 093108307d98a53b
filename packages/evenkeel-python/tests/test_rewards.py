from __future__ import annotations

import inspect
import json
import os
from typing import Any, Dict, List

from evenkeel_verifiers import ServiceError, VerifierClient
from evenkeel_verifiers.rows import completion_text, ground_truth_of
from evenkeel_verifiers.trl import reward_func
from evenkeel_verifiers.verl import compute_score, compute_score_batch

from .support import FORMLESS, RIGHT, TOKEN, WRONG, ServiceTest

TRUTH = RIGHT[0]
TEXTS = [RIGHT[1], WRONG[1], FORMLESS[1]]
REWARDS = [1.0, 0.1, 0.0]


class TrlTest(ServiceTest):
    def setUp(self) -> None:
        self.client = VerifierClient(self.url, token=TOKEN)
        self.addCleanup(self.client.close)
        self.reward = reward_func("countdown", client=self.client)

    def call(self, **columns: Any) -> List[Any]:
        count = len(columns["completions"])
        return self.reward(prompts=["p"] * count, completion_ids=[[1]] * count, trainer_state=object(), **columns)

    def test_scores_strings_and_chat_messages(self) -> None:
        self.assertEqual(self.call(completions=TEXTS, groundTruth=[TRUTH] * 3), REWARDS)
        chats = [[{"role": "assistant", "content": text}] for text in TEXTS]
        self.assertEqual(self.call(completions=chats, groundTruth=[TRUTH] * 3), REWARDS)
        parts = [[{"role": "assistant", "content": [{"type": "text", "text": text}]}] for text in TEXTS]
        self.assertEqual(self.call(completions=parts, groundTruth=[TRUTH] * 3), REWARDS)

    def test_finds_the_ground_truth_in_the_columns_that_there_are(self) -> None:
        for columns in (
            {"ground_truth": [TRUTH] * 3},
            {"ground_truth": [json.dumps(TRUTH)] * 3},
            {"target": [6] * 3, "numbers": [[2, 4]] * 3},
            {"groundTruth": [None, TRUTH, TRUTH], "target": [6, None, None], "numbers": [[2, 4], None, None]},
        ):
            self.assertEqual(self.call(completions=TEXTS, **columns), REWARDS)
        self.assertEqual(ground_truth_of({"target": "Alice", "numbers": None}), {"target": "Alice"})
        with self.assertRaisesRegex(
            KeyError, "the row has the columns level, expected groundTruth, ground_truth, or target"
        ):
            ground_truth_of({"level": "easy"})
        own = reward_func(
            "countdown", client=self.client, ground_truth=lambda row: {"target": row["t"], "numbers": [2, 4]}
        )
        self.assertEqual(own(completions=TEXTS, t=[6, 6, 6]), REWARDS)

    def test_gives_none_where_there_is_no_verdict(self) -> None:
        seen: List[Any] = []
        reward = reward_func("countdown", client=self.client, on_verdicts=seen.append)
        self.assertEqual(reward(completions=TEXTS[:2], ground_truth=["nonsense", TRUTH]), [None, 0.1])
        self.assertEqual([verdict["kind"] for verdict in seen[0]], ["failed", "scored"])

    def test_asks_each_row_its_own_verifier(self) -> None:
        reward = reward_func(client=self.client)
        rewards = reward(
            completions=[TEXTS[0], "\\boxed{Alice}", "whatever", TEXTS[1]],
            task=["countdown", "evenkeel/zebra", None, "countdown"],
            ground_truth=[TRUTH, {"target": "Alice"}, None, TRUTH],
        )
        self.assertEqual(rewards, [1.0, 1.0, None, 0.1])
        with self.assertRaisesRegex(KeyError, r"expected reward_func\('countdown'\) or a column verifier or task"):
            reward(completions=TEXTS, ground_truth=[TRUTH] * 3)

    def test_reports_metrics_and_has_a_name(self) -> None:
        metrics: Dict[str, float] = {}
        self.call(completions=TEXTS + ["x"], ground_truth=[TRUTH] * 3 + ["nonsense"], log_metric=metrics.__setitem__)
        self.assertEqual(
            metrics,
            {"evenkeel/correct": 0.25, "evenkeel/formatted": 0.5, "evenkeel/abstained": 0.0, "evenkeel/failed": 0.25},
        )
        self.assertEqual(self.reward.__name__, "evenkeel_countdown")

    def test_raises_where_the_service_is_gone(self) -> None:
        reward = reward_func("countdown", client=VerifierClient("http://127.0.0.1:9", attempts=1))
        with self.assertRaises(ServiceError):
            reward(completions=TEXTS, ground_truth=[TRUTH] * 3)

    def test_reads_completions_of_every_form(self) -> None:
        self.assertEqual(completion_text({"role": "assistant", "content": "a"}), "a")
        tool = [
            {"role": "assistant", "content": "a"},
            {"role": "tool", "content": "b"},
            {"role": "assistant", "content": "c"},
        ]
        self.assertEqual(completion_text(tool), "c")
        self.assertEqual(completion_text([]), "")
        self.assertEqual(completion_text([{"role": "assistant", "content": None}]), "")


class VerlTest(ServiceTest):
    def setUp(self) -> None:
        os.environ["EVENKEEL_VERIFIERS_TOKEN"] = TOKEN
        self.addCleanup(os.environ.pop, "EVENKEEL_VERIFIERS_TOKEN")

    def test_scores_one_completion_as_verl_calls_for_it(self) -> None:
        for text, score in zip(TEXTS, REWARDS):
            scores = compute_score(
                data_source="evenkeel/countdown",
                solution_str=text,
                ground_truth=json.dumps(TRUTH),
                extra_info={"index": 3},
                url=self.url,
                reward_router_address=None,
            )
            self.assertEqual(scores["score"], score)
            self.assertEqual(scores["acc"], float(score == 1))

    def test_scores_batches_of_several_verifiers_in_order(self) -> None:
        scores = compute_score_batch(
            data_sources=["countdown", "zebra", "countdown", "zebra"],
            solution_strs=[TEXTS[0], "\\boxed{Alice}", TEXTS[1], "\\boxed{Bob}"],
            ground_truths=[TRUTH, {"target": "Alice"}, TRUTH, {"target": "Alice"}],
            extra_infos=[{}] * 4,
            url=self.url,
        )
        self.assertEqual([score["score"] for score in scores], [1.0, 1.0, 0.1, 0.1])
        self.assertEqual({tuple(score) for score in scores}, {("score", "acc", "formatted", "abstained", "failed")})

    def test_says_where_there_is_no_verdict(self) -> None:
        failed = compute_score("countdown", "x", "nonsense", url=self.url)
        self.assertEqual((failed["score"], failed["failed"]), (0.0, 1.0))
        self.assertEqual(compute_score("countdown", "x", "nonsense", url=self.url, no_verdict=-1)["score"], -1.0)
        with self.assertRaisesRegex(ServiceError, "the verdict is failed"):
            compute_score("countdown", "x", "nonsense", url=self.url, no_verdict="raise")

    def test_takes_the_arguments_that_verl_documents(self) -> None:
        self.assertEqual(
            list(inspect.signature(compute_score).parameters)[:4],
            ["data_source", "solution_str", "ground_truth", "extra_info"],
        )
        self.assertEqual(
            list(inspect.signature(compute_score_batch).parameters)[:4],
            ["data_sources", "solution_strs", "ground_truths", "extra_infos"],
        )
