"""TRL's GRPOTrainer, one whole step a turn: generate, score, update, on the model, prompts and sizes that the bench gives.

The task's line: folder, prompts, rollouts, newTokens, threads, microBatch, sequences. A turn answers with the seconds of the step and of
the generation in it, and with the completion tokens that the reward function saw.
"""

from __future__ import annotations

import sys
import tempfile
import time

import turns

import datasets  # noqa: E402
import trl  # noqa: E402
from transformers import TrainerCallback  # noqa: E402

MOST_STEPS = 1_000_000


class Turns(TrainerCallback):
    """Waits before each step for the bench's word, and tells what the step took."""

    def __init__(self) -> None:
        self.started = 0.0
        self.started_processor = 0.0
        self.generate_seconds = 0.0
        self.tokens = 0

    def on_step_begin(self, *_arguments, **_state) -> None:
        if turns.hear() is None:
            sys.exit(0)
        self.generate_seconds, self.tokens = 0.0, 0
        self.started, self.started_processor = time.perf_counter(), time.process_time()

    def on_step_end(self, *_arguments, **_state) -> None:
        turns.say(
            "turn",
            seconds=time.perf_counter() - self.started,
            processorSeconds=time.process_time() - self.started_processor,
            generateSeconds=self.generate_seconds,
            tokens=self.tokens,
        )


def main() -> None:
    task = turns.read_task()
    model, tokenizer = turns.load(task["folder"])
    watch = Turns()
    size = len(task["prompts"]) * task["rollouts"]

    def even_share(completion_ids, **_columns):
        watch.tokens += sum(len(tokens) for tokens in completion_ids)
        return [sum(token % 2 == 0 for token in tokens) / max(1, len(tokens)) for tokens in completion_ids]

    logprobs = turns.completion_logprobs(model, task["sequences"])
    with tempfile.TemporaryDirectory() as output:
        trainer = trl.GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=even_share,
            train_dataset=datasets.Dataset.from_list([{"prompt": prompt} for prompt in task["prompts"]]),
            callbacks=[watch],
            args=trl.GRPOConfig(
                output_dir=output,
                max_steps=MOST_STEPS,
                per_device_train_batch_size=task["microBatch"],
                gradient_accumulation_steps=size // task["microBatch"],
                num_generations=task["rollouts"],
                max_completion_length=task["newTokens"],
                # Equal lengths: no completion may end before its time.
                generation_kwargs={"min_new_tokens": task["newTokens"]},
                loss_type="dapo",
                epsilon=0.2,
                epsilon_high=0.28,
                beta=0.0,
                learning_rate=1e-6,
                lr_scheduler_type="constant",
                logging_strategy="no",
                save_strategy="no",
                report_to=[],
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                disable_tqdm=True,
                seed=0,
            ),
        )
        generate = trainer._generate_and_score_completions

        def timed(inputs):
            start = time.perf_counter()
            result = generate(inputs)
            watch.generate_seconds += time.perf_counter() - start
            return result

        trainer._generate_and_score_completions = timed
        versions = {"torch": turns.torch.__version__, "transformers": turns.transformers.__version__, "trl": trl.__version__}
        turns.say("ready", parameters=model.num_parameters(), logprobs=logprobs, versions=versions)
        trainer.train()


if __name__ == "__main__":
    main()
