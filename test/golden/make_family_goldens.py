"""Golden values for the model families of packages/policy, made with transformers.

    test/bench/peers/.venv/bin/python test/golden/make_family_goldens.py

(`npm run bench -- --help` says how that environment is made; any with the versions that stand in the files will do.)

Writes policy-family-*.golden.json beside itself: a small random model of each family as save_pretrained() writes it (F32, BF16 or F16,
in one file or in shards), its logits, log-probabilities, losses and every parameter's gradient; and policy-folders.golden.json: what
AutoModelForCausalLM computes from folders that our own code wrote (test/golden/tiny-folder.ts). Float32 on the CPU, one thread.
"""

import base64
import random
import subprocess
import tempfile
from pathlib import Path

import numpy
import torch
import transformers

from make_policy_goldens import HERE, SPECS, b64, completion_logprobs, loss_of, write

GENERATOR = "test/golden/make_family_goldens.py"
SHAPE = dict(vocab_size=56, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=None, eos_token_id=1, pad_token_id=None)
LLAMA3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
LENGTHS = [(30, 10), (5, 7), (1, 12)]
QWEN2, QWEN3, LLAMA = (("Qwen2Config", "Qwen2ForCausalLM"), ("Qwen3Config", "Qwen3ForCausalLM"), ("LlamaConfig", "LlamaForCausalLM"))

FAMILIES = {
    # Biases, tied embeddings, as Qwen2.5-0.5B has them; half precision as most folders have it.
    "qwen2-tied": (QWEN2, torch.bfloat16, None, dict(tie_word_embeddings=True, rope_theta=1e6)),
    # Untied, fewer key heads, in shards, as Qwen2.5-7B.
    "qwen2-untied": (QWEN2, torch.float32, "20KB", dict(tie_word_embeddings=False, num_key_value_heads=1, rope_theta=1e6)),
    # Norms of queries and keys, heads wider than hidden_size says.
    "qwen3": (QWEN3, torch.bfloat16, "20KB", dict(tie_word_embeddings=True, head_dim=12, rope_theta=1e6)),
    # The same with biases in all four projections.
    "qwen3-bias": (QWEN3, torch.float32, None, dict(tie_word_embeddings=False, head_dim=16, num_hidden_layers=1, attention_bias=True)),
    # No bias; as Llama 3.2.
    "llama3": (LLAMA, torch.float16, None, dict(tie_word_embeddings=True, max_position_embeddings=128, rope_parameters=LLAMA3)),
    # As many key heads as query heads, an output bias.
    "llama-linear": (LLAMA, torch.float32, None, dict(
        tie_word_embeddings=False, num_key_value_heads=4, num_hidden_layers=1, attention_bias=True,
        rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.5))),
}


def family(index, name, classes, dtype, shard_size, changes):
    torch.manual_seed(100 + index)
    torch.set_num_threads(1)
    shape = SHAPE | changes
    if "rope_parameters" not in shape:
        shape["rope_parameters"] = dict(rope_type="default", rope_theta=shape.pop("rope_theta", 10000.0))
    config = getattr(transformers, classes[0])(attn_implementation="eager", **shape)
    model = getattr(transformers, classes[1])(config).float().eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.copy_(torch.randn_like(parameter) * (0.1 if parameter.dim() < 2 else 0.25) + (1.0 if "norm" in key else 0.0))
    with tempfile.TemporaryDirectory() as folder:
        model.to(dtype).save_pretrained(folder, **({} if shard_size is None else {"max_shard_size": shard_size}))
        files = {f.name: f.read_text() for f in sorted(Path(folder).glob("*.json"))}
        weights = {f.name: base64.b64encode(f.read_bytes()).decode() for f in sorted(Path(folder).glob("*.safetensors"))}
        # Read again: a float32 model of the rounded weights. (Not model.float(), which keeps the rotary frequencies rounded too.)
        model = getattr(transformers, classes[1]).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    draw = random.Random(index)
    token = lambda: draw.randrange(shape["vocab_size"])
    batch = []
    for prompt, completion in LENGTHS:
        row = {"prompt": [token() for _ in range(prompt)], "completion": [token() for _ in range(completion)]}
        with torch.no_grad():
            logits, logp = completion_logprobs(model, row)
        row |= {
            "logprobs": logp.tolist(),
            "oldLogprobs": (logp + 0.25 * torch.randn_like(logp)).tolist(),
            "refLogprobs": (logp + 0.25 * torch.randn_like(logp)).tolist(),
            "advantage": round(draw.gauss(0, 1), 3),
            "logits": b64(logits[-3:].numpy()),
        }
        batch.append(row)
    objectives = []
    for spec in SPECS:
        model.zero_grad()
        loss = loss_of(spec, batch, [completion_logprobs(model, row)[1] for row in batch])
        loss.backward()
        gradients = {key: p.grad.numpy() for key, p in model.named_parameters()}
        entry = {"spec": spec, "loss": loss.item(), "gradientNorms": {key: float(numpy.linalg.norm(g)) for key, g in gradients.items()}}
        if not objectives:
            entry["gradients"] = {key: b64(g) for key, g in gradients.items()}
        objectives.append(entry)
    tolerance = {"logits": 1e-4, "loss": 1e-5, "gradients": 1e-3}
    write(f"family-{name}", tolerance, {"files": files, "weights": weights, "batch": batch, "objectives": objectives}, GENERATOR)


def folders():
    """Folders that our code wrote, as transformers sees them."""
    root = HERE.parent.parent
    content = {}
    tokens = [random.Random(9).randrange(384) for _ in range(40)]
    for shape in ("qwen2", "qwen3", "llama3", "llama-linear"):
        with tempfile.TemporaryDirectory() as parent:
            path = f"{parent}/model"
            subprocess.run([root / "node_modules/.bin/node", HERE / "tiny-folder.ts", path, shape], cwd=root, check=True)
            model, loading = transformers.AutoModelForCausalLM.from_pretrained(path, output_loading_info=True)
            assert not any(loading.values()), loading
            with torch.no_grad():
                logp = torch.log_softmax(model.float().eval()(torch.tensor([tokens])).logits[0], -1)
            content[shape] = {"class": type(model).__name__, "logprobs": [logp[t - 1, tokens[t]].item() for t in range(1, len(tokens))]}
    write("folders", {"logprobs": 1e-4}, {"tokens": tokens, "folders": content}, GENERATOR)


if __name__ == "__main__":
    for index, (name, (classes, dtype, shard_size, changes)) in enumerate(FAMILIES.items()):
        family(index, name, classes, dtype, shard_size, changes)
    folders()
