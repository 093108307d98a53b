"""Golden texts of chat templates for packages/policy, made with transformers' apply_chat_template.

    node_modules/.bin/node test/golden/fetch-real-tokenizers.ts
    test/bench/peers/.venv/bin/python test/golden/make_chat_goldens.py

Templates of the kinds that Qwen2.5, Qwen3, Llama 3 and others have, written here with the constructs that those use, with the whole texts; and
the published ones of Qwen2.5, Qwen3 and Llama 3.1 (from the fetched packages), with the texts' SHA-256.
"""

import hashlib
import json
import subprocess
from pathlib import Path

import jinja2
import tokenizers
import transformers

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

QWEN25 = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- for tool in tools %}
        {{- "\\n" }}{{- tool | tojson }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou answer briefly.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<result>\\n' + message.content + '\\n</result>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

QWEN3 = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(open=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.open and message.role == "user" and message.content is string and not(message.content.startswith('<result>') and message.content.endswith('</result>')) %}
        {%- set ns.open = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set thoughts = '' %}
        {%- if message.reasoning_content is string %}
            {%- set thoughts = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thoughts = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or (not loop.last and thoughts)) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + thoughts.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

LLAMA3 = (
    "{% set turns = messages %}{% for message in turns %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    "+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}")

# The system text joined to the first user's, roles checked, macros, filters and loops with conditions.
STRICT = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set lead = messages[0]['content'] | trim + '\\n\\n' %}{% set rest = messages[1:] %}
{%- else %}{% set lead = '' %}{% set rest = messages %}{% endif %}
{% macro turn(who, text) -%}
    [{{ who | upper }}] {{ text | replace('  ', ' ') }}
{%- endmacro %}
{% for message in rest if message['content'] %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Roles must alternate user/assistant') }}
    {%- endif %}
    {{- turn(message['role'], (lead if loop.first else '') ~ message.content) }}{{ eos_token if message['role'] == 'assistant' else '' }}
{% endfor %}
{%- if add_generation_prompt %}{{ '[ASSISTANT]' }}{% endif %}"""

TOKENS = {"bos_token": "<|begin_of_text|>", "eos_token": "<|im_end|>"}
SYSTEM = {"role": "system", "content": "Be terse."}
CONVERSATIONS = {
    "a question": [{"role": "user", "content": "2+2?"}],
    "with a system text": [SYSTEM, {"role": "user", "content": "2+2?"}],
    "several turns": [SYSTEM, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "Make 85 from 3, 17, 20."}],
    "several turns without a system text": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "Bye"}],
    "ended by the assistant": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<think>\nHm.\n\n</think>\n\nHello!"}],
    "thoughts before the last question": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<think>a</think>b"}, {"role": "user", "content": "?"}],
    "white space and signs": [{"role": "system", "content": "  \n x \t"}, {"role": "user", "content": "\n\n  {{ '{%' }} \"q\" 'p' \\n <|im_end|>\n a  b "}],
    "scripts": [{"role": "user", "content": "\u4e2d\u6587 \u0639\u0631\u0628\u064a \U0001f469\u200d\U0001f467 e\u0301\u00a0\u2028\u0000"}],
    "an empty text": [{"role": "user", "content": ""}],
    "two system texts": [SYSTEM, SYSTEM, {"role": "user", "content": "x"}],
    "a tool's result": [{"role": "user", "content": "x"}, {"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}, {"role": "user", "content": "y"}],
}


def rendered(template, tokens):
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(tokenizers.models.BPE()), **tokens)
    texts = {}
    for name, messages in CONVERSATIONS.items():
        for opened in (True, False):
            try:
                text = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=opened)
            except jinja2.exceptions.TemplateError as error:
                text = {"refusal": error.message}
            texts[f"{name}{'' if opened else ', closed'}"] = text
    return texts


if __name__ == "__main__":
    kinds = {"qwen2.5": QWEN25, "qwen3": QWEN3, "llama3": LLAMA3, "strict": STRICT}
    content = {name: {"template": template, "texts": rendered(template, TOKENS)} for name, template in kinds.items()}
    real = {}
    command = [ROOT / "node_modules/.bin/node", "test/golden/fetch-real-tokenizers.ts"]
    for row in subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines():
        name, folder = row.split("\t")
        settings = json.loads((Path(folder) / "tokenizer_config.json").read_text())
        if "chat_template" not in settings:
            continue
        tokens = {key: settings[key] for key in ("bos_token", "eos_token", "pad_token") if settings.get(key)}
        texts = rendered(settings["chat_template"], tokens)
        real[name] = {key: text if isinstance(text, dict) else hashlib.sha256(text.encode()).hexdigest() for key, text in texts.items()}
    head = {"generator": "test/golden/make_chat_goldens.py", "tolerance": "equal",
            "versions": {m.__name__: m.__version__ for m in (transformers, jinja2, tokenizers)}}
    body = {"tokens": TOKENS, "conversations": CONVERSATIONS, "kinds": content, "real": real}
    path = HERE / "policy-chat.golden.json"
    path.write_text(json.dumps(head | body, ensure_ascii=True, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")
