/**
 * Evenkeel's SDK for verifiers, version 1, in one file. Made by a program: do not change it here.
 * It imports nothing, so a package that carries it along works wherever it lies. MIT license.
 */
// packages/core/src/canonical-json.ts
function canonicalJson(value) {
  switch (typeof value) {
    case "boolean":
    case "string":
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value) || Object.is(value, -0)) {
        throw new TypeError(`Cannot canonicalise JSON: ${Object.is(value, -0) ? "-0" : value} is not a JSON number`);
      }
      return JSON.stringify(value);
    case "object":
      return value === null ? "null" : Array.isArray(value) ? canonicalArray(value) : canonicalObject(value);
    default:
      throw new TypeError(`Cannot canonicalise JSON: ${typeof value} is not a JSON value`);
  }
}
function canonicalArray(values) {
  return `[${values.map((value) => canonicalJson(value)).join(",")}]`;
}
function canonicalObject(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new TypeError(`Cannot canonicalise JSON: a ${prototype.constructor?.name} is not a plain object`);
  }
  const fields = Object.entries(value).filter(([, field]) => field !== void 0).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(",")}}`;
}

// packages/core/src/sha256.ts
var roundConstants = new Int32Array([
  1116352408,
  1899447441,
  3049323471,
  3921009573,
  961987163,
  1508970993,
  2453635748,
  2870763221,
  3624381080,
  310598401,
  607225278,
  1426881987,
  1925078388,
  2162078206,
  2614888103,
  3248222580,
  3835390401,
  4022224774,
  264347078,
  604807628,
  770255983,
  1249150122,
  1555081692,
  1996064986,
  2554220882,
  2821834349,
  2952996808,
  3210313671,
  3336571891,
  3584528711,
  113926993,
  338241895,
  666307205,
  773529912,
  1294757372,
  1396182291,
  1695183700,
  1986661051,
  2177026350,
  2456956037,
  2730485921,
  2820302411,
  3259730800,
  3345764771,
  3516065817,
  3600352804,
  4094571909,
  275423344,
  430227734,
  506948616,
  659060556,
  883997877,
  958139571,
  1322822218,
  1537002063,
  1747873779,
  1955562222,
  2024104815,
  2227730452,
  2361852424,
  2428436474,
  2756734187,
  3204031479,
  3329325298
]);
var initialState = new Int32Array([
  1779033703,
  3144134277,
  1013904242,
  2773480762,
  1359893119,
  2600822924,
  528734635,
  1541459225
]);
var BLOCK_BYTES = 64;
var text = new Uint8Array(4096);
var textView = new DataView(text.buffer);
var tail = new Uint8Array(2 * BLOCK_BYTES);
var tailView = new DataView(tail.buffer);
var schedule = new Int32Array(64);
var state = new Int32Array(8);
function sha256Words(data) {
  if (typeof data !== "string") return digest(data, new DataView(data.buffer, data.byteOffset, data.length));
  const length = encodeAscii(data);
  if (length === data.length) return digest(text, textView, length);
  return sha256Words(new TextEncoder().encode(data));
}
function encodeAscii(characters) {
  const end = Math.min(characters.length, text.length);
  for (let at = 0; at < end; at++) {
    const code = characters.charCodeAt(at);
    if (code > 127) return at;
    text[at] = code;
  }
  return end;
}
function digest(bytes, view, length = bytes.length) {
  state.set(initialState);
  let at = 0;
  for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) compress(view, at);
  const left = length - at;
  tail.fill(0);
  for (let byte = 0; byte < left; byte++) tail[byte] = bytes[at + byte];
  tail[left] = 128;
  const end = left < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  tailView.setUint32(end - 8, Math.floor(length / 536870912));
  tailView.setUint32(end - 4, length << 3);
  compress(tailView, 0);
  if (end > BLOCK_BYTES) compress(tailView, BLOCK_BYTES);
  return state;
}
function compress(view, offset) {
  for (let t = 0; t < 16; t++) schedule[t] = view.getInt32(offset + 4 * t);
  for (let t = 16; t < 64; t++) {
    const x = schedule[t - 15];
    const y = schedule[t - 2];
    const sigma0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
    const sigma1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
    schedule[t] = schedule[t - 16] + sigma0 + schedule[t - 7] + sigma1 | 0;
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let t = 0; t < 64; t++) {
    const sum1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const choice = g ^ e & (f ^ g);
    const one = h + sum1 + choice + roundConstants[t] + schedule[t] | 0;
    const sum0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const majority = a & b | c & (a | b);
    h = g;
    g = f;
    f = e;
    e = d + one | 0;
    d = c;
    c = b;
    b = a;
    a = one + sum0 + majority | 0;
  }
  state[0] = state[0] + a | 0;
  state[1] = state[1] + b | 0;
  state[2] = state[2] + c | 0;
  state[3] = state[3] + d | 0;
  state[4] = state[4] + e | 0;
  state[5] = state[5] + f | 0;
  state[6] = state[6] + g | 0;
  state[7] = state[7] + h | 0;
}

// packages/core/src/hash.ts
var digits = Array.from({ length: 65536 }, (_, word) => word.toString(16).padStart(4, "0"));
function sha256Hex(data, length = 64) {
  const words = sha256Words(data);
  let text2 = "";
  for (let at = 0; 8 * at < length; at++) text2 += digits[words[at] >>> 16] + digits[words[at] & 65535];
  return text2;
}
function sha256Uint32(data) {
  return sha256Words(data)[0] >>> 0;
}

// packages/core/src/philox.ts
var MULTIPLIER_0 = 3528531795;
var MULTIPLIER_1 = 3449720151;
var WEYL_0 = 2654435769;
var WEYL_1 = 3144134277;
var ROUNDS = 10;
function multiplyHigh(a, b) {
  const aLow = a & 65535;
  const aHigh = a >>> 16;
  const bLow = b & 65535;
  const bHigh = b >>> 16;
  const one = Math.imul(aHigh, bLow);
  const other = Math.imul(aLow, bHigh);
  const middle = (Math.imul(aLow, bLow) >>> 16) + (one & 65535) + (other & 65535);
  return Math.imul(aHigh, bHigh) + (one >>> 16) + (other >>> 16) + (middle >>> 16) | 0;
}
var PhiloxBlock = class {
  word0 = 0;
  word1 = 0;
  word2 = 0;
  word3 = 0;
  fill(counter0, counter1, counter2, counter3, key0, key1) {
    let c0 = counter0 | 0;
    let c1 = counter1 | 0;
    let c2 = counter2 | 0;
    let c3 = counter3 | 0;
    let k0 = key0 | 0;
    let k1 = key1 | 0;
    for (let round = 0; round < ROUNDS; round++) {
      const high0 = multiplyHigh(MULTIPLIER_0, c0);
      const low0 = Math.imul(MULTIPLIER_0, c0);
      const high1 = multiplyHigh(MULTIPLIER_1, c2);
      const low1 = Math.imul(MULTIPLIER_1, c2);
      c0 = high1 ^ c1 ^ k0;
      c1 = low1;
      c2 = high0 ^ c3 ^ k1;
      c3 = low0;
      k0 = k0 + WEYL_0 | 0;
      k1 = k1 + WEYL_1 | 0;
    }
    this.word0 = c0;
    this.word1 = c1;
    this.word2 = c2;
    this.word3 = c3;
  }
};
var keys = /* @__PURE__ */ new Map();
var lastSeed = -1;
var lastStream = "";
var lastKey = [0, 0];
function keyOf(seed, stream) {
  if (seed === lastSeed && stream === lastStream) return lastKey;
  const name = `${seed}/${stream}`;
  let key = keys.get(name);
  if (key === void 0) {
    const digest2 = sha256Hex(`evenkeel-philox-1/${name}`);
    key = [Number.parseInt(digest2.slice(0, 8), 16), Number.parseInt(digest2.slice(8, 16), 16)];
    if (keys.size > 4096) keys.clear();
    keys.set(name, key);
  }
  lastSeed = seed;
  lastStream = stream;
  lastKey = key;
  return key;
}
function keyedRandom(seed, stream, ...indices) {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`Cannot key a random stream: seed is ${seed}, expected a safe integer >= 0`);
  }
  if (indices.length > 3 || !areWords(indices)) {
    throw new RangeError(`Cannot key a random stream: indices are [${indices}], expected up to three 32-bit words`);
  }
  return new PhiloxSequence(keyOf(seed, stream), indices[0] ?? 0, indices[1] ?? 0, indices[2] ?? 0);
}
function areWords(values) {
  for (const value of values) if (value !== value >>> 0) return false;
  return true;
}
var PhiloxSequence = class {
  #key;
  #first;
  #second;
  #third;
  #block = new PhiloxBlock();
  #used = 4;
  #counter = 0;
  constructor(key, first, second, third) {
    this.#key = key;
    this.#first = first;
    this.#second = second;
    this.#third = third;
  }
  uint32() {
    const block = this.#block;
    switch (this.#used++) {
      case 1:
        return block.word1 >>> 0;
      case 2:
        return block.word2 >>> 0;
      case 3:
        return block.word3 >>> 0;
      default:
        block.fill(this.#counter++, this.#first, this.#second, this.#third, this.#key[0], this.#key[1]);
        this.#used = 1;
        return block.word0 >>> 0;
    }
  }
  uniform() {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }
  integer(bound) {
    if (!Number.isInteger(bound) || bound < 1 || bound > 4294967296) {
      throw new RangeError(`Cannot draw an integer: bound is ${bound}, expected 1 to 2^32`);
    }
    if (bound === 4294967296) return this.uint32();
    for (; ; ) {
      const word = this.uint32();
      const quotient = Math.floor(word / bound);
      if ((quotient + 1) * bound <= 4294967296) return word - quotient * bound >>> 0;
    }
  }
  normal() {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }
  pick(values) {
    return values[this.integer(values.length)];
  }
  shuffle(values) {
    const shuffled = values.slice();
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const value = shuffled[last];
      shuffled[last] = shuffled[other];
      shuffled[other] = value;
    }
    return shuffled;
  }
};

// packages/verifier/src/boxed.ts
var OPENING = "\\boxed{";
var OPEN_BRACE = 123;
var CLOSE_BRACE = 125;
function lastBoxed(completion) {
  const last = completion.lastIndexOf(OPENING);
  if (last < 0) return null;
  const start = last + OPENING.length;
  const end = closingBrace(completion, start);
  return end < 0 ? lastClosedBox(completion) : completion.slice(start, end);
}
function closingBrace(text2, start) {
  const first = text2.indexOf("}", start);
  if (first < 0) return -1;
  const inner = text2.indexOf("{", start);
  if (inner < 0 || inner > first) return first;
  let depth = 1;
  for (let at = inner; at < text2.length; at++) {
    const code = text2.charCodeAt(at);
    if (code === OPEN_BRACE) depth++;
    else if (code === CLOSE_BRACE && --depth === 0) return at;
  }
  return -1;
}
function lastClosedBox(completion) {
  let unmatched = 0;
  for (let at = completion.length - 1; at >= OPENING.length - 1; at--) {
    const code = completion.charCodeAt(at);
    if (code === CLOSE_BRACE) unmatched++;
    else if (code === OPEN_BRACE && unmatched > 0) {
      if (completion.startsWith(OPENING, at + 1 - OPENING.length)) {
        return completion.slice(at + 1, closingBrace(completion, at + 1));
      }
      unmatched--;
    }
  }
  return null;
}

// packages/verifier/src/conformance/finding.ts
var conformanceChecks = {
  manifest: {
    severity: "error",
    title: "the manifest has the fields of the contract",
    mend: "mend the field in the manifest"
  },
  "generate-throws": {
    severity: "error",
    title: "generate() and prompt() give a puzzle for each level, split, seed and index",
    mend: "mend generate() or prompt() for this query; draw with drawInSplit()"
  },
  "puzzle-shape": {
    severity: "error",
    title: "a puzzle is plain JSON with an id and its level",
    mend: "give { id, level, data, groundTruth } with JSON values only, an id of 1 to 64 characters"
  },
  "generate-repeatable": {
    severity: "error",
    title: "the same query gives the same puzzle, whatever was asked before, in any process",
    mend: "draw only from the random generator that drawInSplit() hands over; keep no state, read no clock"
  },
  "unknown-level": {
    severity: "error",
    title: "generate() refuses an unknown level",
    mend: "throw a RangeError where query.level is none of the manifest's levels"
  },
  "splits-apart": {
    severity: "error",
    title: "no puzzle is in two splits",
    mend: "draw with drawInSplit(), with a key that is the same for puzzles that are the same; make the id from that key"
  },
  "puzzles-vary": {
    severity: "warning",
    title: "other seeds and indices give other puzzles",
    mend: "use the random generator for what makes the puzzle; make the space of puzzles larger"
  },
  "levels-differ": {
    severity: "error",
    title: "no level generates the puzzles of another",
    mend: "let query.level change what is drawn, or take the level out of the manifest"
  },
  "levels-alike": {
    severity: "warning",
    title: "levels can be told apart by what they generate",
    mend: "let the levels differ in size, range or number of parts, or take one of them out of the manifest"
  },
  "golden-missing": {
    severity: "error",
    title: "what this version generates is recorded",
    mend: "run: evenkeel verifier test PATH --update-golden"
  },
  "golden-changed": {
    severity: "error",
    title: "generation is stable under its version",
    mend: "raise the version in the manifest and package.json, then: evenkeel verifier test PATH --update-golden; or undo the change"
  },
  "prompt-empty": {
    severity: "error",
    title: "a prompt says something, in both styles",
    mend: "return a text for both styles, chat and compact"
  },
  "prompt-ambiguous": {
    severity: "error",
    title: "a prompt has one question: the same text is not asked with other answers",
    mend: "put into the prompt whatever the answer depends on"
  },
  "prompt-tells-answer": {
    severity: "error",
    title: "the prompt does not hold the gold answer",
    mend: "take the answer out of the prompt"
  },
  "answer-throws": {
    severity: "error",
    title: "gold() and decoy() give a text for each puzzle, style and variant",
    mend: "mend gold() or decoy() for this puzzle; any whole number is a variant"
  },
  "gold-is-right": {
    severity: "error",
    title: "a gold answer scores the largest reward",
    mend: "mend gold() or score(): one of them has the wrong answer"
  },
  "decoy-is-wrong": {
    severity: "error",
    title: "a decoy is in the form, but wrong",
    mend: "let decoy() give another answer than the right one, in the form of gold(), for every variant"
  },
  "cut-gold-is-none": {
    severity: "error",
    title: "a gold answer that is cut off is no answer",
    mend: "take an answer only from a complete \\boxed{…}: lastBoxed(completion) gives it"
  },
  "last-box-counts": {
    severity: "error",
    title: "the last complete box is the answer",
    mend: "read the answer with lastBoxed(completion)"
  },
  "mutations-are-wrong": {
    severity: "error",
    title: "gold answers with a change in them are wrong",
    mend: "compare the whole answer with the right one, not a part of it"
  },
  "never-throws": {
    severity: "error",
    title: "score() gives a verdict on any text",
    mend: "mend score() for this text; whatever a model writes is data"
  },
  "verdict-shape": {
    severity: "error",
    title: "a verdict has the fields of the contract",
    mend: 'return { kind: "scored", reward, correct, formatted, answer, reason }, answer at most 200 characters or null'
  },
  "reward-scale": {
    severity: "error",
    title: "rewards come from the manifest's scale",
    mend: "give one of the scale's rewards, the largest if and only if correct; or declare another scale: manifest.rewards"
  },
  components: {
    severity: "error",
    title: "each verdict has the components that the manifest names, and no others",
    mend: "give every name of manifest.components a finite number in each scored verdict"
  },
  "ground-truth": {
    severity: "error",
    title: "a malformed ground truth fails and is no zero",
    mend: 'return { kind: "failed", error: { code: "ground-truth", message } } where the ground truth is not what generate() makes'
  },
  "ground-truth-lax": {
    severity: "warning",
    title: "a ground truth with a field missing or of another type fails",
    mend: "check every field of the ground truth that score() uses before scoring"
  },
  "same-verdict": {
    severity: "error",
    title: "the same input gives the same verdict, in any order, in any process",
    mend: "keep no state between calls; read no clock; a regular expression with the flag g keeps its lastIndex"
  },
  "within-limits": {
    severity: "error",
    title: "a call keeps within the manifest's limits of time and memory",
    mend: "make score() linear in the text's length (mind regular expressions that backtrack), or raise manifest.limits"
  },
  slow: {
    severity: "warning",
    title: "a call takes at most half of its time limit",
    mend: "make this call faster, or raise manifest.limits.timeMs: a slower machine would make it a failure"
  }
};
var Findings = class {
  list = [];
  /** How many were left out, by check. */
  omitted = /* @__PURE__ */ new Map();
  #counts = /* @__PURE__ */ new Map();
  #mostPerCheck;
  constructor(mostPerCheck) {
    this.#mostPerCheck = mostPerCheck;
  }
  add(check, message, expected, place = {}) {
    const count = (this.#counts.get(check) ?? 0) + 1;
    this.#counts.set(check, count);
    if (count > this.#mostPerCheck) {
      this.omitted.set(check, count - this.#mostPerCheck);
      return;
    }
    const { severity, mend } = conformanceChecks[check];
    const { completion } = place;
    const shown = completion === void 0 ? place : { ...place, completion: excerpt(completion) };
    this.list.push({ check, severity, message, expected, mend, ...shown });
  }
};
var EXCERPT_CHARS = 80;
function excerpt(text2) {
  if (text2.length <= EXCERPT_CHARS) return JSON.stringify(text2);
  return `${JSON.stringify(text2.slice(0, EXCERPT_CHARS))} and ${text2.length - EXCERPT_CHARS} more characters`;
}

// packages/verifier/src/conformance/samples.ts
var splits = ["train", "tune", "heldout"];
var styles = ["chat", "compact"];
var variants = [0, 1, 2, 3, 4];
async function drawSamples(inspection, puzzles) {
  const { subject, seed } = inspection;
  const samples = [];
  for (const level of subject.manifest.levels) {
    for (const split of splits) {
      const queries = Array.from({ length: puzzles }, (_, index) => ({ seed, index, level, split }));
      samples.push(...await drawQueries(inspection, queries));
    }
  }
  return samples;
}
async function drawQueries({ subject, findings }, queries) {
  const perPuzzle = queries.map((query) => [
    { query, style: "chat" },
    ...styles.flatMap((style) => variants.map((variant) => ({ query, style, gold: variant, decoy: variant })))
  ]);
  const answers = await subject.draw(perPuzzle.flat());
  return perPuzzle.flatMap((requests, at) => {
    const [plain, ...worded] = answers.slice(at * requests.length, (at + 1) * requests.length);
    const query = queries[at];
    if (plain?.kind !== "drawn") {
      const seen = plain === void 0 ? "gave nothing" : `failed (${plain.error.code}: ${plain.error.message})`;
      findings.add("generate-throws", `drawing a puzzle ${seen}`, "a puzzle and its prompt", { query });
      return [];
    }
    const words = styles.flatMap((style, place) => {
      const golds = [];
      const decoys = [];
      let prompt = "";
      for (const [variant, answer] of worded.slice(place * variants.length, (place + 1) * variants.length).entries()) {
        if (answer.kind === "failed") {
          const { code, message } = answer.error;
          const seen = `prompt(), gold() or decoy() with variant ${variant} failed (${code}: ${message})`;
          findings.add("answer-throws", seen, "texts", { query, style });
          return [];
        }
        const { drawn } = answer;
        if (typeof drawn.gold !== "string" || typeof drawn.decoy !== "string" || typeof drawn.prompt !== "string") {
          findings.add("answer-throws", "prompt(), gold() or decoy() gave no text", "texts", { query, style });
          return [];
        }
        prompt = drawn.prompt;
        golds.push(drawn.gold);
        decoys.push(drawn.decoy);
      }
      return [{ style, prompt, golds, decoys }];
    });
    return [{ query, puzzle: plain.drawn.puzzle, words }];
  });
}

// packages/verifier/src/conformance/golden.ts
var PUZZLES_PER_DRAW = 5;
var SEED = 7;
async function goldenOf(subject) {
  const levels = {};
  for (const level of subject.manifest.levels) levels[level] = await levelDigest(subject, level);
  return { version: subject.manifest.version, digest: sha256Hex(canonicalJson(levels)), levels };
}
async function levelDigest(subject, level) {
  const requests = splits.flatMap(
    (split) => Array.from({ length: PUZZLES_PER_DRAW }, (_, index) => {
      const query = { seed: SEED, index, level, split };
      return styles.map((style) => ({ query, style, gold: index, decoy: index }));
    }).flat()
  );
  const drawn = (await subject.draw(requests)).map((answer) => {
    if (answer.kind === "drawn") return answer.drawn;
    throw new Error(`drawing a puzzle of level "${level}" failed: ${answer.error.message}`);
  });
  return sha256Hex(canonicalJson(drawn));
}
function isGoldenRecord(value) {
  if (typeof value !== "object" || value === null) return false;
  const { version, digest: digest2, levels } = value;
  return typeof version === "string" && typeof digest2 === "string" && typeof levels === "object" && levels !== null;
}
async function checkGolden(subject, findings, recorded) {
  const { version } = subject.manifest;
  if (recorded === null || recorded.version !== version) {
    const seen = recorded === null ? "nothing is recorded" : `golden.json is of version ${recorded.version}`;
    findings.add("golden-missing", `${seen}, the manifest says ${version}`, `golden.json of version ${version}`);
    return;
  }
  let now;
  try {
    now = await goldenOf(subject);
  } catch {
    return;
  }
  if (now.digest === recorded.digest) return;
  const changed = Object.keys({ ...now.levels, ...recorded.levels }).filter(
    (level) => now.levels[level] !== recorded.levels[level]
  );
  findings.add(
    "golden-changed",
    `version ${version} generates other puzzles, prompts or answers than recorded, at ${changed.length === 1 ? "level" : "levels"} ${changed.join(", ")}`,
    "the same for ever under one version"
  );
}

// packages/verifier/src/contract.ts
var standardRewards = [1, 0.1, 0];
var standardLevels = ["tiny", "easy", "medium", "hard", "very_hard"];

// packages/verifier/src/reward-scale.ts
function rewardBounds(scale = standardRewards) {
  if ("min" in scale) {
    const { min, max } = scale;
    return {
      largest: max,
      smallest: min,
      hasMiddle: true,
      text: `${min} to ${max}`,
      allows: (reward) => reward >= min && reward <= max
    };
  }
  return {
    largest: Math.max(...scale),
    smallest: Math.min(...scale),
    hasMiddle: scale.length > 2,
    text: scale.join(", "),
    allows: (reward) => scale.includes(reward)
  };
}

// packages/verifier/src/conformance/check-answers.ts
var OPENING2 = "\\boxed{";
async function checkAnswers(inspection, samples) {
  const { subject, findings } = inspection;
  checkPrompts(inspection, samples);
  const trials = samples.flatMap((sample) => sample.words.flatMap((words) => trialsOf(sample, words)));
  const verdicts = await subject.score(
    trials.map(({ sample, completion }) => ({ groundTruth: sample.puzzle.groundTruth, completion }))
  );
  const bounds = rewardBounds(subject.manifest.rewards);
  for (const [at, { check, wish, sample, style, completion }] of trials.entries()) {
    const verdict = verdicts[at];
    if (fulfils(verdict, wish, bounds)) continue;
    findings.add(check, `score() gave ${describe(verdict)}`, wishText(wish, bounds), {
      query: sample.query,
      style,
      completion
    });
  }
  await checkAmbiguity(inspection, samples);
}
var MOST_TOLD = 0.8;
var LEAST_PROMPTS = 10;
function checkPrompts({ subject, findings }, samples) {
  for (const { query, words } of samples) {
    for (const { style, prompt } of words) {
      if (prompt.trim() === "") findings.add("prompt-empty", "prompt() is empty", "a text", { query, style });
    }
  }
  for (const level of subject.manifest.levels) {
    for (const style of styles) {
      const worded = samples.flatMap(
        ({ query: query2, words }) => query2.level === level ? words.filter((each) => each.style === style).map((each) => ({ query: query2, ...each })) : []
      );
      const telling = worded.filter(({ prompt, golds: golds2 }) => prompt.includes(golds2[0].trim()));
      if (worded.length < LEAST_PROMPTS || telling.length <= worded.length * MOST_TOLD) continue;
      const { query, golds } = telling[0];
      const seen = `${telling.length} of ${worded.length} prompts of level "${level}" hold their gold answer, such as ${excerpt(golds[0])}`;
      findings.add("prompt-tells-answer", seen, "prompts without it", { query, style });
    }
  }
}
function trialsOf(sample, { style, golds, decoys }) {
  return golds.flatMap((gold, variant) => {
    const decoy = decoys[variant];
    const trial = (check, wish, completion) => ({
      check,
      wish,
      sample,
      style,
      completion
    });
    const plain = [trial("gold-is-right", "right", gold), trial("decoy-is-wrong", "wrong", decoy)];
    if (!gold.includes(OPENING2)) return plain;
    return [
      ...plain,
      trial("cut-gold-is-none", "none", gold.slice(0, gold.lastIndexOf("}"))),
      trial("last-box-counts", "right", `${decoy}
No, it is this: ${gold}
That is my answer.`),
      trial("last-box-counts", "wrong", `${gold}
No, it is this: ${decoy}`)
    ];
  });
}
function fulfils(verdict, wish, bounds) {
  if (verdict.kind !== "scored") return false;
  if (wish === "right") return verdict.correct;
  if (wish === "none") return verdict.reward === bounds.smallest;
  return !verdict.correct && (verdict.formatted || !bounds.hasMiddle);
}
function wishText(wish, { largest, smallest, hasMiddle, text: text2 }) {
  if (wish === "right") return `reward ${largest}`;
  if (wish === "none") return `reward ${smallest}`;
  return hasMiddle ? `a reward below ${largest} and above ${smallest} (rewards: ${text2})` : `reward ${smallest}`;
}
function describe(verdict) {
  switch (verdict.kind) {
    case "scored":
      return `reward ${verdict.reward} (${verdict.reason})`;
    case "abstained":
      return `"abstained" (${verdict.reason})`;
    case "failed":
      return `"failed" (${verdict.error.code}: ${verdict.error.message})`;
  }
}
async function checkAmbiguity({ subject, findings }, samples) {
  const first = /* @__PURE__ */ new Map();
  const pairs = [];
  for (const sample of samples) {
    for (const { style, prompt, golds } of sample.words) {
      const key = `${style} ${prompt}`;
      const earlier = first.get(key);
      if (earlier === void 0) first.set(key, sample);
      else if (earlier !== sample) pairs.push({ sample: earlier, style, completion: golds[0] });
    }
  }
  const verdicts = await subject.score(
    pairs.map(({ sample, completion }) => ({ groundTruth: sample.puzzle.groundTruth, completion }))
  );
  for (const [at, { sample, style, completion }] of pairs.entries()) {
    const verdict = verdicts[at];
    if (verdict.kind !== "scored" || verdict.correct) continue;
    const seen = `another puzzle has this prompt, and its gold answer scores ${verdict.reward} here`;
    findings.add("prompt-ambiguous", seen, "one question for a prompt", { query: sample.query, style, completion });
  }
}

// packages/verifier/src/conformance/hostile-completions.ts
var MEGABYTE = 1e6;
function hostileCompletions() {
  const boxed = [
    "",
    " \n	",
    "\0",
    "\uD800",
    "‮1‬",
    "٣ + ٤",
    "１２",
    "1e999",
    "0x10",
    "__proto__",
    "constructor",
    "{0}",
    "(()=>{throw 1})()",
    "{}{}",
    "\\boxed{1}",
    "1".repeat(1e5),
    "(".repeat(MEGABYTE),
    `${"(".repeat(4e3)}1${")".repeat(4e3)}`,
    "-".repeat(9999),
    `${"1+".repeat(4e3)}1`,
    "{".repeat(1e3) + "}".repeat(1e3),
    "😀".repeat(300)
  ];
  return [
    ...boxed,
    ...boxed.map((content) => `\\boxed{${content}}`),
    "\\boxed{",
    "\\boxed",
    "{".repeat(MEGABYTE),
    "}".repeat(MEGABYTE),
    "\\boxed{".repeat(MEGABYTE / 5),
    `\\boxed{${"a".repeat(2 * MEGABYTE)}}`,
    " ".repeat(2 * MEGABYTE),
    `\\boxed{${" ".repeat(2 * MEGABYTE)}}`
  ];
}
var hostilePieces = [
  "\\boxed{",
  "\\boxed{",
  "}",
  "}",
  "{",
  " ",
  "\n",
  "\\",
  "(",
  ")",
  "-",
  "**",
  "//",
  "=",
  "0",
  "²",
  "٣",
  "\uD83D",
  "e",
  ".",
  ","
];

// packages/verifier/src/conformance/verdict-fault.ts
var LONGEST_ANSWER = 200;
var failureCodes = /* @__PURE__ */ new Set([
  "timeout",
  "memory",
  "crash",
  "contract",
  "ground-truth",
  "nondeterministic",
  "unreachable"
]);
function verdictFault(value, manifest) {
  if (typeof value !== "object" || value === null) return `it is ${String(value)}, expected a verdict`;
  if (value instanceof Promise) return "it is a promise, expected a verdict: score() answers at once";
  const verdict = value;
  switch (verdict.kind) {
    case "abstained":
      return isReason(verdict.reason) ? null : "reason: it is empty or no text, expected a few words";
    case "failed": {
      const { code, message } = verdict.error ?? {};
      return failureCodes.has(code) && typeof message === "string" ? null : "error: it is no failure, expected { code, message }";
    }
    case "scored":
      return scoredFault(verdict, manifest);
    default:
      return `kind: it is ${JSON.stringify(verdict.kind)}, expected "scored", "abstained" or "failed"`;
  }
}
function checkOfFault(fault) {
  if (/^(reward|correct|formatted)\b/.test(fault)) return "reward-scale";
  return /^components\b/.test(fault) ? "components" : "verdict-shape";
}
function isReason(reason) {
  return typeof reason === "string" && reason !== "" && reason.length <= 100;
}
function scoredFault(verdict, manifest) {
  const { reward, correct, formatted, answer, reason, metrics, components } = verdict;
  const bounds = rewardBounds(manifest.rewards);
  if (typeof reward !== "number" || !bounds.allows(reward)) return `reward: it is ${reward}, expected ${bounds.text}`;
  if (correct !== (reward === bounds.largest))
    return `correct: it is ${correct} with reward ${reward}, expected ${reward === bounds.largest}`;
  if (formatted !== reward > bounds.smallest) {
    return `formatted: it is ${formatted} with reward ${reward}, expected ${reward > bounds.smallest}`;
  }
  if (answer !== null && (typeof answer !== "string" || answer.length > LONGEST_ANSWER)) {
    return `answer: it is no text of at most ${LONGEST_ANSWER} characters, expected one or null`;
  }
  if (!isReason(reason)) return "reason: it is empty, too long or no text, expected a few words";
  if (metrics !== void 0 && !Object.values(metrics).every(Number.isFinite)) {
    return "metrics: one is not finite, expected finite numbers";
  }
  return componentsFault(components, manifest.components ?? []);
}
function componentsFault(components, names) {
  const given = Object.keys(components ?? {});
  const surplus = given.find((name) => !names.includes(name));
  if (surplus !== void 0)
    return `components: "${surplus}" is not in the manifest, expected ${names.join(", ") || "none"}`;
  const missing = names.find((name) => !given.includes(name));
  if (missing !== void 0) return `components: "${missing}" is missing, expected ${names.join(", ")}`;
  const bad = names.find((name) => !Number.isFinite(components?.[name]));
  return bad === void 0 ? null : `components: "${bad}" is ${components?.[bad]}, expected a finite number`;
}

// packages/verifier/src/conformance/check-completions.ts
var CHUNK = 2e3;
var TIMED_REPEATS = 3;
async function checkCompletions(inspection, samples, { fuzzed, longestText, another, clock }) {
  const [first] = samples;
  if (first === void 0) return null;
  const hostile = hostileCompletions().filter(({ length }) => length <= longestText).map((completion) => ({ sample: first, completion }));
  const answers = samples.flatMap(
    (sample) => sample.words.flatMap(
      ({ golds, decoys }) => [...golds, ...decoys].map((completion) => ({ sample, completion }))
    )
  );
  await scoreTwice(inspection, hostile, another);
  for (let start = 0; start < answers.length; start += CHUNK) {
    await scoreTwice(inspection, answers.slice(start, start + CHUNK), another);
  }
  const worded = samples.filter(({ words }) => words.length > 0);
  for (let start = 0; start < fuzzed && worded.length > 0; start += CHUNK) {
    const indices = Array.from({ length: Math.min(CHUNK, fuzzed - start) }, (_, at) => start + at);
    await scoreTwice(
      inspection,
      indices.map((index) => fuzzedCase(keyedRandom(inspection.seed, "conformance/fuzz", index), worded)),
      another
    );
  }
  return clock === void 0 ? null : await timeCalls(inspection, [...hostile, ...answers.slice(0, 20)], clock);
}
async function scoreTwice(inspection, cases, another) {
  const { subject, findings } = inspection;
  const verdicts = await subject.score(cases.map(submissionOf));
  for (const [at, verdict] of verdicts.entries()) reportFault(inspection, cases[at], verdict);
  const compare = (again, order, how) => {
    for (const [place, at] of order.entries()) {
      const [one, other] = [verdicts[at], again[place]];
      if (one.kind === "failed" && one.error.code !== "ground-truth") continue;
      if (textOf(one) === textOf(other)) continue;
      const { sample, completion } = cases[at];
      const seen = `scored again ${how}, the verdict was ${excerptOf(other)} instead of ${excerptOf(one)}`;
      findings.add("same-verdict", seen, "the same verdict", { query: sample.query, completion });
    }
  };
  const backwards = cases.map((_, at) => cases.length - 1 - at);
  compare(await subject.score(backwards.map((at) => submissionOf(cases[at]))), backwards, "in another order");
  if (another === void 0) return;
  compare(await another.score(backwards.map((at) => submissionOf(cases[at]))), backwards, "in another process");
}
function submissionOf({ sample, completion }) {
  return { groundTruth: sample.puzzle.groundTruth, completion };
}
function textOf(verdict) {
  try {
    return canonicalJson(verdict);
  } catch {
    return JSON.stringify(verdict);
  }
}
function excerptOf(verdict) {
  return textOf(verdict).slice(0, 120);
}
function reportFault({ subject, findings }, { sample, completion }, verdict) {
  const fault = faultOf(verdict, subject.manifest);
  if (fault !== null) findings.add(...fault, { query: sample.query, completion });
}
function faultOf(verdict, manifest) {
  const broken = (fault2) => [
    checkOfFault(fault2),
    `score() gave a verdict whose ${fault2}`,
    "a verdict of the contract"
  ];
  const fault = verdictFault(verdict, manifest);
  if (fault !== null) return broken(fault);
  if (verdict.kind !== "failed") return null;
  const { code, message } = verdict.error;
  const { timeMs, memoryMb } = manifest.limits;
  switch (code) {
    case "contract":
      return broken(message);
    case "timeout":
    case "memory":
      return ["within-limits", `score() was stopped (${code}: ${message})`, `at most ${timeMs} ms and ${memoryMb} MB`];
    case "nondeterministic":
      return ["same-verdict", `score() changed its verdict (${message})`, "the same verdict"];
    case "ground-truth":
      return ["ground-truth", `score() refused a ground truth that generate() made (${message})`, "a verdict"];
    default:
      return ["never-throws", `score() gave no verdict (${code}: ${message})`, "a verdict"];
  }
}
function fuzzedCase(random, samples) {
  const sample = random.pick(samples);
  const { golds, decoys, prompt } = random.pick(sample.words);
  const sources = [golds[0], decoys[0], prompt];
  const pieces = Array.from({ length: 1 + random.integer(12) }, () => {
    if (random.integer(2) === 0) return random.pick(hostilePieces);
    const source = random.pick(sources);
    const start = random.integer(source.length + 1);
    return source.slice(start, start + random.integer(24));
  });
  return { sample, completion: random.integer(2) === 0 ? pieces.join("") : `\\boxed{${pieces.join("")}}` };
}
async function timeCalls({ subject, findings }, cases, clock) {
  const { timeMs } = subject.manifest.limits;
  let slowest = null;
  for (const each of cases) {
    let ms = Number.POSITIVE_INFINITY;
    let verdict;
    for (let repeat = 0; repeat < TIMED_REPEATS; repeat++) {
      const before = clock();
      [verdict] = await subject.score([submissionOf(each)]);
      ms = Math.min(ms, clock() - before);
      if (ms <= timeMs / 2 || verdict?.kind === "failed") break;
    }
    if (verdict?.kind === "failed") continue;
    if (slowest === null || ms > slowest.ms) slowest = { ms, completion: each.completion };
    if (ms <= timeMs / 2) continue;
    findings.add("slow", `score() took ${Math.round(ms)} ms`, `at most half of ${timeMs} ms`, {
      query: each.sample.query,
      completion: each.completion
    });
  }
  return slowest;
}

// packages/verifier/src/conformance/check-generation.ts
var LONGEST_ID = 64;
var LEAST_SHARE_OF_DIFFERENT = 0.5;
async function checkGeneration(inspection, samples, another) {
  const { subject, findings, seed } = inspection;
  for (const { puzzle, query } of samples) {
    const fault = puzzleFault(puzzle, query);
    if (fault !== null) findings.add("puzzle-shape", fault[0], fault[1], { query });
  }
  checkSplits(samples, findings);
  await checkAgain(subject, samples.toReversed(), findings, "in another order");
  if (another !== void 0) {
    const order = keyedRandom(seed, "conformance/order", 0).shuffle(samples);
    await checkAgain(another, order, findings, "in another process");
  }
  await checkUnknownLevel(inspection);
  await checkVariety(inspection, samples);
}
function puzzleFault(puzzle, query) {
  const { id, level, data, groundTruth } = puzzle ?? {};
  if (typeof id !== "string" || id.length === 0 || id.length > LONGEST_ID) {
    return [`the id is ${JSON.stringify(id)}`, `1 to ${LONGEST_ID} characters`];
  }
  if (level !== query.level) return [`the level is ${JSON.stringify(level)}`, `"${query.level}", as asked`];
  if (data === void 0 || groundTruth === void 0) return ["data or groundTruth is missing", "both, as plain JSON"];
  try {
    canonicalJson(puzzle);
    return null;
  } catch (error) {
    return [
      `the puzzle is not plain JSON (${error.message})`,
      "null, booleans, finite numbers, texts, lists, objects"
    ];
  }
}
function checkSplits(samples, findings) {
  const firstSeen = /* @__PURE__ */ new Map();
  for (const { puzzle, query } of samples) {
    const earlier = firstSeen.get(puzzle.id);
    if (earlier === void 0) firstSeen.set(puzzle.id, query);
    else if (earlier.split !== query.split) {
      const seen = `puzzle "${puzzle.id}" is in split "${earlier.split}" (level "${earlier.level}") and in "${query.split}"`;
      findings.add("splits-apart", seen, "one split for a puzzle, whatever the level", { query });
    }
  }
}
async function checkAgain(subject, samples, findings, how) {
  const wanted = samples.flatMap(
    ({ query, puzzle, words }) => words.map(({ style, prompt, golds, decoys }) => ({
      request: { query, style, gold: 0, decoy: 0 },
      parts: { puzzle, prompt, gold: golds[0], decoy: decoys[0] }
    }))
  );
  const answers = await subject.draw(wanted.map(({ request }) => request));
  for (const [at, { request, parts }] of wanted.entries()) {
    const { query, style } = request;
    const answer = answers[at];
    const again = answer.kind === "drawn" ? answer.drawn : {};
    for (const part of ["puzzle", "prompt", "gold", "decoy"]) {
      if (textOf2(again[part]) === textOf2(parts[part])) continue;
      const seen = answer.kind === "failed" ? `it failed (${answer.error.message})` : `another ${part} was given`;
      findings.add("generate-repeatable", `asked again ${how}, ${seen}`, `the same ${part} for the same query`, {
        query,
        style
      });
      break;
    }
  }
}
function textOf2(value) {
  try {
    return canonicalJson(value);
  } catch {
    return JSON.stringify(value) ?? "";
  }
}
async function checkUnknownLevel({ subject, findings, seed }) {
  for (const level of ["no such level", "constructor"]) {
    const [answer] = await subject.draw([{ query: { seed, index: 0, level, split: "train" }, style: "chat" }]);
    if (answer?.kind === "drawn") {
      findings.add("unknown-level", `generate() gave a puzzle for the level "${level}"`, "a RangeError");
    } else if (answer?.isRangeError === false) {
      findings.add(
        "unknown-level",
        `generate() threw ${answer.error.message} for the level "${level}"`,
        "a RangeError"
      );
    }
  }
}
async function checkVariety({ subject, findings, seed }, samples) {
  for (const level of subject.manifest.levels) {
    const drawn = samples.filter(({ query }) => query.level === level && query.split === "train");
    if (drawn.length < 4) continue;
    const different = new Set(drawn.map(({ puzzle }) => puzzle.id)).size;
    if (different < drawn.length * LEAST_SHARE_OF_DIFFERENT) {
      const seen = `${drawn.length} draws of level "${level}" gave ${different} different puzzle${different === 1 ? "" : "s"}`;
      findings.add("puzzles-vary", seen, "mostly different ones");
      continue;
    }
    const others = await subject.draw(
      drawn.map(({ query }) => ({ query: { ...query, seed: seed + 1 }, style: "chat" }))
    );
    const same = others.filter(
      (answer, at) => answer.kind === "drawn" && answer.drawn.puzzle.id === drawn[at].puzzle.id
    );
    if (same.length > drawn.length * LEAST_SHARE_OF_DIFFERENT) {
      const seen = `seeds ${seed} and ${seed + 1} give the same puzzles at level "${level}"`;
      findings.add("puzzles-vary", seen, "another sequence for another seed");
    }
  }
}

// packages/verifier/src/conformance/check-ground-truth.ts
var ofEachType = [null, true, 3, -0.5, "", "x", [], [1], {}, { x: 1 }];
function typeOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  return typeof value === "string" ? "text" : typeof value;
}
async function checkGroundTruths({ subject, findings }, samples) {
  const truths = samples.map(({ puzzle }) => puzzle.groundTruth).filter((truth) => truth !== void 0);
  const [first] = truths;
  if (first === void 0) return;
  const malformed = malformedOf(truths);
  const completion = samples[0]?.words[0]?.golds[0] ?? "\\boxed{1}";
  const verdicts = await subject.score(malformed.map(({ groundTruth }) => ({ groundTruth, completion })));
  for (const [at, { check, groundTruth, what }] of malformed.entries()) {
    const verdict = verdicts[at];
    if (verdict.kind === "failed" && verdict.error.code === "ground-truth") continue;
    const threw = verdict.kind === "failed";
    findings.add(
      threw ? "ground-truth" : check,
      `score() gave ${describe(verdict)} for ${what}: ${excerpt(JSON.stringify(groundTruth))}`,
      '"failed" with the code "ground-truth"'
    );
  }
}
function malformedOf(truths) {
  const types = new Set(truths.map(typeOf));
  const [first] = truths;
  const others = ofEachType.filter((value) => !types.has(typeOf(value)));
  const malformed = others.map(
    (groundTruth) => ({
      check: "ground-truth",
      groundTruth,
      what: `a ground truth of the type ${typeOf(groundTruth)}`
    })
  );
  if (types.size !== 1 || typeOf(first) !== "object") return malformed;
  const objects = truths;
  const common = Object.keys(objects[0]).filter((key) => objects.every((truth) => key in truth));
  const nulls = Object.fromEntries(common.map((key) => [key, null]));
  malformed.push({ check: "ground-truth", groundTruth: {}, what: "an empty ground truth" });
  if (objects.every((truth) => common.every((key) => truth[key] !== null))) {
    malformed.push({ check: "ground-truth", groundTruth: nulls, what: "a ground truth of nulls" });
  }
  for (const key of common) {
    const { [key]: _, ...without } = objects[0];
    malformed.push({ check: "ground-truth-lax", groundTruth: without, what: `a ground truth without "${key}"` });
    const typesOfField = new Set(objects.map((truth) => typeOf(truth[key])));
    for (const value of ofEachType.filter((each) => !typesOfField.has(typeOf(each)))) {
      malformed.push({
        check: "ground-truth-lax",
        groundTruth: { ...objects[0], [key]: value },
        what: `a ground truth whose "${key}" is of the type ${typeOf(value)}`
      });
    }
  }
  return malformed;
}

// packages/verifier/src/conformance/check-levels.ts
var MOST_SHARED = 0.5;
var MANY = 120;
var CRITICAL = 1.628;
async function checkLevels(inspection, samples) {
  const { subject, findings } = inspection;
  const levels = subject.manifest.levels.map((level) => ({
    level,
    samples: samples.filter(({ query }) => query.level === level)
  }));
  for (const [at, harder] of levels.entries()) {
    for (const easier of levels.slice(0, at)) {
      const n = Math.min(easier.samples.length, harder.samples.length);
      if (n === 0) continue;
      const shared = sharedPuzzles(easier.samples, harder.samples);
      const pair = `levels "${easier.level}" and "${harder.level}"`;
      if (shared > n * MOST_SHARED) {
        findings.add("levels-differ", `${pair} share ${shared} of ${n} puzzles`, "puzzles of their own");
      } else if (!canBeToldApart(easier.samples, harder.samples)) {
        const [one, other] = [await manyOf(inspection, easier.level), await manyOf(inspection, harder.level)];
        if (one.length < MANY || other.length < MANY || canBeToldApart(one, other)) continue;
        const seen = `over ${MANY} puzzles each, ${pair} have prompts, answers and data of the same lengths, with the same numbers and words`;
        findings.add("levels-alike", seen, "a difference that can be measured");
      }
    }
  }
}
async function manyOf(inspection, level) {
  const { seed } = inspection;
  const queries = Array.from({ length: MANY }, (_, index) => ({ seed, index, level, split: "train" }));
  return await drawQueries(inspection, queries);
}
function sharedPuzzles(one, other) {
  const contents = new Set(one.map(contentOf));
  return other.filter((sample) => contents.has(contentOf(sample))).length;
}
function contentOf({ puzzle, words }) {
  return words[0] === void 0 ? JSON.stringify(puzzle.data) : words[0].prompt + JSON.stringify(puzzle.groundTruth);
}
var measures = [
  ({ words }) => words[0]?.prompt.length ?? 0,
  ({ words }) => words.at(-1)?.prompt.length ?? 0,
  ({ words }) => words.at(-1)?.golds[0]?.length ?? 0,
  ({ puzzle }) => safeLength(puzzle.data),
  ({ words }) => Math.max(0, ...numbersIn(words[0]?.prompt ?? "")),
  ({ words }) => mean(numbersIn(words[0]?.prompt ?? "")),
  ({ words }) => new Set((words[0]?.prompt ?? "").split(/\s+/)).size
];
function safeLength(value) {
  try {
    return canonicalJson(value).length;
  } catch {
    return 0;
  }
}
function numbersIn(text2) {
  return (text2.match(/\d+/g) ?? []).map(Number);
}
function mean(values) {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
function canBeToldApart(one, other) {
  const critical = CRITICAL * Math.sqrt(1 / one.length + 1 / other.length);
  if (measures.some((measure) => largestGap(one.map(measure), other.map(measure)) > critical)) return true;
  return [
    [one, other],
    [other, one]
  ].some(([home, guests]) => Math.abs(shareOfNew(home, guests) - shareOfRare(home)) > critical);
}
function wordsOf({ puzzle }) {
  const found = /* @__PURE__ */ new Set();
  const walk = (value) => {
    if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) walk(inner);
    else found.add(String(value));
  };
  walk(puzzle.data);
  return found;
}
function shareOfNew(home, guests) {
  const known2 = new Set(home.flatMap((sample) => [...wordsOf(sample)]));
  return guests.filter((guest) => [...wordsOf(guest)].some((word) => !known2.has(word))).length / guests.length;
}
function shareOfRare(home) {
  const counts = /* @__PURE__ */ new Map();
  for (const sample of home) for (const word of wordsOf(sample)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return home.filter((sample) => [...wordsOf(sample)].some((word) => counts.get(word) === 1)).length / home.length;
}
function largestGap(one, other) {
  const shareBelow = (values, bound) => values.filter((value) => value <= bound).length / values.length;
  return Math.max(...[...one, ...other].map((bound) => Math.abs(shareBelow(one, bound) - shareBelow(other, bound))));
}

// packages/verifier/src/conformance/check-manifest.ts
var kebabCase = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
var known = /* @__PURE__ */ new Set([
  "id",
  "version",
  "sdk",
  "title",
  "levels",
  "limits",
  "permissions",
  "rewards",
  "components"
]);
function checkManifest(manifest, findings) {
  try {
    canonicalJson(manifest);
  } catch (error) {
    findings.add("manifest", `the manifest is not plain JSON: ${error}`, "an object of plain JSON");
    return false;
  }
  if (typeof manifest !== "object" || manifest === null) {
    findings.add("manifest", `the manifest is ${manifest}`, "an object");
    return false;
  }
  for (const [met, seen, expected] of expectations(manifest)) if (!met) findings.add("manifest", seen, expected);
  for (const field of Object.keys(manifest)) {
    if (!known.has(field)) findings.add("manifest", `it has the field "${field}"`, `one of ${[...known].join(", ")}`);
  }
  return isTexts(manifest.levels) && manifest.levels.length > 0;
}
function expectations(manifest) {
  const { id, version, sdk, title, levels, limits, permissions } = manifest;
  return [
    [kebabCase.test(String(id)), `id is ${show(id)}`, "kebab-case: lower-case letters, digits and single dashes"],
    [/^\d+\.\d+\.\d+/.test(String(version)), `version is ${show(version)}`, "a semantic version such as 1.0.0"],
    [sdk === "^1", `sdk is ${show(sdk)}`, '"^1"'],
    [
      typeof title === "string" && title.length > 0 && title.length <= 200,
      `title is ${show(title)}`,
      "1 to 200 characters"
    ],
    [
      isTexts(levels) && levels.length > 0,
      `levels is ${show(levels)}`,
      "names of levels, at least one, in order of difficulty"
    ],
    [new Set(levels).size === (levels ?? []).length, `levels is ${show(levels)}`, "each level once"],
    [isWithin(limits?.timeMs, 1, 6e4), `limits.timeMs is ${show(limits?.timeMs)}`, "a whole number, 1 to 60000"],
    [isWithin(limits?.memoryMb, 1, 2048), `limits.memoryMb is ${show(limits?.memoryMb)}`, "a whole number, 1 to 2048"],
    [
      [permissions?.net, permissions?.read, permissions?.env].every(isTexts),
      `permissions is ${show(permissions)}`,
      "{ net: [], read: [], env: [] } with what is needed in them"
    ],
    ...scaleExpectations(manifest)
  ];
}
function scaleExpectations({ rewards, components }) {
  const scale = [];
  if (rewards !== void 0 && "min" in rewards) {
    scale.push([rewards.min < rewards.max, `rewards is ${show(rewards)}`, "min below max"]);
  } else if (rewards !== void 0) {
    const values = new Set(rewards);
    const fits2 = values.size >= 2 && values.size === rewards.length && [...values].every(Number.isFinite);
    scale.push([fits2, `rewards is ${show(rewards)}`, "at least two different numbers"]);
  }
  if (components === void 0) return scale;
  const fits = isTexts(components) && new Set(components).size === components.length && components.every((name) => kebabCase.test(name) && name !== "verdict");
  return [
    ...scale,
    [fits, `components is ${show(components)}`, 'different names in kebab-case, none of them "verdict"']
  ];
}
function isTexts(value) {
  return Array.isArray(value) && value.every((each) => typeof each === "string" && each !== "");
}
function isWithin(value, least, most) {
  return Number.isInteger(value) && value >= least && value <= most;
}
function show(value) {
  return JSON.stringify(value) ?? "missing";
}

// packages/verifier/src/conformance/mutations.ts
var digits2 = "0123456789";
var letters = "abcdefghijklmnopqrstuvwxyz";
var TOKEN = /[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu;
function tokensOf(answer) {
  return [...answer.matchAll(TOKEN)].map((match) => ({ text: match[0], at: match.index }));
}
function replace(answer, { at, text: text2 }, by) {
  return answer.slice(0, at) + by + answer.slice(at + text2.length);
}
function placeIn(random, answer) {
  const places = [...answer].flatMap((text2, index) => text2.trim() === "" ? [] : [index]);
  if (places.length === 0 || /[\ud800-\udfff]/.test(answer)) return null;
  const at = random.pick(places);
  return { text: answer[at], at };
}
var onCharacter = (by) => (random, answer) => {
  const place = placeIn(random, answer);
  return place === null ? answer : replace(answer, place, by(random, place.text));
};
var onToken = (by) => (random, answer, source) => {
  const tokens = tokensOf(answer);
  if (tokens.length === 0) return answer;
  const token = random.pick(tokens);
  return replace(answer, token, by(random, token.text, source));
};
function otherOfItsKind(random, character) {
  const lower = character.toLowerCase();
  if (digits2.includes(character)) return random.pick([...digits2]);
  return letters.includes(lower) ? random.pick([...letters]) : random.pick([..."+-*/=?#"]);
}
var mutations = {
  "a character dropped": onCharacter(() => ""),
  "a character doubled": onCharacter((_, character) => character + character),
  "a character altered": onCharacter(otherOfItsKind),
  "two characters swapped": (random, answer) => {
    const place = placeIn(random, answer.slice(0, -1));
    if (place === null) return answer;
    return answer.slice(0, place.at) + answer[place.at + 1] + answer[place.at] + answer.slice(place.at + 2);
  },
  "a token dropped": onToken(() => ""),
  "a token doubled": onToken((_, token) => `${token} ${token}`),
  "a token altered": onToken((random, token, { others }) => {
    const candidates = tokensOf(others.length === 0 ? "" : random.pick(others)).filter(({ text: text2 }) => text2 !== token);
    return candidates.length === 0 ? token : random.pick(candidates).text;
  }),
  "two tokens swapped": (random, answer) => {
    const tokens = tokensOf(answer);
    if (tokens.length < 2) return answer;
    const [one, other] = random.shuffle(tokens).slice(0, 2).sort((a, b) => a.at - b.at);
    return replace(replace(answer, other, one.text), one, other.text);
  },
  "a token put behind": (random, answer, { others }) => {
    const token = others.length === 0 ? void 0 : tokensOf(random.pick(others)).at(0);
    return token === void 0 ? answer : `${answer.trimEnd()} ${token.text}`;
  },
  "another puzzle's answer": (random, answer, { others }) => others.length === 0 ? answer : random.pick(others)
};
function readAlike(one, other) {
  const squeezed = (text2) => text2.replaceAll(/\s+/g, "").toLowerCase();
  return squeezed(one) === squeezed(other);
}

// packages/verifier/src/conformance/check-mutations.ts
var mostRight = {
  "a character dropped": 0.25,
  "a character doubled": 0.5,
  "a character altered": 0.25,
  "two characters swapped": 0.5,
  "a token dropped": 0.25,
  "a token doubled": 0.5,
  "a token altered": 0.25,
  "two tokens swapped": 0.6,
  "a token put behind": 0.25,
  "another puzzle's answer": 0.5
};
var LEAST_MUTANTS = 10;
async function checkMutations({ subject, findings, seed }, samples) {
  for (const level of subject.manifest.levels) {
    const ofLevel = samples.filter(({ query }) => query.level === level);
    for (const kind of Object.keys(mutations)) {
      const mutants = mutantsOf(ofLevel, kind, seed);
      if (mutants.length < LEAST_MUTANTS) continue;
      const verdicts = await subject.score(
        mutants.map(({ sample: sample2, completion: completion2 }) => ({ groundTruth: sample2.puzzle.groundTruth, completion: completion2 }))
      );
      const right = mutants.filter((_, at) => {
        const verdict = verdicts[at];
        return verdict.kind === "scored" && verdict.correct;
      });
      if (right.length <= mutants.length * mostRight[kind]) continue;
      const { sample, style, gold, completion } = right[0];
      findings.add(
        "mutations-are-wrong",
        `${kind}: ${right.length} of ${mutants.length} gold answers of level "${level}" stay right, such as this one, made of ${JSON.stringify(gold.slice(0, 80))}`,
        `at most ${Math.round(100 * mostRight[kind])} %`,
        { query: sample.query, style, completion }
      );
    }
  }
}
function mutantsOf(samples, kind, seed) {
  const answers = samples.map(({ words }) => words.map(({ golds }) => boxOf(golds[0]).content));
  return samples.flatMap(
    (sample, place) => sample.words.flatMap(({ style, golds }, at) => {
      const gold = golds[0];
      const { content, start } = boxOf(gold);
      const random = keyedRandom(seed, `conformance/mutation/${kind}`, place, at);
      const others = answers.flatMap((texts, other) => other === place ? [] : texts[at] ?? []);
      const mutated = mutations[kind](random, content, { others });
      if (readAlike(mutated, content)) return [];
      const completion = gold.slice(0, start) + mutated + gold.slice(start + content.length);
      return [{ sample, style, gold, completion }];
    })
  );
}
function boxOf(gold) {
  const content = lastBoxed(gold);
  return content === null ? { content: gold, start: 0 } : { content, start: gold.lastIndexOf(`{${content}}`) + 1 };
}

// packages/verifier/src/conformance/subject.ts
function subjectOf(verifier, context) {
  const { manifest } = verifier;
  return {
    manifest,
    async draw(requests) {
      let last = null;
      return requests.map((request) => {
        const { query, style, gold, decoy } = request;
        try {
          const puzzle = last?.query === query ? last.puzzle : verifier.generate(query, context);
          last = { query, puzzle };
          const drawn = {
            puzzle,
            prompt: verifier.prompt(puzzle, style),
            ...gold === void 0 ? {} : { gold: verifier.gold(puzzle, style, gold) },
            ...decoy === void 0 ? {} : { decoy: verifier.decoy(puzzle, style, decoy) }
          };
          return { kind: "drawn", drawn };
        } catch (thrown) {
          return { kind: "failed", error: crash(thrown), isRangeError: thrown instanceof RangeError };
        }
      });
    },
    async score(submissions) {
      return submissions.map((submission) => {
        try {
          const verdict = verifier.score(submission, context);
          const fault = verdictFault(verdict, manifest);
          return fault === null ? verdict : { kind: "failed", error: { code: "contract", message: fault } };
        } catch (thrown) {
          return { kind: "failed", error: crash(thrown) };
        }
      });
    }
  };
}
function crash(thrown) {
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return { code: "crash", message: message.slice(0, 300) };
}

// packages/verifier/src/conformance/inspect.ts
async function inspectConformance(subject, options = {}) {
  const { puzzles = 20, fuzzed = 2e3, seed = 0, mostPerCheck = 5, another, golden, clock } = options;
  const { longestText = Number.POSITIVE_INFINITY } = options;
  const findings = new Findings(mostPerCheck);
  const report = (count, slowest) => ({
    findings: findings.list,
    omitted: findings.omitted,
    puzzles: count,
    slowest
  });
  if (!checkManifest(subject.manifest, findings)) return report(0, null);
  const inspection = { subject, findings, seed };
  const samples = await drawSamples(inspection, puzzles);
  await checkGeneration(inspection, samples, another);
  await checkLevels(inspection, samples);
  if (golden !== void 0) await checkGolden(subject, findings, golden);
  await checkAnswers(inspection, samples);
  await checkMutations(inspection, samples);
  await checkGroundTruths(inspection, samples);
  return report(samples.length, await checkCompletions(inspection, samples, { fuzzed, longestText, another, clock }));
}
async function conformanceFindings(verifier, options = {}) {
  return (await inspectConformance(subjectOf(verifier), options)).findings;
}

// packages/verifier/src/generation-digest.ts
var splits2 = ["train", "tune", "heldout"];
function generationDigest(verifier, puzzlesPerDraw, levels = verifier.manifest.levels) {
  let digest2 = "";
  for (const level of levels) {
    for (const split of splits2) {
      for (let index = 0; index < puzzlesPerDraw; index++) {
        const puzzle = verifier.generate({ seed: 7, index, level, split });
        const texts = ["chat", "compact"].map((style) => [
          verifier.prompt(puzzle, style),
          verifier.gold(puzzle, style, index),
          verifier.decoy(puzzle, style, index)
        ]);
        digest2 = sha256Hex(`${digest2}${canonicalJson({ puzzle, texts })}`);
      }
    }
  }
  return digest2;
}

// packages/verifier/src/split.ts
var MAX_DRAWS = 1e4;
function splitOf(key) {
  const bucket = sha256Uint32(`evenkeel-split-1/${key}`) % 10;
  return bucket === 0 ? "heldout" : bucket === 1 ? "tune" : "train";
}
function drawInSplit(query, stream, draw, keyOf2) {
  const streamOfLevel = `${stream}/${query.level}`;
  for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
    const candidate = draw(keyedRandom(query.seed, streamOfLevel, query.index, attempt));
    if (candidate !== null && splitOf(keyOf2(candidate)) === query.split) return candidate;
  }
  throw new RangeError(
    `Cannot generate a puzzle: ${MAX_DRAWS} draws at level "${query.level}" gave none in split "${query.split}", expected at least one`
  );
}
export {
  canonicalJson,
  conformanceChecks,
  conformanceFindings,
  drawInSplit,
  excerpt,
  generationDigest,
  goldenOf,
  inspectConformance,
  isGoldenRecord,
  keyedRandom,
  lastBoxed,
  rewardBounds,
  sha256Hex,
  splitOf,
  standardLevels,
  standardRewards,
  subjectOf,
  verdictFault
};
