"""Makes algorithms.golden.json: the formulas once more, in torch's float64, to hold the TypeScript against.

    pip install torch numpy && python make.py > algorithms.golden.json
"""

import json
import sys

import torch

torch.set_default_dtype(torch.float64)


def advantages(rewards):
    R = torch.tensor(rewards)
    G = len(rewards)
    loo = torch.stack([R[i] - torch.cat([R[:i], R[i + 1 :]]).mean() for i in range(G)])
    return {
        "rewards": rewards,
        "grpo": ((R - R.mean()) / (R.std() + 1e-6)).tolist(),
        "drGrpo": (R - R.mean()).tolist(),
        "rloo": loo.tolist(),
    }


def iwu(steps, lam, optimizer, **options):
    """xi after each step; the gradient is autograd's of sum z_k s_k, not the printed formula."""
    xi = torch.zeros(len(steps[0]["I"]), requires_grad=True)
    opt = optimizer([xi], **options)
    rows = []
    for step in steps:
        s = torch.tensor(step["I"]).clamp(-0.1, 0.1) + lam * torch.tensor(step["J"])
        opt.zero_grad()
        (torch.softmax(xi, 0) * s).sum().backward()
        gradient = xi.grad.tolist()
        opt.step()
        rows.append({**step, "g": gradient, "xi": xi.tolist(), "z": torch.softmax(xi, 0).tolist()})
    return rows


def reward_only(steps, optimizer, **options):
    """s_k = J_k: IWU's descent with no improvement and lambda = 1."""
    rows = iwu([{**step, "I": [0.0] * len(step["J"])} for step in steps], 1.0, optimizer, **options)
    return [{key: row[key] for key in ("J", "xi", "z")} for row in rows]


def sec(steps, alpha, tau):
    """Q and z after each step, from all rollouts' advantages by arm; an arm that is missing has q = 0."""
    Q = torch.zeros(len(steps[0]))
    rows = []
    for step in steps:
        q = torch.stack([torch.tensor(A).abs().mean() if A else torch.tensor(0.0) for A in step])
        Q = torch.lerp(Q, q, alpha)
        rows.append({"advantages": step, "Q": Q.tolist(), "z": torch.softmax(Q / tau, 0).tolist()})
    return rows


steps = [
    {"I": [0.05, 0.0, -0.02], "J": [0.6, 0.3, 0.1]},
    {"I": [0.3, 0.01, 0.0], "J": [0.7, 0.3, 0.1]},
    {"I": [-0.5, 0.02, 0.04], "J": [0.65, 0.35, 0.2]},
    {"I": [0.0, 0.0, 0.0], "J": [0.7, 0.4, 0.5]},
]
arms = [
    [[1.5, -0.5, -0.5, -0.5], [0.5, -0.5], []],
    [[0.0, 0.0], [0.7, -0.7, 0.7, -0.7], [2.0, -0.4, -0.4, -0.4, -0.4, -0.4]],
    [[], [1.0, -1.0], [0.0, 0.0]],
]
xs = [-745.0, -100.5, -20.0, -1.0, -0.3, -1e-9, 0.0, 0.34657, 1.0, 10.0, 700.0]
golden = {
    "source": "packages/algorithms/golden/make.py",
    "versions": {"python": sys.version.split()[0], "torch": torch.__version__.split("+")[0]},
    "tolerance": 1e-8,
    "advantages": [
        advantages([1.0, 0, 0, 0, 1, 0, 0, 0]),
        advantages([1.0, 0.1, 0.1, 0, 1, 0, 0, 0.1]),
        advantages([0.1, 1.0]),
    ],
    "iwu": {
        "lambda": 0.2,
        "sgd": iwu(steps, 0.2, torch.optim.SGD, lr=0.025),
        "adamw": iwu(steps, 0.2, torch.optim.AdamW, lr=0.025, weight_decay=1e-2),
        "adam-l2": iwu(steps, 0.2, torch.optim.Adam, lr=0.025, weight_decay=1e-2),
    },
    "worst-task": {
        "sgd": reward_only(steps, torch.optim.SGD, lr=0.025),
        "adamw": reward_only(steps, torch.optim.Adam, lr=0.025),
    },
    "regularised": {
        "eta": 1e-2,
        "sgd": reward_only(steps, torch.optim.SGD, lr=0.025, weight_decay=1e-2),
        "adamw": reward_only(steps, torch.optim.AdamW, lr=0.025, weight_decay=1e-2),
        "adam-l2": reward_only(steps, torch.optim.Adam, lr=0.025, weight_decay=1e-2),
    },
    "sec": sec(arms, 0.5, 0.2),
    "exp": [[x, torch.exp(torch.tensor(x)).item()] for x in xs],
}
json.dump(golden, sys.stdout, indent=1)
print()
