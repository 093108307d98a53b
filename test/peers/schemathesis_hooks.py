"""An Idempotency-Key belongs to one body: the fuzzer's own keys are made so, lest every second use of one be called a refusal."""

import hashlib
import json

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    headers = case.headers or {}
    name = next((name for name in headers if name.lower() == "idempotency-key"), None)
    if name is None or not isinstance(headers[name], str) or not 0 < len(headers[name]) <= 255:
        return
    if not all("!" <= char <= "~" for char in headers[name]):
        return
    body = json.dumps(case.body, default=repr)
    headers[name] = hashlib.sha256(f"{headers[name]} {body}".encode("utf-8", "surrogatepass")).hexdigest()
