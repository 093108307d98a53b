"""reasoning-gym, asked over pipes by test/bench/reasoning-gym.ts.

    reasoning-gym.py generate COUNT SEED       COUNT puzzles of each task (of Zebra a fifth) as JSON lines, then their number per second
    reasoning-gym.py score < cases.jsonl       the score of each { task, target, numbers?, answer }, then a line with the CPU times

Their scorers are called as they are. An answer that takes longer than some seconds gets the score null: their Countdown scorer
evaluates what it is given, and a tower of powers does not end.
"""

import contextlib
import io
import json
import signal
import sys
import time

import reasoning_gym
from reasoning_gym.utils import extract_answer

LONGEST_SECONDS = 5
LEAST_SECONDS = 0.5
# As our level "medium", and as the published test sets were made.
TASKS = {
    "countdown": ("countdown", {"min_numbers": 4, "max_numbers": 4, "min_target": 1}),
    "zebra": ("zebra_puzzles", {"num_people": 4, "num_characteristics": 4}),
    "arc": ("arc_1d", {"min_size": 20, "max_size": 20}),
}


def write(value):
    sys.stdout.write(json.dumps(value) + "\n")


def dataset(task, size, seed):
    name, options = TASKS[task]
    return reasoning_gym.create_dataset(name, size=size, seed=seed, **options)


def generate(count, seed):
    rates = {}
    for task in TASKS:
        size = count // 5 if task == "zebra" else count
        items = dataset(task, size, seed)
        start = time.process_time()
        drawn = [items[index] for index in range(size)]
        rates[task] = size / (time.process_time() - start)
        for item in drawn:
            metadata = item["metadata"]
            truth = {key: metadata[key] for key in ("target", "numbers") if key in metadata} or {"target": item["answer"]}
            write({"task": task, "truth": truth, "answer": item["answer"]})
    write({"perSecond": rates})


def entry_of(case):
    if case["task"] == "countdown":
        return {"metadata": {"target": case["target"], "numbers": case["numbers"]}}
    return {"answer": case["target"]}


class TooLong(BaseException):
    pass


def give_up(*_):
    raise TooLong


def score(cases):
    scorers = {task: dataset(task, 1, 0).score_answer for task in TASKS}
    signal.signal(signal.SIGALRM, give_up)
    entries = [entry_of(case) for case in cases]
    quick = []
    for case, entry in zip(cases, entries):
        signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
        try:
            result = scorers[case["task"]](case["answer"], entry)
        except TooLong:
            result = None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        quick.append(result is not None)
        write({"score": result})
    seconds = {}
    for task, scorer in scorers.items():
        mine = [(c["answer"], f"<answer>{c['answer']}</answer>", e) for c, e, q in zip(cases, entries, quick) if q and c["task"] == task]
        seconds[task] = {
            "answer": timed(mine, lambda answer, _, entry: scorer(answer, entry)),
            "completion": timed(mine, lambda _, completion, entry: scorer(extract_answer(completion), entry)),
        }
    write({"secondsPerVerdict": seconds})


def timed(cases, act):
    """CPU seconds of one call, in as many rounds as make a clock's reading worth something."""
    rounds = 0
    start = time.process_time()
    while time.process_time() - start < LEAST_SECONDS:
        for case in cases:
            act(*case)
        rounds += 1
    return (time.process_time() - start) / (rounds * len(cases))


command, *rest = sys.argv[1:]
if command == "generate":
    generate(int(rest[0]), int(rest[1]))
else:
    rows = [json.loads(line) for line in sys.stdin]
    noise = io.StringIO()  # Warnings about what the answers look like as Python.
    with contextlib.redirect_stderr(noise):
        score(rows)
