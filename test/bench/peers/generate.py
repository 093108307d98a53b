"""transformers' `generate` as TRL calls it, one batch a turn: left-padded prompts, sampling at temperature 1, lengths forced equal.

The task's line: folder, prompts, rollouts, newTokens, threads, sequences.
"""

from __future__ import annotations

import time

import turns

import torch  # noqa: E402
from transformers import GenerationConfig  # noqa: E402


def main() -> None:
    task = turns.read_task()
    model, tokenizer = turns.load(task["folder"])
    model.eval()
    prompts = [prompt for prompt in task["prompts"] for _ in range(task["rollouts"])]
    # What GRPOTrainer 1.16 makes of its defaults.
    config = GenerationConfig(
        max_new_tokens=task["newTokens"],
        min_new_tokens=task["newTokens"],
        do_sample=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        disable_compile=True,
    )
    versions = {"torch": torch.__version__, "transformers": turns.transformers.__version__}
    logprobs = turns.completion_logprobs(model, task["sequences"])
    turns.say("ready", parameters=model.num_parameters(), logprobs=logprobs, versions=versions)
    while turns.hear() is not None:
        start, start_processor = time.perf_counter(), time.process_time()
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.no_grad():
            whole = model.generate(**inputs, generation_config=config)
        completions = whole[:, inputs["input_ids"].size(1) :]
        turns.say(
            "turn",
            seconds=time.perf_counter() - start,
            processorSeconds=time.process_time() - start_processor,
            tokens=completions.numel(),
        )


if __name__ == "__main__":
    main()
