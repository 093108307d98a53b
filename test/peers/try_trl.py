"""Two steps of TRL's GRPOTrainer with Evenkeel's verifiers as its reward function: called by try-trl.ts.

The model is a random Qwen2 of a few hundred thousand weights, made on the spot, whose one skill is a tokenizer of characters; what
it writes has no answer. So that all three rewards are seen, every third completion is replaced by the puzzle's gold and every third
by its decoy on its way to the reward function. The trainer, its groups, its losses and its call of the reward function are TRL's own.
"""

from __future__ import annotations

import json
import math
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import torch  # noqa: E402
import transformers  # noqa: E402
import trl  # noqa: E402
from datasets import Dataset  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM  # noqa: E402
from trl import GRPOConfig, GRPOTrainer  # noqa: E402

from evenkeel_verifiers import VerifierClient  # noqa: E402
from evenkeel_verifiers.trl import reward_func  # noqa: E402

STEPS = 2
PROMPTS = 8
GENERATIONS = 6


def character_tokenizer() -> PreTrainedTokenizerFast:
    letters = [chr(code) for code in range(32, 127)] + ["\n"]
    vocabulary = {token: place for place, token in enumerate(["<pad>", "<eos>", "<unk>", *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )


def tiny_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1024,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def main(output: str) -> int:
    tokenizer = character_tokenizer()
    model = tiny_model(tokenizer)
    client = VerifierClient()
    puzzles = client.draw("countdown", count=PROMPTS, level="tiny", style="compact", gold=0, decoy=0)
    chat = client.draw("countdown", count=PROMPTS, level="tiny", style="chat", seed=1, gold=0, decoy=0)
    seen = []

    def run(rows, label):
        verdicts = []
        evenkeel = reward_func("countdown", client=client, on_verdicts=verdicts.extend)

        def rewards(prompts, completions, gold, decoy, **columns):
            def instead(place, completion):
                text = (gold[place], decoy[place], None)[place % 3]
                if text is None:
                    return completion
                return text if isinstance(completion, str) else [{"role": "assistant", "content": text}]

            replaced = [instead(place, completion) for place, completion in enumerate(completions)]
            # One of a group gets no verdict but a failure: its ground truth is none. TRL is to leave it out.
            truths = list(columns.pop("groundTruth"))
            truths[GENERATIONS - 1] = "none"
            given = evenkeel(prompts=prompts, completions=replaced, groundTruth=truths, **columns)
            seen.extend(given)
            return given

        rewards.__name__ = evenkeel.__name__
        before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        trainer = GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=rewards,
            train_dataset=Dataset.from_list(rows),
            args=GRPOConfig(
                output_dir=output,
                max_steps=STEPS,
                per_device_train_batch_size=PROMPTS * GENERATIONS // 2,
                num_generations=GENERATIONS,
                max_completion_length=16,
                learning_rate=1e-3,
                logging_steps=1,
                save_strategy="no",
                report_to=[],
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                disable_tqdm=True,
                seed=0,
            ),
        )
        trainer.train()
        logs = [entry for entry in trainer.state.log_history if "reward" in entry]
        moved = sum(float((weight - before[name]).abs().sum()) for name, weight in model.named_parameters())
        problems = []
        if len(logs) != STEPS:
            problems.append(f"{len(logs)} steps were logged, expected {STEPS}")
        if not all(math.isfinite(entry["reward"]) and math.isfinite(entry["loss"]) for entry in logs):
            problems.append("a reward or a loss is not finite")
        if not all("evenkeel/correct" in entry for entry in logs):
            problems.append(f"the metrics of the reward function are not in TRL's log: {sorted(logs[0])}")
        if not moved > 0:
            problems.append("the weights have not moved")
        failed = sum(verdict["kind"] == "failed" for verdict in verdicts)
        if failed != STEPS or len(verdicts) != PROMPTS * GENERATIONS:
            problems.append(f"{failed} of {len(verdicts)} verdicts failed, expected {STEPS} of {PROMPTS * GENERATIONS}")
        # Of 24 completions 8 are right, 8 wrong, 7 without an answer, and 1 is left out.
        if not all(abs(entry["reward"] - 8.8 / 23) < 1e-4 for entry in logs):
            problems.append(f"TRL's mean rewards are {[entry['reward'] for entry in logs]}, expected {8.8 / 23}")
        for entry in logs:
            metrics = {
                name: entry[name] for name in entry if name.startswith(("reward", "evenkeel", "loss", "rewards/"))
            }
            print(json.dumps({"kind": "step", "form": label, **metrics}))
        print(json.dumps({"kind": "trained", "form": label, "weights_moved": moved, "verdicts": len(verdicts)}))
        return problems

    row = {
        "strings": lambda drawn: drawn["prompt"],
        "messages": lambda drawn: [{"role": "user", "content": drawn["prompt"]}],
    }
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
    problems = []
    for label, drawn in (("strings", puzzles), ("messages", chat)):
        rows = [
            {
                "prompt": row[label](one),
                "groundTruth": json.dumps(one["puzzle"]["groundTruth"]),
                "gold": one["gold"],
                "decoy": one["decoy"],
            }
            for one in drawn
        ]
        problems += [f"{label}: {problem}" for problem in run(rows, label)]

    kinds = sorted({reward for reward in seen if reward is not None}, reverse=True)
    if kinds != [1.0, 0.1, 0.0]:
        problems.append(f"the rewards seen are {kinds}, expected 1.0, 0.1 and 0.0")
    counts = {str(kind): seen.count(kind) for kind in [*kinds, None]}
    versions = {"trl": trl.__version__, "transformers": transformers.__version__, "torch": torch.__version__}
    print(json.dumps({"kind": "result", "rewards": counts, "problems": problems, **versions}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
