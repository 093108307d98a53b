"""Golden token ids for packages/policy, made with Hugging Face's tokenizers.

    node_modules/.bin/node test/golden/fetch-real-tokenizers.ts
    test/bench/peers/.venv/bin/python test/golden/make_tokenizer_goldens.py

12,000 lines of mixed text (test/golden/mixed-text.ts, from a seed), encoded by small tokenizers that are trained here, one for each
kind of pre-tokenizer (they stand in policy-tokenizer-*.golden.json), and by real ones of published models (policy-real-tokenizers.golden.json
names the package and the file's hash). Of each line's ids the first three bytes of their SHA-256 are kept: four letters a line.
"""

import base64
import hashlib
import json
import random
import subprocess
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NODE = ROOT / "node_modules/.bin/node"
LINES, SEED = 12000, 1

QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def run(*command):
    return subprocess.run([NODE, *command], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def byte_level(use_regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


KINDS = {
    "qwen2": (normalizers.NFC(), [split(QWEN2), byte_level(False)]),
    "llama3": (None, [split(LLAMA3), byte_level(False)]),
    "gpt2": (None, [byte_level(True)]),
    "digits": (normalizers.Sequence([normalizers.NFC()]), [pre_tokenizers.Digits(individual_digits=True), byte_level(True)]),
    "sequence": (None, [split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), split(r"[\r\n]"), byte_level(True)]),
}


def trained(name, normalizer, steps, text):
    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    tokenizer.train_from_iterator(text, trainer)
    tokenizer.add_special_tokens(["<|endoftext|>", AddedToken("<|im_start|>", normalized=False, special=True), "<|im_end|>", "<|begin_of_text|>"])
    tokenizer.add_tokens([
        AddedToken("<mask>", lstrip=True, normalized=False), AddedToken("<left>", lstrip=True), AddedToken("<right>", rstrip=True, normalized=False),
        AddedToken("cat", single_word=True), AddedToken("\u0441\u043a\u0438\u0438\u0306", normalized=True), AddedToken("</think>", normalized=False, lstrip=True, rstrip=True),
        AddedToken("assistant", single_word=True, lstrip=True, normalized=False),
    ])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    if name != "llama3":
        return tokenizer
    bos = "<|begin_of_text|>"
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))])])
    # Words that no merges lead to, as Llama 3's vocabulary has them: they count where merges are ignored for whole words.
    content = json.loads(tokenizer.to_str())
    draw = random.Random(4)
    content["model"]["ignore_merges"] = True
    content["model"]["merges"] = [merge for merge in content["model"]["merges"] if draw.random() > 0.1]
    return Tokenizer.from_str(json.dumps(content))


def digest(ids):
    return base64.b64encode(hashlib.sha256(" ".join(map(str, ids)).encode()).digest()[:3]).decode()


def content_of(tokenizer, lines):
    ids = [encoding.ids for encoding in tokenizer.encode_batch(lines, add_special_tokens=False)]
    return {
        "tokens": sum(map(len, ids)),
        "ids": "".join(map(digest, ids)),
        # As a prompt, with what the file puts before a text; and back, without special tokens, cut within characters.
        "prompts": "".join(digest(tokenizer.encode(line).ids) for line in lines[:500]),
        "decoded": "".join(digest(tokenizer.decode(row[: len(row) // 2 + 1], skip_special_tokens=True).encode()) for row in ids[:500]),
        "some": [" ".join(map(str, row)) for row in ids[:5]],
    }


def write(name, content):
    head = {"generator": "test/golden/make_tokenizer_goldens.py", "versions": {"tokenizers": tokenizers.__version__},
            "tolerance": "equal", "lines": LINES, "seed": SEED}
    path = HERE / f"policy-{name}.golden.json"
    path.write_text(json.dumps(head | content, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    lines = json.loads(run("test/golden/mixed-text.ts", str(LINES), str(SEED)))
    for name, (normalizer, steps) in KINDS.items():
        tokenizer = trained(name, normalizer, steps, json.loads(run("test/golden/mixed-text.ts", "4000", "2")))
        write(f"tokenizer-{name}", {"tokenizer": json.loads(tokenizer.to_str())} | content_of(tokenizer, lines))
    real = {}
    for row in run("test/golden/fetch-real-tokenizers.ts").splitlines():
        name, folder = row.split("\t")
        file = Path(folder) / "tokenizer.json"
        real[name] = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()} | content_of(Tokenizer.from_file(str(file)), lines)
    write("real-tokenizers", {"tokenizers": real})
