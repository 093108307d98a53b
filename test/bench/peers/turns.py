"""What the peers' programs share: the talk with the bench over lines of JSON, threads, the model of a folder, log-probabilities.

A program reads its task from the first line, says `ready`, and then does one turn for each line `turn`; `stop`, or the end of the
input, ends it. Between two turns it waits and computes nothing.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
warnings.filterwarnings("ignore")

import torch  # noqa: E402
import transformers  # noqa: E402

# Only the lines of JSON may reach the bench: whatever else is printed goes to the errors.
_answers = sys.stdout
sys.stdout = sys.stderr


def say(kind: str, **content: Any) -> None:
    print(json.dumps({"kind": kind, **content}), file=_answers, flush=True)


def hear() -> dict[str, Any] | None:
    """The next line; None at the end, or where it says `stop`."""
    line = sys.stdin.readline()
    message = json.loads(line) if line else None
    return None if message is None or message.get("kind") == "stop" else message


def read_task() -> dict[str, Any]:
    """The first line. Threads are set as it says, and draws begin at the same place each time."""
    task = hear()
    if task is None:
        sys.exit(0)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(task["threads"])
    torch.manual_seed(0)
    return task


def load(folder: str) -> tuple[transformers.PreTrainedModel, transformers.PreTrainedTokenizerBase]:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model, transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")


def completion_logprobs(model: transformers.PreTrainedModel, sequences: list[dict[str, Any]]) -> list[list[float]]:
    """Natural log-probabilities of each sequence's tokens behind its prompt: what shows that both sides run the same model."""
    results = []
    with torch.no_grad():
        for sequence in sequences:
            tokens = torch.tensor([sequence["tokens"]])
            logprobs = model(tokens).logits[0, :-1].log_softmax(-1)
            picked = logprobs.gather(1, tokens[0, 1:, None])[:, 0]
            results.append(picked[sequence["promptLength"] - 1 :].tolist())
    return results
