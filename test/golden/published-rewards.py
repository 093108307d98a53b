"""Golden rewards of the published rule, with Python's own `eval`.

    python3 test/golden/published-rewards.py
    python3 test/golden/published-rewards.py --score < rows.jsonl      a reward a line for rows { task, groundTruth, completion }

Writes published-rewards.golden.json beside itself. The rule is the one that the Multi-Task GRPO paper's code scores by, written anew
from its description: of what stands behind the first "Assistant:" only the last line counts; in it the last `\\boxed{...}`, whose braces
must be closed; without one 0. Zebra and ARC: the trimmed texts are equal in lower case: 1, else 0.1. Countdown: the whole numbers in
the text must be just the given ones (else 0.1), the text may hold digits, operators, brackets, points and white space alone (else
0.1), and what `eval` makes of it must be nearer to the target than 1e-5: 1, else 0.1.

Each case belongs to a class: "same" where our verifiers must give the same reward, or the name of a difference that docs/verdicts.md
lists. What the verifiers give is not written here: published-rewards.test.ts asks them.
"""

import json
import platform
import re
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROMPT = "User: solve it.\nAssistant: Let me solve this step by step."


def boxed(response):
    marker = response.find("Assistant:")
    if marker < 0:
        return None
    line = response[marker + len("Assistant:") :].split("\n")[-1]
    start = line.rfind("\\boxed")
    if start < 0 or not line.startswith("{", start + len("\\boxed")):
        return None
    depth = 0
    for at in range(start, len(line)):
        depth += {"{": 1, "}": -1}.get(line[at], 0)
        if line[at] == "}" and depth == 0:
            return line[start + len("\\boxed{") : at]
    return None


def is_close(expression, target):
    if re.fullmatch(r"[\d+\-*/().\s]+", expression) is None:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return abs(eval(expression, {"__builtins__": None}, {}) - target) < 1e-5
    except Exception:  # Whatever a text can make of the interpreter: it is no answer.
        return False


def numbers_of(expression):
    try:
        return sorted(int(number) for number in re.findall(r"\d+", expression))
    except ValueError:  # More digits than Python converts.
        return None


def reward(task, truth, response):
    content = boxed(response)
    if content is None:
        return 0
    if task != "countdown":
        return 1 if content.lower().strip() == truth["target"].lower().strip() else 0.1
    if numbers_of(content) != sorted(truth["numbers"]):
        return 0.1
    return 1 if is_close(content, truth["target"]) else 0.1


if sys.argv[1:] == ["--score"]:
    for line in sys.stdin:
        row = json.loads(line)
        print(reward(row["task"], row["groundTruth"], PROMPT + row["completion"]))
    sys.exit()


def of(target, *numbers):
    return {"target": target, "numbers": list(numbers)}


A = of(71, 3, 17, 20)
ALICE = {"target": "alice"}
GRID = {"target": "0 0 3 3 0"}
BOTH = [("countdown", A, "17 * 3 + 20", "17 + 3 + 20"), ("zebra", ALICE, "Alice", "Bob"), ("arc", GRID, "0 0 3 3 0", "0 3 3 0 0")]

cases = []


def add(name, kind, task, truth, completion):
    cases.append({"name": name, "class": kind, "task": task, "groundTruth": truth, "completion": completion})


# What every task shares: where the answer is looked for.
for task, truth, right, wrong in BOTH:
    for name, kind, completion in [
        ("right", "same", f" So \\boxed{{{right}}}"),
        ("right behind working out", "same", f" First this.\nThen that.\n\\boxed{{{right}}}"),
        ("right with text behind it", "same", f" \\boxed{{{right}}} is it."),
        ("white space around it", "same", f" \\boxed{{ {right} }}" if task != "countdown" else f" \\boxed{{{right} }}"),
        ("wrong", "same", f" \\boxed{{{wrong}}}"),
        ("two boxes, the last right", "same", f" \\boxed{{{wrong}}} \\boxed{{{right}}}"),
        ("two boxes, the last wrong", "same", f" \\boxed{{{right}}} \\boxed{{{wrong}}}"),
        ("a box in a box", "same", f" \\boxed{{\\boxed{{{right}}}}}"),
        ("a group of braces", "same", f" \\boxed{{{{{right}}}}}"),
        ("one brace too many", "same", f" \\boxed{{{right}}}}}"),
        ("prose in the box", "same", " \\boxed{I do not know}"),
        ("no box", "same", f" It is {right}."),
        ("nothing", "same", ""),
        ("a box that is never closed", "same", f" \\boxed{{{right}"),
        ("another command", "same", f" \\fbox{{{right}}}"),
        ("a space before the brace", "same", f" \\boxed {{{right}}}"),
        ("the word in another case", "same", f" \\Boxed{{{right}}}"),
        ("the prompt once more, wrong before it", "same", f" \\boxed{{{wrong}}} Assistant: \\boxed{{{right}}}"),
        ("a line behind the answer", "last-line", f" \\boxed{{{right}}}\nDone."),
        ("a line break behind the answer", "last-line", f" \\boxed{{{right}}}\n"),
        ("right, then a line without a box", "last-line", f" \\boxed{{{right}}}\nSo that is the answer."),
        ("wrong, then a line without a box", "last-line", f" \\boxed{{{wrong}}}\nSo that is the answer."),
        ("an answer in a display", "last-line", f" \\[\n\\boxed{{{right}}}\n\\]"),
        ("an unclosed box behind the answer", "unclosed-box", f" \\boxed{{{right}}} and \\boxed{{{wrong}"),
        ("the bare command behind the answer", "unclosed-box", f" \\boxed{{{right}}} is what \\boxed asks for"),
        ("a command that begins so behind the answer", "unclosed-box", f" \\boxed{{{right}}} \\boxedtext{{{wrong}}}"),
        ("an empty box", "empty-box", " \\boxed{}"),
        ("a box of white space", "empty-box", " \\boxed{  }"),
        ("an empty box behind the answer", "empty-box", f" \\boxed{{{right}}} \\boxed{{}}"),
    ]:
        add(name, kind, task, truth, completion)

# Texts: case and white space.
for name, kind, task, truth, content in [
    ("in capitals", "same", "zebra", ALICE, "ALICE"),
    ("a truth in capitals", "same", "zebra", {"target": " Alice "}, "alice"),
    ("a Kelvin sign for a K", "same", "zebra", {"target": "erik"}, "eri\u212a"),
    ("a letter that looks alike", "same", "zebra", ALICE, "\u0410lice"),
    ("a dotted capital I", "same", "zebra", ALICE, "AL\u0130CE"),
    ("a long s", "same", "zebra", {"target": "rose"}, "ro\u017fe"),
    ("a name in a command", "same", "zebra", ALICE, "\\text{Alice}"),
    ("a full stop behind the name", "same", "zebra", ALICE, "Alice."),
    ("two names", "same", "zebra", ALICE, "Alice, Bob"),
    ("a zero-width space within", "same", "zebra", ALICE, "Al\u200bice"),
    ("a no-break space around", "same", "zebra", ALICE, "\u00a0Alice\u00a0"),
    ("an ideographic space around", "same", "arc", GRID, "\u30000 0 3 3 0\u3000"),
    ("a byte order mark around", "other-white-space", "zebra", ALICE, "\ufeffAlice"),
    ("an information separator around", "other-white-space", "zebra", ALICE, "Alice\u001f"),
    ("a next-line character around", "other-white-space", "zebra", ALICE, "\u0085Alice"),
    ("a byte order mark around cells", "other-white-space", "arc", GRID, "0 0 3 3 0\ufeff"),
    ("glued cells", "same", "arc", GRID, "00330"),
    ("commas between cells", "same", "arc", GRID, "0, 0, 3, 3, 0"),
    ("brackets around cells", "same", "arc", GRID, "[0 0 3 3 0]"),
    ("a cell too many", "same", "arc", GRID, "0 0 3 3 0 0"),
    ("full-width digits", "same", "arc", GRID, "0 0 \uff13 \uff13 0"),
    ("two spaces between cells", "cells-apart", "arc", GRID, "0 0  3 3 0"),
    ("tabs between cells", "cells-apart", "arc", GRID, "0\t0\t3\t3\t0"),
    ("a no-break space between cells", "cells-apart", "arc", GRID, "0 0\u00a03 3 0"),
]:
    add(name, kind, task, truth, f" \\boxed{{{content}}}")

# A line break in the box: the last line does not hold the whole of it.
add("a line break in the box", "last-line", "countdown", A, " \\boxed{17 * 3\n+ 20}")
add("a line break before the cells", "last-line", "arc", GRID, " \\boxed{\n0 0 3 3 0\n}")

# Countdown: what is an expression, and what it is worth.
for name, kind, truth, content in [
    ("brackets where none are needed", "same", A, "((17) * (3)) + (20)"),
    ("no white space", "same", A, "17*3+20"),
    ("signs", "same", A, "-(-17) * 3 + +20"),
    ("a fraction on the way", "same", of(24, 3, 3, 8, 8), "8 / (3 - 8 / 3)"),
    ("the target alone", "same", A, "71"),
    ("an equation", "same", A, "17 * 3 + 20 = 71"),
    ("a number too few", "same", A, "17 * 3"),
    ("a number twice", "same", A, "17 * 3 + 20 + 17 - 17"),
    ("a number that was not given", "same", A, "17 * 3 + 19 + 1"),
    ("digits glued together", "same", of(193, 3, 17, 20), "173 + 20"),
    ("a division by zero", "same", of(5, 5, 2, 2), "5 / (2 - 2)"),
    ("numbers side by side", "same", A, "17 (3) + 20"),
    ("an operator with nothing behind", "same", A, "17 * 3 + 20 +"),
    ("an unclosed bracket", "same", A, "(17 * 3 + 20"),
    ("leading zeros", "same", A, "017 * 3 + 20"),
    ("LaTeX operators", "same", A, "17 \\times 3 + 20"),
    ("a Unicode operator", "same", A, "17 \u00d7 3 + 20"),
    ("full-width digits", "same", A, "\uff11\uff17 * 3 + 20"),
    ("Arabic digits", "same", A, "\u0661\u0667 * 3 + 20"),
    ("an underscore in a number", "same", A, "1_7 * 3 + 20"),
    ("a hexadecimal number", "same", A, "0x11 * 3 + 20"),
    ("a remainder", "same", of(2, 20, 3), "20 % 3"),
    ("a comparison", "same", of(1, 3, 17), "3 < 17"),
    ("a comment", "same", A, "17 * 3 + 20 # so"),
    ("a call", "same", A, "abs(17 * 3 + 20)"),
    ("bits", "same", of(19, 3, 17), "17 | 3"),
    ("a tuple", "same", of(20, 3, 17), "(3 + 17,)"),
    ("code", "same", A, "__import__('os').getcwd()"),
    ("an ellipsis", "same", A, "17 * 3 + 20 ..."),
    ("a power that is right", "python-operators", of(28, 3, 3, 1), "3 ** 3 + 1"),
    ("a power that is wrong", "same", of(29, 3, 3, 1), "3 ** 3 + 1"),
    ("a root as a power", "python-operators", of(3, 9, 1, 2), "9 ** (1 / 2)"),
    ("a floor division that is right", "python-operators", of(8, 17, 2), "17 // 2"),
    ("a floor division that is wrong", "same", of(9, 17, 2), "17 // 2"),
    ("a power of a power", "same", of(1, 9, 9, 9, 99), "9 ** 9 * 9 // 99"),
    ("a point behind a number", "decimal-point", A, "17. * 3 + 20."),
    ("a point between two numbers", "decimal-point", of(4, 1, 5, 2, 1), "1.5 * 2 + 1"),
    ("a point before a number", "decimal-point", of(1, 5, 5), ".5 + .5"),
    ("a decimal that is wrong", "same", of(5, 1, 5, 2, 1), "1.5 * 2 + 1"),
    ("nearly the target", "floating-point", of(2, 1, 1, 1000003, 1000000), "1 + 1000000 / 1000003 * 1"),
    ("a hair off the target", "floating-point", of(1, 1, 1, 999, 1000, 1001), "1 - 1 / 999 / 1000 / 1001"),
    ("more than a double holds", "floating-point", of(1, 9007199254740991, 3, 3, 9007199254740990), "9007199254740991 / 3 * 3 - 9007199254740990"),
    ("a third three times", "same", of(1, 1, 3, 3), "1 / 3 * 3"),
    ("a vertical tab", "white-space-in-expression", A, "17 * 3\u000b+ 20"),
    ("a carriage return", "white-space-in-expression", A, "17 * 3\r+ 20"),
    ("a carriage return behind", "same", A, "17 * 3 + 20\r"),
    ("a form feed", "same", A, "17 * 3\f+ 20"),
    ("a tab", "same", A, "17\t*\t3 + 20"),
    ("a space before it", "same", A, "  17 * 3 + 20"),
    ("a no-break space around", "white-space-in-expression", A, "\u00a017 * 3 + 20"),
    ("a no-break space within", "same", A, "17\u00a0* 3 + 20"),
    ("a byte order mark before it", "white-space-in-expression", A, "\ufeff17 * 3 + 20"),
    ("a hundred brackets", "same", A, "(" * 100 + "17 * 3 + 20" + ")" * 100),
    ("three hundred brackets", "deep-nesting", A, "(" * 300 + "17 * 3 + 20" + ")" * 300),
    ("nine thousand signs", "deep-nesting", A, "+" * 9000 + "17 * 3 + 20"),
    ("ten thousand spaces within", "too-long", A, "17 * 3 +" + " " * 10000 + "20"),
    ("a number of five thousand digits", "same", A, "1" * 5000),
]:
    add(name, kind, "countdown", truth, f" \\boxed{{{content}}}")

for case in cases:
    case["published"] = reward(case["task"], case["groundTruth"], PROMPT + case["completion"])

# Long texts as their pieces, so that the file stays small.
def packed(text):
    return re.sub(r"(.)\1{49,}", lambda run: f"\u2045{run.group(1)}\u2045{len(run.group(0))}\u2046", text)


head = {
    "generator": "test/golden/published-rewards.py",
    "versions": {"python": platform.python_version()},
    "tolerance": 0,
    "form": "in a completion, \u2045c\u2045n\u2046 is the character c, n times",
    "prompt": PROMPT,
}
path = HERE / "published-rewards.golden.json"
rows = ",\n".join("  " + json.dumps(case | {"completion": packed(case["completion"])}, ensure_ascii=True) for case in cases)
path.write_text(json.dumps(head, ensure_ascii=True, indent=1)[:-2] + ',\n "cases": [\n' + rows + "\n ]\n}\n")
print(f"{path.name}: {path.stat().st_size} bytes, {len(cases)} cases")
