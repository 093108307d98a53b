"""Golden values for packages/policy, made with PyTorch, transformers, safetensors and tokenizers.

    python3 -m venv .venv && .venv/bin/pip install torch transformers tokenizers safetensors numpy
    .venv/bin/python test/golden/make_policy_goldens.py

Writes policy-*.golden.json beside itself: small random models, their logits, log-probabilities, losses and gradients
by autograd; AdamW by torch.optim; token ids by tokenizers; tensors by safetensors. The versions used stand in each file,
and so does the tolerance that the tests apply. Everything is float32 on the CPU, one thread.
"""

import base64
import json
import math
import random
import subprocess
import tempfile
from pathlib import Path

import numpy
import safetensors
import safetensors.torch
import tokenizers
import torch
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
VERSIONS = {m.__name__: m.__version__ for m in (torch, transformers, tokenizers, safetensors, numpy)}


def write(name, tolerance, content, generator="test/golden/make_policy_goldens.py"):
    head = {"generator": generator, "versions": VERSIONS, "tolerance": tolerance}
    path = HERE / f"policy-{name}.golden.json"
    path.write_text(json.dumps(head | content, ensure_ascii=True, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


def b64(array):
    return base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode()


# ---------------------------------------------------------------- AdamW


def adamw():
    torch.manual_seed(1)
    matrix = torch.nn.Parameter(torch.randn(3, 4))
    vector = torch.nn.Parameter(torch.randn(5))
    groups = [{"params": [matrix], "weight_decay": 0.1}, {"params": [vector], "weight_decay": 0.0}]
    options = {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weightDecay": 0.1, "maxGradientNorm": 2.0}
    optimizer = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.99), eps=1e-8)
    flat = lambda tensors: [x for t in tensors for x in t.detach().flatten().tolist()]
    start, steps = flat([matrix, vector]), []
    for index in range(12):
        matrix.grad = torch.randn(3, 4) * (3 if index % 3 == 0 else 0.2)
        vector.grad = torch.randn(5) * 0.3
        gradients = flat([matrix.grad, vector.grad])
        norm = torch.nn.utils.clip_grad_norm_([matrix, vector], 2.0).item()
        optimizer.step()
        steps.append({"gradients": gradients, "norm": norm, "parameters": flat([matrix, vector])})
    state = [optimizer.state[p] for p in (matrix, vector)]
    moments = {"m": flat([s["exp_avg"] for s in state]), "v": flat([s["exp_avg_sq"] for s in state])}
    content = {"shapes": [[3, 4], [5]], "options": options, "start": start, "steps": steps, "moments": moments}
    write("adamw", {"relative": 1e-5}, content)


# ---------------------------------------------------------------- safetensors


def tensors():
    values = [0.0, -0.0, 1.0, -2.5, 1 / 3, 1e-7, 6.1e-5, 65504.0, 3.0e-39, 1e38, math.pi, -1e-30]
    content = {}
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        tensor = torch.tensor([v if dtype != torch.float16 or abs(v) < 65505 else 2.0 for v in values]).to(dtype).reshape(3, 4)
        content[str(dtype).removeprefix("torch.")] = tensor
    data = safetensors.torch.save(content, metadata={"format": "pt"})
    expected = {name: b64(tensor.float().numpy()) for name, tensor in content.items()}
    write("safetensors", {"relative": 0}, {"file": base64.b64encode(data).decode(), "expected": expected})


# ---------------------------------------------------------------- Qwen2

SPECS = [
    {"ratio": "token", "clipLow": 0.2, "clipHigh": 0.28, "aggregation": "token-mean", "kl": {"kind": "none"}},
    {"ratio": "token", "clipLow": 0.2, "clipHigh": 0.2, "aggregation": "sequence-mean", "kl": {"kind": "none"}},
    {"ratio": "token", "clipLow": 0.2, "clipHigh": 0.28, "aggregation": "token-mean", "kl": {"kind": "k3", "beta": 0.05}},
]


def loss_of(spec, batch, logprobs):
    """-J over one minibatch: clip(ratio) * advantage per completion token, minus the KL term, then aggregated."""
    per_sequence = []
    for row, logp in zip(batch, logprobs):
        ratio = torch.exp(logp - torch.tensor(row["oldLogprobs"]))
        clipped = torch.clamp(ratio, 1 - spec["clipLow"], 1 + spec["clipHigh"])
        gain = torch.minimum(ratio * row["advantage"], clipped * row["advantage"])
        if spec["kl"]["kind"] == "k3":  # the paper's form: ratio * f(pi_ref / pi), f(u) = u - log u - 1
            log_u = torch.tensor(row["refLogprobs"]) - logp
            gain = gain - spec["kl"]["beta"] * ratio * (torch.exp(log_u) - log_u - 1)
        per_sequence.append(gain)
    if spec["aggregation"] == "token-mean":
        return -torch.cat(per_sequence).mean()
    return -torch.stack([gain.mean() for gain in per_sequence]).mean()


def completion_logprobs(model, row):
    ids = torch.tensor([row["prompt"] + row["completion"]])
    logits = model(ids).logits[0]
    logp = torch.log_softmax(logits, -1)
    start = len(row["prompt"])
    return logits, torch.stack([logp[start + t - 1, token] for t, token in enumerate(row["completion"])])


def qwen2(name, seed, lengths, **shape):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    config = transformers.Qwen2Config(
        max_position_embeddings=64, rope_theta=2500.0, bos_token_id=None, eos_token_id=1, pad_token_id=None, use_sliding_window=False,
        attn_implementation="eager", **shape)
    model = transformers.Qwen2ForCausalLM(config).float().eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.copy_(torch.randn_like(parameter) * (0.1 if parameter.dim() < 2 else 0.25) + (1.0 if "norm" in key else 0.0))
    draw = random.Random(seed)
    token = lambda: draw.randrange(shape["vocab_size"])
    batch = []
    for prompt, completion in lengths:
        row = {"prompt": [token() for _ in range(prompt)], "completion": [token() for _ in range(completion)]}
        with torch.no_grad():
            logits, logp = completion_logprobs(model, row)
        row |= {
            "logprobs": logp.tolist(),
            "oldLogprobs": (logp + 0.25 * torch.randn_like(logp)).tolist(),
            "refLogprobs": (logp + 0.25 * torch.randn_like(logp)).tolist(),
            "advantage": round(draw.gauss(0, 1), 3),
            "logits": b64(logits.numpy()),
        }
        batch.append(row)
    objectives = []
    for spec in SPECS:
        model.zero_grad()
        loss = loss_of(spec, batch, [completion_logprobs(model, row)[1] for row in batch])
        loss.backward()
        gradients = {key: p.grad.numpy() for key, p in model.named_parameters()}
        norms = {key: float(numpy.linalg.norm(g)) for key, g in gradients.items()}
        entry = {"spec": spec, "loss": loss.item(), "gradientNorms": norms}
        if not objectives:
            entry["gradients"] = {key: b64(g) for key, g in gradients.items()}
        objectives.append(entry)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        files = {f.name: f.read_text() for f in sorted(Path(folder).glob("*.json"))}
        weights = base64.b64encode((Path(folder) / "model.safetensors").read_bytes()).decode()
    tolerance = {"logits": 1e-4, "loss": 1e-5, "gradients": 1e-3}
    write(name, tolerance, {"files": files, "weights": weights, "batch": batch, "objectives": objectives})


# ---------------------------------------------------------------- tokenizer

QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
FRAGMENTS = [
    "the", "The quick brown fox", " jumps", "it's", "IT'S", "we'll", "I'\u017f", "don't", "don\u2019t", "na\u00efve", "nai\u0308ve", "\u1100\u1161\u11a8",
    "\u212b", "e\u0301\u0323", "\u4e2d\u6587\u5b57\u7b26", "\u65e5\u672c\u8a9e\u306e", "\ud55c\uad6d\uc5b4", "\u0440\u0443\u0441\u0441\u043a\u0438\u0439", "\u0639\u0631\u0628\u064a", "\u0e44\u0e17\u0e22", "\u0939\u093f\u0928\u094d\u0926\u0940",
    "\U0001f600", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "\U0001d54f", "12345", "3.14e-10", "0xFF", "\u0663\u0664", "\u00b2\u00bd", "\u2167",
    "def f(x):\n    return x ** 2", "for (let i=0;i<n;++i){", "</div>", "a_b__c", "\\boxed{", "}", "\\frac{1}{2}", "$$", "...", "?!", "-->",
    " ", "  ", "    ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u0085", "\ufeff", "\u200b", "\u2028", "\x00", "\x01\x1b[0m", "\x7f",
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_start", "|>", "user", "assistant", "make 85 from 3 17 20 :", " 100", " 101", "7", " 7",
]


def mixed_lines(count, seed):
    draw = random.Random(seed)
    lines = []
    for _ in range(count):
        parts = [draw.choice(FRAGMENTS) + draw.choice(["", "", " "]) for _ in range(draw.randrange(1, 9))]
        lines.append("".join(parts))
    return lines


def trained(pattern, nfc):
    tokenizer = Tokenizer(models.BPE())
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    byte_level = lambda use_regex: pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)
    tokenizer.pre_tokenizer = (
        pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level(False)]) if pattern else byte_level(True))
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=520, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    tokenizer.train_from_iterator(mixed_lines(3000, 11), trainer)
    tokenizer.add_special_tokens(["<|endoftext|>", AddedToken("<|im_start|>", normalized=False, special=True), "<|im_end|>"])
    tokenizer.add_tokens([AddedToken("\\boxed{", normalized=False), AddedToken("\u0441\u043a\u0438\u0438\u0306", normalized=True)])
    return tokenizer


def tiny():
    script = (
        "import { buildTinyTokenizer } from './packages/policy/src/tiny-tokenizer.ts';"
        "console.log(JSON.stringify(buildTinyTokenizer(['+','-','*','/','(',')',':','}','from'], ['make'])))")
    root = HERE.parent.parent
    command = [root / "node_modules/.bin/node", "--input-type=module-typescript", "-e", script]
    return Tokenizer.from_str(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)


def tokenizer_goldens():
    cases = {"qwen2-pattern": trained(QWEN2_PATTERN, True), "gpt2-pattern": trained(None, False), "tiny": tiny()}
    lines = mixed_lines(150, 5)
    content = []
    for name, tokenizer in cases.items():
        ids = [tokenizer.encode(line, add_special_tokens=False).ids for line in lines]
        decoded = [tokenizer.decode(row[: len(row) // 2 + 1], skip_special_tokens=True) for row in ids]
        content.append({"name": name, "tokenizer": json.loads(tokenizer.to_str()), "ids": [" ".join(map(str, row)) for row in ids], "decodedHalf": decoded})
    write("tokenizer", {"ids": "equal"}, {"lines": lines, "cases": content})


# ---------------------------------------------------------------- a folder that we wrote


def folder():
    root = HERE.parent.parent
    lines = mixed_lines(60, 8) + ["make 85 from 3 17 20 :\\boxed{ ( 3 + 17 ) * 4 }<|endoftext|>"]
    messages = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "2+2?"}]
    with tempfile.TemporaryDirectory() as parent:
        path = f"{parent}/model"
        subprocess.run([root / "node_modules/.bin/node", HERE / "tiny-folder.ts", path], cwd=root, check=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        model = transformers.AutoModelForCausalLM.from_pretrained(path).float().eval()
        ids = [tokenizer(line)["input_ids"] for line in lines]
        with torch.no_grad():
            logp = torch.log_softmax(model(torch.tensor([ids[-1]])).logits[0], -1)
        logprobs = [logp[t - 1, ids[-1][t]].item() for t in range(1, len(ids[-1]))]
        content = {
            "lines": lines, "ids": [" ".join(map(str, row)) for row in ids], "logprobs": logprobs, "messages": messages,
            "chat": tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True),
            "eos": [tokenizer.eos_token_id, model.generation_config.eos_token_id], "decoded": tokenizer.decode(ids[-1]),
        }
    write("folder", {"ids": "equal", "logprobs": 1e-4}, content)


if __name__ == "__main__":
    adamw()
    tensors()
    qwen2("qwen2", 2, [(4, 6), (4, 3), (7, 5)], vocab_size=48, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
          num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True)
    qwen2("qwen2-untied", 3, [(2, 4), (3, 2)], vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
          num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=False)
    tokenizer_goldens()
    folder()
