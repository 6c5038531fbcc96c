"use strict";
(() => {
  const samples = data.samples, ROW = 44, MARGIN = 8;
  const byId = (id) => document.getElementById(id);
  const list = byId("list"), spacer = byId("spacer"), detail = byId("detail"), count = byId("count");
  const filters = ["task", "subset", "verdict", "cause", "flag", "text"].map((name) => [name, byId("f-" + name)]);
  let shown = [], chosen = -1;

  function fill(select, values) {
    const before = select.value;
    select.replaceChildren(new Option("all", ""), ...values.map(([value, label]) => new Option(label, value)));
    select.value = values.some(([value]) => value === before) ? before : "";
  }

  function tally(of, label) {
    const counts = new Map();
    for (const sample of samples) for (const value of of(sample)) counts.set(value, (counts.get(value) || 0) + 1);
    return [...counts].sort((a, b) => (a[0] < b[0] ? -1 : 1))
      .map(([value, n]) => [value, `${label ? label(value) : value} (${n})`]);
  }

  const verdicts = (s) => (disputed(s) ? [s.s, "disputed"] : [s.s]);
  function disputed(s) { return s.o !== undefined && s.o !== null && s.o !== (s.s === "correct"); }
  const words = (name) => name.replaceAll("_", " ");

  function fillSubsets() {
    const task = byId("f-task").value;
    fill(byId("f-subset"), tally((s) => ((!task || s.t === task) && s.u ? [s.u] : [])));
  }

  const haystacks = new Array(samples.length);
  function haystack(index) {
    const s = samples[index];
    return haystacks[index] ??= [s.i, s.q, s.x, s.e, s.g, s.a].filter(Boolean).join("\n").toLowerCase();
  }

  function apply(keep) {
    const want = Object.fromEntries(filters.map(([name, node]) => [name, node.value]));
    const needle = want.text.trim().toLowerCase();
    shown = [];
    samples.forEach((s, index) => {
      if (want.task && s.t !== want.task) return;
      if (want.subset && s.u !== want.subset) return;
      if (want.verdict && !verdicts(s).includes(want.verdict)) return;
      if (want.cause && s.k !== want.cause) return;
      if (want.flag && !(s.l || []).includes(want.flag)) return;
      if (needle && !haystack(index).includes(needle)) return;
      shown.push(index);
    });
    spacer.style.height = `${shown.length * ROW}px`;
    count.textContent = `${shown.length} of ${samples.length} samples`;
    list.scrollTop = 0;
    if (!keep || !shown.includes(chosen)) choose(shown.length ? 0 : -1); else draw();
  }

  function draw() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - MARGIN);
    const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / ROW) + 2 * MARGIN);
    const rows = [];
    for (let place = first; place < last; place++) rows.push(row(place));
    spacer.replaceChildren(...rows);
    const active = shown.indexOf(chosen);
    list.setAttribute("aria-activedescendant", active >= first && active < last ? `row-${active}` : "");
  }

  function row(place) {
    const s = samples[shown[place]], node = make("div", "row");
    node.id = `row-${place}`;
    node.style.top = `${place * ROW}px`;
    node.setAttribute("role", "option");
    node.setAttribute("aria-selected", String(shown[place] === chosen));
    node.setAttribute("aria-posinset", String(place + 1));
    node.setAttribute("aria-setsize", String(shown.length));
    node.append(
      make("div", "", s.q), make("div", `state ${s.s}`, words(s.s)),
      make("div", "under", `${s.t} · ${s.i}`), make("div", "under state", s.k || (disputed(s) ? "disputed" : "")),
    );
    node.addEventListener("click", () => choose(place));
    return node;
  }

  function choose(place) {
    chosen = place >= 0 ? shown[place] : -1;
    if (place >= 0) {
      const top = place * ROW;
      if (top < list.scrollTop) list.scrollTop = top;
      if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    }
    draw();
    describe();
  }

  const TAG = /(<\s*\/?\s*(?:planning|prethink|caption|think|answer)\s*>)/i;
  function response(text) {
    const node = make("div", "response");
    let section = "";
    for (const part of text.split(TAG)) {
      if (!TAG.test(part)) { if (part) node.append(make("span", section, part)); continue; }
      const name = part.replace(/[<>\/\s]/g, "").toLowerCase().replace("prethink", "planning");
      node.append(make("span", `tag ${name}`, part));
      section = part.includes("/") ? "" : name;
    }
    return node;
  }

  function describe() {
    detail.replaceChildren();
    detail.scrollTop = 0;
    if (chosen < 0) { detail.append(make("p", "muted", "No sample fits these filters.")); return; }
    const s = samples[chosen];
    detail.append(make("h3", "", `${s.t} · ${s.i}`));
    for (const place of s.m || []) {
      const image = make("img");
      image.src = data.images[place];
      image.alt = `what sample ${s.i} shows`;
      detail.append(image);
    }
    detail.append(make("div", "question", s.q));
    if (s.c) {
      const options = make("ul");
      for (const [letter, text] of Object.entries(s.c)) options.append(make("li", "", `${letter}. ${text}`));
      detail.append(options);
    }
    const facts = make("dl");
    const fact = (name, value, className) => {
      if (value === undefined || value === null || value === "") return;
      facts.append(make("dt", "", name), make("dd", className || "", value));
    };
    const option = (answer) => (s.c && s.c[answer] !== undefined ? `${answer}. ${s.c[answer]}` : answer);
    const by = (c) => c && `${option(c.answer) || "nothing"} (${data.by[c.by] || c.by})`;
    fact("gold", option(s.g));
    fact("read", option(s.a) ?? "no answer");
    fact("how", s.w);
    fact("verdict", s.r ? `${words(s.s)} (${s.r})` : words(s.s), s.s);
    const readAs = s.oa ? `, read as ${s.oa}` : "";
    fact("official", s.o === undefined || s.o === null ? "none" : (s.o ? "right" : "wrong") + readAs);
    fact("went wrong in", s.k && `${s.k}: ${data.causes[s.k]}`);
    fact("thinking concludes", by(s.th));
    fact("caption implies", by(s.ca));
    fact("invented", (s.v || []).join(", "));
    fact("objects missed", s.d);
    fact("without the image", option(s.b));
    fact("subset", s.u);
    fact("tokens", s.n);
    fact("ended by", s.f);
    detail.append(facts);
    for (const flag of s.l || []) detail.append(make("span", "chip", words(flag)));
    detail.append(s.e ? make("p", "error", s.e) : response(s.x || "(empty response)"));
  }

  function move(step) {
    if (!shown.length) return;
    const place = shown.indexOf(chosen);
    choose(Math.max(0, Math.min(shown.length - 1, place + step)));
  }

  function openHash() {
    let wanted = "";
    try { wanted = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const index = samples.findIndex((s) => `${s.t}/${s.i}` === wanted);
    if (index < 0) return;
    for (const [, node] of filters) node.value = "";
    fillSubsets();
    apply(false);
    choose(index);
    byId("browser").scrollIntoView();
  }

  fill(byId("f-task"), tally((s) => [s.t]));
  fill(byId("f-verdict"), tally(verdicts, words));
  fill(byId("f-cause"), tally((s) => (s.k ? [s.k] : [])));
  fill(byId("f-flag"), tally((s) => s.l || [], words));
  fillSubsets();
  byId("f-task").addEventListener("change", fillSubsets);
  let timer = 0;
  for (const [name, node] of filters) {
    if (name === "text") node.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 120); });
    else node.addEventListener("change", () => apply(false));
  }
  byId("reset").addEventListener("click", () => {
    for (const [, node] of filters) node.value = "";
    fillSubsets();
    apply(false);
  });
  list.addEventListener("scroll", () => requestAnimationFrame(draw));
  list.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -samples.length, End: samples.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    move(steps[event.key]);
  });
  for (const link of document.querySelectorAll("a[data-cause]")) {
    link.addEventListener("click", () => {
      byId("f-task").value = link.dataset.task || "";
      fillSubsets();
      for (const name of ["subset", "verdict", "flag", "text"]) byId("f-" + name).value = "";
      byId("f-cause").value = link.dataset.cause;
      apply(false);
    });
  }
  window.addEventListener("resize", draw);
  window.addEventListener("hashchange", openHash);
  apply(false);
  openHash();
  document.documentElement.dataset.ready = "yes";
})();
