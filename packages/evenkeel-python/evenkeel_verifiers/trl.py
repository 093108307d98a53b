"""Reward functions for TRL's ``GRPOTrainer(reward_funcs=…)``, and any trainer with the same convention."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

from .client import Submission, Verdict, VerifierClient
from .rows import completion_text, ground_truth_of

RewardFunc = Callable[..., List[Optional[float]]]

#: Columns that may name a row's verifier, in the order in which they are looked for.
VERIFIER_COLUMNS = ("verifier", "task", "data_source")


def reward_func(
    verifier: Optional[str] = None,
    *,
    url: Optional[str] = None,
    token: Optional[str] = None,
    client: Optional[VerifierClient] = None,
    ground_truth: Optional[Callable[[Dict[str, Any]], Any]] = None,
    on_verdicts: Optional[Callable[[Sequence[Optional[Verdict]]], None]] = None,
) -> RewardFunc:
    """Makes a reward function.

    :param verifier: its name; without one each row says it, in a column ``verifier``, ``task`` or ``data_source``
    :param url: of the service, as for :class:`VerifierClient`; so is ``token``
    :param client: one that is there already, in place of ``url`` and ``token``
    :param ground_truth: takes a row (its columns by name) and gives the ground truth; default: the columns
        ``groundTruth`` or ``ground_truth`` (an object, or its JSON text), or ``target`` and ``numbers``
    :param on_verdicts: told of the verdicts of each call, None for rows of no verifier

    The function gives the reward of each completion (a string or chat messages), and None where there is no verdict
    (``abstained``, ``failed``, a row without verifier): TRL leaves those out of their group. It raises
    :class:`ServiceError` where the service cannot be reached: a trainer must not go on without rewards. Shares of
    correct, formatted, abstained and failed are reported as metrics where TRL offers ``log_metric``.
    """
    asked = client if client is not None else VerifierClient(url, token=token)
    truth = ground_truth if ground_truth is not None else ground_truth_of

    def evenkeel_reward(
        prompts: Optional[Sequence[Any]] = None, completions: Sequence[Any] = (), **columns: Any
    ) -> List[Optional[float]]:
        names = _verifiers(verifier, columns, len(completions))
        verdicts: List[Optional[Verdict]] = [None] * len(completions)
        for name in sorted({name for name in names if name is not None}):
            places = [place for place, other in enumerate(names) if other == name]
            submissions: List[Submission] = [
                (truth(_row(columns, place, len(completions))), completion_text(completions[place])) for place in places
            ]
            for place, verdict in zip(places, asked.score_batch(name, submissions)):
                verdicts[place] = verdict
        _report(verdicts, columns.get("log_metric"))
        if on_verdicts is not None:
            on_verdicts(verdicts)
        return [reward_of(verdict) for verdict in verdicts]

    # TRL names its metrics by the function.
    evenkeel_reward.__name__ = f"evenkeel_{verifier.replace('-', '_')}" if verifier is not None else "evenkeel_reward"
    return evenkeel_reward


def reward_of(verdict: Optional[Verdict]) -> Optional[float]:
    """The reward of a verdict; None where there is none."""
    return float(verdict["reward"]) if verdict is not None and verdict["kind"] == "scored" else None


def _verifiers(verifier: Optional[str], columns: Dict[str, Any], count: int) -> List[Optional[str]]:
    if verifier is not None:
        return [verifier] * count
    for column in VERIFIER_COLUMNS:
        if isinstance(columns.get(column), (list, tuple)):
            return [None if name is None else str(name).rsplit("/", 1)[-1] for name in columns[column]]
    raise KeyError(
        "Cannot find the verifier: none was named and the rows have no column for it, "
        f"expected reward_func('countdown') or a column {' or '.join(VERIFIER_COLUMNS)}"
    )


def _row(columns: Dict[str, Any], place: int, count: int) -> Dict[str, Any]:
    """Of the columns, this row; what is no column (the trainer's state, say) is left out."""
    return {
        name: values[place]
        for name, values in columns.items()
        if isinstance(values, (list, tuple)) and len(values) == count
    }


def _report(verdicts: Sequence[Optional[Verdict]], log_metric: Any) -> None:
    known = [verdict for verdict in verdicts if verdict is not None]
    if not callable(log_metric) or not known:
        return
    for name, counted in (
        ("correct", [verdict.get("correct") is True for verdict in known]),
        ("formatted", [verdict.get("formatted") is True for verdict in known]),
        ("abstained", [verdict["kind"] == "abstained" for verdict in known]),
        ("failed", [verdict["kind"] == "failed" for verdict in known]),
    ):
        log_metric(f"evenkeel/{name}", sum(counted) / len(known))
