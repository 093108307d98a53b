"""Reward functions for verl's ``reward.custom_reward_function``.

One completion at a time (``name: compute_score``), as the reward managers ``naive`` and ``dapo`` ask for it::

    reward.custom_reward_function.path=pkg://evenkeel_verifiers.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.url=http://127.0.0.1:8910

or a whole batch (``name: compute_score_batch``), for the manager ``batch``. The token comes from the variable
``EVENKEEL_VERIFIERS_TOKEN``, the URL from ``EVENKEEL_VERIFIERS_URL`` where ``reward_kwargs`` has none: a token does not
belong into a configuration that is logged.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from .client import ServiceError, Submission, Verdict, VerifierClient
from .rows import ground_truth as read_ground_truth

_clients: Dict[Optional[str], VerifierClient] = {}
_lock = threading.Lock()


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Optional[Mapping[str, Any]] = None,
    *,
    url: Optional[str] = None,
    verifier: Optional[str] = None,
    no_verdict: Union[float, str] = 0.0,
    **_: Any,
) -> Dict[str, float]:
    """The score of one completion, as verl calls for it.

    :param data_source: its last part names the verifier where ``verifier`` does not: ``countdown`` of
        ``evenkeel/countdown``
    :param ground_truth: the verifier's, as an object or its JSON text
    :param url: of the service; default: the variable ``EVENKEEL_VERIFIERS_URL``
    :param no_verdict: the score where there is no verdict (``abstained``, ``failed``), for verl knows no missing
        score; or ``"raise"`` to stop the run there
    :returns: ``score``, and ``acc``, ``formatted``, ``abstained``, ``failed`` as 0 or 1, which verl reports
    """
    name = _verifier(verifier, data_source)
    verdict = _client(url).score(name, read_ground_truth(ground_truth), solution_str)
    return _scores(verdict, no_verdict)


def compute_score_batch(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Optional[Sequence[Any]] = None,
    *,
    url: Optional[str] = None,
    verifier: Optional[str] = None,
    no_verdict: Union[float, str] = 0.0,
    **_: Any,
) -> List[Dict[str, float]]:
    """As :func:`compute_score`, of a whole batch and in its order: one request per verifier and 512 completions."""
    names = [_verifier(verifier, source) for source in data_sources]
    scores: List[Optional[Dict[str, float]]] = [None] * len(names)
    for name in sorted(set(names)):
        places = [place for place, other in enumerate(names) if other == name]
        submissions: List[Submission] = [
            (read_ground_truth(ground_truths[place]), solution_strs[place]) for place in places
        ]
        for place, verdict in zip(places, _client(url).score_batch(name, submissions)):
            scores[place] = _scores(verdict, no_verdict)
    return [score for score in scores if score is not None]


def _verifier(verifier: Optional[str], data_source: Any) -> str:
    return verifier if verifier is not None else str(data_source).rsplit("/", 1)[-1]


def _client(url: Optional[str]) -> VerifierClient:
    with _lock:
        if url not in _clients:
            _clients[url] = VerifierClient(url)
        return _clients[url]


def _scores(verdict: Verdict, no_verdict: Union[float, str]) -> Dict[str, float]:
    kind = verdict["kind"]
    if kind == "scored":
        score = float(verdict["reward"])
    elif no_verdict == "raise":
        reason = verdict.get("reason") or verdict.get("error")
        raise ServiceError(f"Cannot score: the verdict is {kind} ({reason}), expected a scored one", code="no-verdict")
    else:
        score = float(no_verdict)
    return {
        "score": score,
        "acc": float(verdict.get("correct") is True),
        "formatted": float(verdict.get("formatted") is True),
        "abstained": float(kind == "abstained"),
        "failed": float(kind == "failed"),
    }
