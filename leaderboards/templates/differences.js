"use strict";
// harness/statistics/{estimates,differences}.py and harness/reports/differences.py, step by step, for rows that a reader
// picks: tests hold the two to the same words.
const differences = (() => {
  const ALPHA = 0.05, POWER = 0.8416212335729143, FEWEST = 6, ROUNDING = 1e-12, LEAST = 1e-60, FIRST = 35, FAILED = "3";
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const mean = (values) => sum(values) / values.length;

  // Student's distribution: its tail is half the incomplete beta function at freedom / (freedom + t²).
  const LANCZOS = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];
  function logGamma(x) {
    const base = x + 6.5;
    const series = LANCZOS.reduce((total, term, place) => total + (place ? term / (x - 1 + place) : term), 0);
    return 0.9189385332046727 + (x - 0.5) * Math.log(base) - base + Math.log(series);
  }
  function fraction(a, b, x) {
    let d = 1 / (1 - ((a + b) * x) / (a + 1)), c = 1, found = d;
    for (let m = 1; m < 100000; m++) {
      const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
      const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
      let step = 1;
      for (const term of [even, odd]) { d = 1 / (1 + term * d); c = 1 + term / c; step = c * d; found *= step; }
      if (Math.abs(step - 1) < 1e-16) break;
    }
    return found;
  }
  function tail(freedom, t) {
    const a = freedom / 2, b = 0.5, y = (t * t) / (freedom + t * t), x = freedom / (freedom + t * t);
    if (!y) return 0.5;
    const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log1p(-y) + b * Math.log(y));
    return (x < (a + 1) / (a + b + 2) ? (front * fraction(a, b, x)) / a : 1 - (front * fraction(b, a, y)) / b) / 2;
  }
  const quantiles = new Map();
  function quantile(freedom, p) {  // The tail is convex, so that Newton's steps from 0 never go beyond.
    const key = `${freedom} ${p}`;
    if (!quantiles.has(key)) {
      const scale = Math.exp(logGamma((freedom + 1) / 2) - logGamma(freedom / 2)) / Math.sqrt(freedom * Math.PI);
      let t = 0;
      for (let step = 1, turn = 0; turn < 500 && Math.abs(step) > 1e-15 * t; turn++) {
        step = (tail(freedom, t) - p) / (scale * Math.exp((-(freedom + 1) / 2) * Math.log1p((t * t) / freedom)));
        t += step;
      }
      quantiles.set(key, t);
    }
    return quantiles.get(key);
  }
  // Of the normal distribution, for p up to 0.025 (Wichura's AS 241, as Python has it).
  const TOP = [7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
    3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734];
  const BOTTOM = [1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
    0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1];
  function normalQuantile(p) {
    const r = Math.sqrt(-Math.log(p)) - 1.6;
    return TOP.reduce((total, term) => total * r + term) / BOTTOM.reduce((total, term) => total * r + term);
  }

  // Of one run: the value of the headline, and the influence of each cluster of questions on it.
  function combined(combine, values) {
    const known = values.filter((value) => value !== null), n = known.length;
    if (!n || (combine !== "spread" && n < values.length)) return [null, null];
    if (combine === "mean") return [mean(known), values.map(() => 1 / n)];
    if (combine === "harmonic") {
      const zeros = known.filter((value) => value === 0).length;
      if (zeros) return [0, zeros === 1 ? known.map((value) => n * (value === 0 ? 1 : 0)) : null];
      const value = n / sum(known.map((of) => 1 / of));
      return [value, known.map((of) => value ** 2 / (n * of ** 2))];
    }
    const middle = mean(known), spread = Math.sqrt(mean(known.map((value) => (value - middle) ** 2)));
    if (spread <= ROUNDING * Math.max(...known.map(Math.abs))) return [0, null];
    return [spread, values.map((value) => (value === null ? 0 : (value - middle) / (n * spread)))];
  }
  function totals(task, codes, kept, supposed) {
    const size = task.weights[0][1].length, sums = Array.from({ length: size }, () => [0, 0]);
    for (const unit of kept) {
      const weights = task.weights[codes.charCodeAt(unit) - FIRST];
      (weights[supposed] || weights[1]).forEach(([top, bottom], place) => { sums[place][0] += top; sums[place][1] += bottom; });
    }
    return sums;
  }
  const ratio = ([top, bottom]) => (bottom ? top / bottom : null);
  function estimate(task, codes, kept) {
    const sums = totals(task, codes, kept, 1), weighted = (unit) => task.weights[codes.charCodeAt(unit) - FIRST];
    const [value, slopes] = combined(task.combine, sums.map(ratio));
    const count = Math.max(...task.clusters) + 1, shares = new Float64Array(count);
    let influence = slopes ? new Float64Array(count) : null, n = 0;
    sums.forEach(([top, bottom], place) => {
      if (!bottom) return;
      const tops = new Float64Array(count), leverage = new Float64Array(count);
      for (const unit of kept) {
        const [t, b] = weighted(unit)[1][place];
        tops[task.clusters[unit]] += t;
        leverage[task.clusters[unit]] += b;
      }
      for (let c = 0; c < count; c++) {
        leverage[c] /= bottom;
        shares[c] += leverage[c];
        if (leverage[c] >= 1) influence = null;
      }
      for (let c = 0; influence && c < count; c++) {
        const moved = tops[c] / bottom - (top / bottom) * leverage[c];
        if (Math.abs(moved) > ROUNDING * Math.max(Math.abs(top / bottom), 1) * leverage[c]) influence[c] += (slopes[place] * moved) / Math.sqrt(1 - leverage[c]);
      }
    });
    for (const unit of kept) n += weighted(unit)[1].some(([, bottom]) => bottom);
    const squares = sum(shares.map((share) => share ** 2));
    const known = kept.some((unit) => weighted(unit)[2]) ? [2, 3].map((way) => combined(task.combine, totals(task, codes, kept, way).map(ratio))[0]) : [null, null];
    return {
      value, influence, n, clusters: squares ? sum(shares) ** 2 / squares : 0, held: shares.filter((share) => share).length,
      supposed: known[0] === known[1] ? [null, null] : known,
    };
  }

  // Samples without a response in some run, and those whose pair or rotations would be torn by leaving them out.
  function leftOut(task, runs) {
    const failed = new Set(), torn = new Set();
    for (const [, states] of runs) {
      for (let at = states.indexOf(FAILED); at >= 0; at = states.indexOf(FAILED, at + 1)) failed.add(at);
    }
    for (const at of failed) if (task.groups[at] >= 0) torn.add(task.groups[at]);
    if (torn.size) task.groups.forEach((group, at) => { if (torn.has(group)) failed.add(at); });
    return { samples: failed, groups: torn };
  }
  function keptUnits(task, runs, out) {
    if (!out.samples.size) return (task.all ??= task.clusters.map((_, unit) => unit));
    const failed = (unit) => runs.some(([, , codes]) => task.weights[codes.charCodeAt(unit) - FIRST][0]);
    return task.clusters.map((_, unit) => unit)
      .filter((unit) => !out.samples.has(task.unitSamples[unit]) && !out.groups.has(task.unitGroups[unit]) && !failed(unit));
  }
  function measure(task, row, out, kept) {
    const cached = ((task.measured ??= {})[row] ??= {});
    return task.runs[row].map(([seed, , codes]) => [seed, out.samples.size ? estimate(task, codes, kept) : (cached[seed] ??= estimate(task, codes, kept))]);
  }

  // The difference of one headline between two rows, for itself.
  function compare(task, a, b) {
    const runs = [...task.runs[a], ...task.runs[b]], out = leftOut(task, runs), kept = keptUnits(task, runs, out);
    const sides = [measure(task, a, out, kept), measure(task, b, out, kept)], all = [...sides[0], ...sides[1]].map(([, of]) => of);
    const means = sides.map((side) => (side.some(([, of]) => of.value === null) ? null : mean(side.map(([, of]) => of.value))));
    const found = {
      a: means[0], b: means[1], value: null, low: null, high: null, p: null, family: 0, stderr: null, freedom: null, ofSeeds: 0,
      reach: task.reach, n: Math.max(...all.map((of) => of.n)), better: task.better, least: null, greatest: null,
      note: out.samples.size ? `${out.samples.size} sample${out.samples.size === 1 ? "" : "s"} without a response left out` : null,
    };
    const without = (reason) => ({ ...found, note: [reason, found.note].filter(Boolean).join("; ") });
    if (means[0] === null || means[1] === null) return without("the figure is not defined");
    found.value = means[1] - means[0];
    Object.assign(found, suppose(sides));
    const held = Math.min(...all.map((of) => of.held));
    if (held < FEWEST) return without(`${held} cluster${held === 1 ? "" : "s"} of questions, fewer than ${FEWEST}: too few for an interval`);
    if (all.some((of) => of.influence === null)) return without("one cluster of questions carries a whole part of the figure: no interval");
    const moved = movement(sides), ofQuestions = sum(moved.map((of) => of ** 2)), ofSeeds = varianceOverSeeds(sides);
    const variance = ofQuestions + ofSeeds, clusters = Math.min(...all.map((of) => of.clusters));
    if (!variance && found.reach === null) return without("all clusters moved alike on a scale without ends: no interval");
    const fewer = ofQuestions ? sum(moved.map((of) => of ** 4)) / ofQuestions ** 2 - 1 / held : 0;
    const freedom = Math.max(1, Math.min(clusters - 1, fewer > 0 ? 2 / fewer : Infinity));
    const freedomOfSeeds = Math.min(...sides.map((side) => side.length - 1).filter((freedom) => freedom > 0));
    Object.assign(found, { stderr: Math.sqrt(variance), freedom, freedomOfSeeds, ofSeeds: variance ? ofSeeds / variance : 0 });
    return withInterval(found, 0);
  }
  function movement(sides) {
    const size = sides[0][0][1].influence.length, moved = new Float64Array(size), parts = new Float64Array(size);
    sides.forEach((side, place) => {
      const weight = (place ? 1 : -1) / side.length;
      for (const [, of] of side) of.influence.forEach((z, c) => { moved[c] += weight * z; parts[c] += Math.abs(weight * z); });
    });
    return moved.map((of, c) => (Math.abs(of) <= ROUNDING * parts[c] ? 0 : of));
  }
  function varianceOverSeeds(sides) {
    const moved = new Map(), parts = new Map();
    sides.forEach((side, place) => {
      if (side.length < 2) return;
      const middle = mean(side.map(([, of]) => of.value)), scale = Math.sqrt(side.length * (side.length - 1));
      for (const [seed, { value }] of side) {
        moved.set(seed, (moved.get(seed) || 0) + ((place ? 1 : -1) * (value - middle)) / scale);
        parts.set(seed, (parts.get(seed) || 0) + (Math.abs(value) + Math.abs(middle)) / scale);
      }
    });
    return sum([...moved].map(([seed, share]) => (Math.abs(share) > ROUNDING * parts.get(seed) ? share ** 2 : 0)));
  }
  function suppose(sides) {
    if (sides.every((side) => side.every(([, of]) => of.supposed.every((end) => end === null)))) return {};
    const ends = sides.map((side) => {
      const known = side.map(([, of]) => { const some = of.supposed.filter((end) => end !== null); return some.length ? some : [of.value || 0]; });
      return [mean(known.map((of) => Math.min(...of))), mean(known.map((of) => Math.max(...of)))];
    });
    return { least: ends[1][0] - ends[0][1], greatest: ends[1][1] - ends[0][0] };
  }
  function halfWidth(item, p) {
    const seeds = item.ofSeeds ? item.ofSeeds * quantile(item.freedomOfSeeds, p) ** 2 : 0;
    return item.stderr * Math.sqrt((1 - item.ofSeeds) * quantile(item.freedom, p) ** 2 + seeds);
  }
  function tailOf(item) {  // Where there are seeds, that whose interval ends at 0.
    const distance = Math.abs(item.value);
    if (!item.ofSeeds) return tail(item.freedom, distance / item.stderr);
    if (!distance || halfWidth(item, LEAST) <= distance) return distance ? 0 : 0.5;
    let low = Math.log(LEAST), high = Math.log(0.5);
    for (let turn = 0; turn < 64; turn++) {
      const middle = (low + high) / 2;
      if (halfWidth(item, Math.exp(middle)) > distance) low = middle; else high = middle;
    }
    return Math.exp((low + high) / 2);
  }
  function withInterval(item, family) {
    const level = ALPHA / (2 * Math.max(1, family));
    let half, single;
    if (item.stderr) {
      half = halfWidth(item, level);
      single = 2 * tailOf(item);
    } else {
      half = (1 - level ** (1 / (item.freedom + 1))) * item.reach;
      single = 2 * Math.max(0, 1 - Math.abs(item.value) / item.reach) ** (item.freedom + 1);
    }
    const reach = item.reach === null ? Infinity : item.reach;
    return { ...item, low: Math.max(-reach, item.value - half), high: Math.min(reach, item.value + half), p: family ? Math.min(1, family * single) : null, family };
  }
  // A family of those that have an interval and are to be tested, with the digits that Python keeps.
  function testTogether(items, least = 0) {  // least: of the family, where these are a part of it.
    const family = Math.max(least, items.filter((item) => item.low !== null && !item.described).length);
    return items.map((item) => rounded(item.low === null || item.described ? item : withInterval(item, family)));
  }
  function rounded(item) {
    const kept = { ...item };
    for (const name of ["a", "b", "value", "low", "high", "p", "stderr", "freedom", "ofSeeds", "least", "greatest"]) {
      if (kept[name] !== null) kept[name] = Number(kept[name].toPrecision(10));
    }
    return kept;
  }

  // In words.
  const SIGNS = { better: "▲", worse: "▼", changed: "≠", "no difference shown": "=", "not tested": "" };
  function verdictOf(item) {
    if (item.p === null || item.low === null) return "not tested";
    if (item.low <= 0 && 0 <= item.high) return "no difference shown";
    return !item.better ? "changed" : item.low > 0 === item.better > 0 ? "better" : "worse";
  }
  function fixed(value, digits) {  // As Python rounds: a tie to the even digit.
    const doubled = value * 2 ** (digits + 1);
    if (Number.isInteger(doubled) && doubled % 2) {
      const down = Math.floor(value * 10 ** digits);
      return ((down % 2 ? down + 1 : down) / 10 ** digits).toFixed(digits);
    }
    return value.toFixed(digits);
  }
  const isZero = (text) => !/[1-9]/.test(text);
  function number(value, scale, digits = 1) {
    if (value === null || value === undefined) return "–";
    const text = fixed(value * scale, digits);
    return isZero(text) ? text.replace("-", "") : text.replace("-", "−");
  }
  function signed(value, scale, digits = 1) {
    const text = number(value, scale, digits);
    return value > 0 && !isZero(text) ? `+${text}` : text;
  }
  function digitsOf(value, scale) {
    if (!value) return 1;
    for (let digits = 1; digits < 4; digits++) if (!isZero(fixed(Math.abs(value) * scale, digits))) return digits;
    return 4;
  }
  function changeOf(item, scale) {
    if (item.low === null) return signed(item.value, scale);
    const digits = (value) => (item.low > 0 || item.high < 0 ? digitsOf(value, scale) : 1);
    return `${signed(item.value, scale, digits(item.value))} [${number(item.low, scale, digits(item.low))}, ${number(item.high, scale, digits(item.high))}]`;
  }
  function neededOf(item) {
    if (!item.value || !item.stderr) return null;
    const wanted = (item.value / (normalQuantile(ALPHA / (2 * Math.max(1, item.family))) + POWER)) ** 2;
    const left = wanted - item.ofSeeds * item.stderr ** 2;
    return left > 0 ? Math.ceil((item.n * (1 - item.ofSeeds) * item.stderr ** 2) / left) : null;
  }
  const couldTurn = (item) => Boolean(item.value) && item.least !== null && (item.value > 0 ? item.least <= 0 : item.greatest >= 0);
  const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
  function pOf(p) { return p < 0.001 ? "< 0.001" : p < 0.1 ? fixed(p, 3) : fixed(p, 2); }
  function wordsOf(item, scale) {
    const verdict = verdictOf(item), isShown = ["better", "worse", "changed"].includes(verdict), notes = [];
    if (item.p !== null) {
      const p = isShown && pOf(item.p) === "0.050" ? "< 0.05" : pOf(item.p);
      notes.push(p.startsWith("<") ? `p ${p}` : `p = ${p}`);
    }
    if (verdict === "no difference shown") {
      const excluded = Math.max(-item.low, item.high), needed = neededOf(item);
      notes.push(`beyond ${number(excluded, scale, digitsOf(excluded, scale))} excluded`);
      if (needed !== null) notes.push(`n = ${grouped(needed)}, not ${grouped(item.n)}, would show this one`);
    }
    if (item.note) notes.push(item.note);
    if (couldTurn(item)) notes.push("unsettled answers could turn it over");
    return notes.length ? `${verdict} (${notes.join("; ")})` : verdict;
  }
  // What a page shows of a difference; `leaderboards/page_data.py` writes the same.
  function shown(item, scale) {
    const verdict = verdictOf(item), isShown = ["better", "worse", "changed"].includes(verdict);
    return {
      value: item.value, low: item.low, high: item.high, change: changeOf(item, scale), words: wordsOf(item, scale), verdict, sign: SIGNS[verdict],
      stars: isShown ? "*".repeat(1 + (item.p < 0.01) + (item.p < 0.001)) : "", tone: isShown ? (verdict === "changed" ? "plain" : verdict) : "muted",
      doubt: couldTurn(item),
    };
  }
  return { compare, testTogether, shown, number, signed, FAILED };
})();
