"""What PEFT makes of adapters that Evenkeel wrote.

    python3 -m venv .venv && .venv/bin/pip install torch transformers peft
    .venv/bin/python test/golden/make_peft_golden.py

Has peft-folder.ts write adapters of the shipped policy "tiny", opens them with PeftModel.from_pretrained beside the policy (float32 on
the CPU, one thread), and writes peft.golden.json beside itself: the log-probabilities of given tokens with the adapters, which
peft's own merge_and_unload must give too, and those of the base.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import peft
import torch
import transformers
from peft import PeftModel
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BASE = ROOT / "packages/policy/models/tiny"
ROWS = [[3 + (7 * place + 31 * row) % 300 for place in range(12 + row)] for row in range(4)]


def logprobs(model, row):
    with torch.no_grad():
        found = model(torch.tensor([row])).logits[0].log_softmax(-1)
    return [found[place, token].item() for place, token in enumerate(row[1:])]


def main():
    torch.set_num_threads(1)
    base = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32).eval()
    of_base = [logprobs(base, row) for row in ROWS]
    with tempfile.TemporaryDirectory() as folder:
        adapter = f"{folder}/adapter"
        subprocess.run([ROOT / "node_modules/.bin/node", HERE / "peft-folder.ts", adapter], check=True)
        model = PeftModel.from_pretrained(base, adapter).eval()
        expected = {f"{name}.weight" for name, _ in model.named_modules() if name.endswith((".lora_A.default", ".lora_B.default"))}
        loaded = {name for name, _ in model.named_parameters() if "lora_" in name}
        assert expected == loaded and len(loaded) == 2 * 5 * base.config.num_hidden_layers, loaded
        with_adapters = [logprobs(model, row) for row in ROWS]
    merged = model.merge_and_unload()
    for row, values in zip(ROWS, with_adapters):
        assert torch.allclose(torch.tensor(logprobs(merged, row)), torch.tensor(values), atol=1e-4)
    golden = {
        "generator": "test/golden/make_peft_golden.py",
        "source": f"peft {peft.__version__}, transformers {transformers.__version__}, torch {torch.__version__}",
        "tolerance": "1e-4, relative to 1 + |expected|",
        "rows": [
            {"tokens": row, "base": before, "adapted": after}
            for row, before, after in zip(ROWS, of_base, with_adapters)
        ],
    }
    (HERE / "peft.golden.json").write_text(json.dumps(golden, indent=2) + "\n")
    change = max(abs(a - b) for before, after in zip(of_base, with_adapters) for a, b in zip(before, after))
    print(f"{len(ROWS)} rows, the adapters change a log-probability by up to {change:.3f}")


main()
