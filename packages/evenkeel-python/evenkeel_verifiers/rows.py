"""What trainers hand over, as the protocol wants it: ground truths of dataset rows, texts of completions."""

from __future__ import annotations

import json
from typing import Any, Mapping

#: Columns that hold a whole ground truth, in the order in which they are looked for.
GROUND_TRUTH_COLUMNS = ("groundTruth", "ground_truth")


def ground_truth(value: Any) -> Any:
    """A column's value: JSON text of an object or a list is read, anything else is taken as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def ground_truth_of(row: Mapping[str, Any]) -> Any:
    """The ground truth of a dataset row: ``groundTruth`` or ``ground_truth``, else ``target`` (and ``numbers``).

    :raises KeyError: where the row has none of them
    """
    for column in GROUND_TRUTH_COLUMNS:
        if row.get(column) is not None:
            return ground_truth(row[column])
    if row.get("target") is None:
        known = ", ".join(sorted(row)) or "none"
        raise KeyError(
            f"Cannot find the ground truth: the row has the columns {known}, "
            "expected groundTruth, ground_truth, or target (and numbers)"
        )
    numbers = row.get("numbers")
    return {"target": row["target"]} if numbers is None else {"target": row["target"], "numbers": numbers}


def completion_text(completion: Any) -> str:
    """A completion as text: a string as it is; of chat messages the assistant's last one, its text parts joined."""
    if isinstance(completion, str):
        return completion
    if isinstance(completion, Mapping):
        return _content(completion.get("content"))
    for message in reversed(list(completion or ())):
        if message.get("role", "assistant") == "assistant":
            return _content(message.get("content"))
    return ""


def _content(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text") or "") for part in content)
