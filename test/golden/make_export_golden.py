"""What transformers makes of a policy that `evenkeel model export` wrote.

    python3 -m venv .venv && .venv/bin/pip install torch transformers
    .venv/bin/python test/golden/make_export_golden.py

Exports the shipped policy "tiny" by the command line, as float32 and as bfloat16, opens both folders with AutoTokenizer and
AutoModelForCausalLM (computing in float32 on the CPU, one thread), and writes cli-export.golden.json beside itself: the log-probabilities
of given completions, those of a conversation rendered by the tokenizer, and greedy completions by generate(). The tokenizer's tokens are
in it as well.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).resolve().parent
TYPES = ["float32", "bfloat16"]
ROWS = [
    {"prompt": "make 28 from 4 6 18 :", "completion": "\\boxed{ 18 + 6 + 4 }<|endoftext|>"},
    {"prompt": "make 73 from 6 7 11 :", "completion": "\\boxed{ 11 * 6 + 7 }"},
    {"prompt": "make 6 from 4 5 5 :", "completion": " no idea: 5 is too much, naïve 🙂\n"},
    {"messages": [{"role": "user", "content": "make 6 from 4 5 5 :"}], "completion": "\\boxed{ 5 + 5 - 4 }"},
]
GREEDY_TOKENS = 12


def prompt_ids(tokenizer, row):
    if "messages" in row:
        text = tokenizer.apply_chat_template(row["messages"], add_generation_prompt=True, tokenize=False)
    else:
        text = row["prompt"]
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def scored(model, tokenizer, row):
    prompt = prompt_ids(tokenizer, row)
    completion = tokenizer(row["completion"], add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([prompt + completion])).logits[0]
    logprobs = logits.log_softmax(-1)[len(prompt) - 1 : -1]
    values = [logprobs[place, token].item() for place, token in enumerate(completion)]
    return {"tokens": completion, "logprobs": values}


def greedy(model, tokenizer, row):
    prompt = torch.tensor([prompt_ids(tokenizer, row)])
    out = model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=GREEDY_TOKENS)
    return out[0, prompt.shape[1] :].tolist()


def exported(folder, dtype):
    command = [HERE.parent.parent / "evenkeel", "model", "export", "tiny", "--out", folder, "--dtype", dtype]
    subprocess.run(command, check=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    stored = AutoModelForCausalLM.from_pretrained(folder).dtype
    assert stored == getattr(torch, dtype), (stored, dtype)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return {
        "rows": [scored(model, tokenizer, row) for row in ROWS],
        "greedy": [greedy(model, tokenizer, row) for row in ROWS],
    }


torch.set_num_threads(1)
golden = {
    "generator": "test/golden/make_export_golden.py",
    "versions": {module.__name__: module.__version__ for module in (torch, transformers)},
    "tolerance": {"logprobs": 1e-4},
    "rows": ROWS,
    "greedyTokens": GREEDY_TOKENS,
}
with tempfile.TemporaryDirectory() as home:
    for kind in TYPES:
        golden[kind] = exported(str(Path(home) / kind), kind)
path = HERE / "cli-export.golden.json"
path.write_text(json.dumps(golden, indent=1) + "\n")
print(f"{path.name}: {path.stat().st_size} bytes")
