"use strict";
(() => {
  const { samples, images, parts, titles } = data, ROW = 44, MARGIN = 8;
  const byId = (id) => document.getElementById(id);
  const list = byId("list"), spacer = byId("spacer"), detail = byId("detail"), count = byId("count");
  const filters = ["task", "subset", "verdict", "cause", "flag", "text"].map((name) => [name, byId("f-" + name)]);
  const keyOf = (s) => `${s.t}/${s.i}`, nameOf = (s) => `${titles[s.t] || s.t} · ${s.i}`;
  const places = new Map(samples.map((s, index) => [keyOf(s), index]));
  let shown = [], chosen = -1;

  // Of a large run, the files beside the page call this; scripts can be loaded from a disk, where nothing can be fetched.
  const loading = new Map();
  window.part = (name, start, values) => values.forEach((value, index) => {
    if (name === "images") images[start + index] = value; else Object.assign(samples[start + index], value);
  });
  function load(name, index) {
    if (!parts) return Promise.resolve();
    const file = `${parts.folder}/${name}-${Math.floor(index / parts[name])}.js`;
    if (!loading.has(file)) loading.set(file, new Promise((resolve, reject) => {
      const script = make("script");
      script.src = file;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${file} is not beside this page: copy the folder with it.`));
      document.head.append(script);
    }));
    return loading.get(file);
  }

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
  const words = (name) => data.states[name] || data.flags[name] || name.replaceAll("_", " ");

  function fillSubsets() {
    const task = byId("f-task").value;
    fill(byId("f-subset"), tally((s) => ((!task || s.t === task) && s.u ? [s.u] : [])));
  }

  const haystack = (s) => [s.i, s.q, s.x, s.e, s.g, s.a].filter(Boolean).join("\n").toLowerCase();

  async function apply() {
    const want = Object.fromEntries(filters.map(([name, node]) => [name, node.value]));
    const needle = want.text.trim().toLowerCase();
    if (needle && parts) {
      count.textContent = "loading the responses …";
      const files = Array.from({ length: Math.ceil(samples.length / parts.samples) }, (_, n) => n * parts.samples);
      try { await Promise.all(files.map((index) => load("samples", index))); } catch (error) { count.textContent = error.message; return; }
      if (needle !== byId("f-text").value.trim().toLowerCase()) return;
    }
    shown = [];
    samples.forEach((s, index) => {
      if (want.task && s.t !== want.task) return;
      if (want.subset && s.u !== want.subset) return;
      if (want.verdict && !verdicts(s).includes(want.verdict)) return;
      if (want.cause && s.k !== want.cause) return;
      if (want.flag && !(s.l || []).includes(want.flag)) return;
      if (needle && !haystack(s).includes(needle)) return;
      shown.push(index);
    });
    spacer.style.height = `${shown.length * ROW}px`;
    count.textContent = `${shown.length} of ${samples.length} samples`;
    list.scrollTop = 0;
    choose(shown.length ? 0 : -1);
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
      make("div", "under", nameOf(s)), make("div", "under state", s.k || (disputed(s) ? "disputed" : "")),
    );
    node.addEventListener("click", () => {
      follow(place);
      if (detail.offsetTop > list.offsetTop) detail.scrollIntoView();  // In a narrow window it stands below.
    });
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

  function follow(place) {
    choose(place);
    history.replaceState(null, "", `#${encodeURIComponent(keyOf(samples[chosen]))}`);
  }

  function move(step) {
    if (shown.length) follow(Math.max(0, Math.min(shown.length - 1, shown.indexOf(chosen) + step)));
  }

  async function describe() {
    const wanted = chosen;
    if (wanted < 0) { detail.replaceChildren(make("p", "muted", "No sample fits these filters.")); return; }
    const s = samples[wanted];
    try {
      await load("samples", wanted);
      await Promise.all((s.m || []).map((place) => load("images", place)));
    } catch (error) { detail.replaceChildren(make("p", "error", error.message)); return; }
    if (wanted !== chosen) return;
    detail.replaceChildren();
    detail.scrollTop = 0;
    const bar = make("div", "bar"), steps = make("span", "small muted");
    for (const [label, name, step] of [["←", "previous sample", -1], ["→", "next sample", 1]]) {
      const button = make("button", "", label);
      button.type = "button";
      button.setAttribute("aria-label", name);
      button.addEventListener("click", () => { move(step); detail.querySelector(`[aria-label="${name}"]`)?.focus(); });
      steps.append(button, " ");
    }
    steps.append(`${shown.indexOf(chosen) + 1} of ${shown.length}`);
    bar.append(make("h3", "", nameOf(s)), steps);
    const option = (answer) => (s.c && s.c[answer] !== undefined ? `${answer}. ${s.c[answer]}` : answer);
    const [read, right] = s.h ? ["names", "there are"] : ["read", "right is"];
    const short = (text) => (text.length > 80 ? `${text.slice(0, 79)}…` : text);
    const told = s.e ? "" : `: ${read} “${short(option(s.a) ?? "nothing")}”, ${right} “${short(option(s.g))}”`;
    detail.append(bar, make("p", `verdict ${s.s}`, `${words(s.s)}${told}`));
    for (const place of s.m || []) {
      const [source, about] = images[place], image = make("img");
      image.src = source;
      image.alt = `what sample ${s.i} shows`;
      detail.append(image, make("div", "small muted", [about, data.limit].filter(Boolean).join("; ")));
    }
    detail.append(make("div", "question", s.q));
    if (s.c) {
      const options = make("ul");
      for (const [letter, text] of Object.entries(s.c)) options.append(make("li", "", `${letter}. ${text}`));
      detail.append(options);
    }
    if (s.p) {
      const prompt = make("details");
      prompt.append(make("summary", "", "prompt as sent, after the media"), make("pre", "", s.p));
      detail.append(prompt);
    }
    if (s.e) detail.append(make("p", "error", s.e)); else detail.append(...responseParts(s.x || "(empty response)", s.sp));
    const facts = make("dl");
    const fact = (name, value, className) => {
      if (value === undefined || value === null || value === "") return;
      facts.append(make("dt", "", name), make("dd", className || "", value));
    };
    const by = (c) => c && `${option(c.answer) || "nothing"} (${data.by[c.by] || c.by})`;
    fact("right answer", s.g.length > 80 ? s.g : "");
    fact("went wrong in", s.k && `${s.k}: ${data.causes[s.k]}`);
    fact("why this verdict", s.r);
    fact("read by", s.w && `${s.w}${s.sp ? ", marked above" : ""}`);
    fact("official reading", s.o === undefined || s.o === null ? "none" : (s.o ? "right" : "wrong") + (s.oa ? `, read as ${s.oa}` : ""), disputed(s) ? "incorrect" : "");
    fact("judge", s.j);
    fact("scores", s.sc && Object.entries(s.sc).map(([name, score]) => `${words(name)} ${score}`).join(", "));
    fact("confidence", s.y);
    fact("thinking concludes", by(s.th));
    fact("caption implies", by(s.ca));
    fact("invented", (s.v || []).join(", "));
    fact("objects missed", s.d);
    fact("without looking", option(s.b));
    fact("subset", s.u);
    fact("tokens", [s.np && `prompt ${s.np}${s.nv ? `, ${s.nv} of them visual` : ""}`, s.n && `response ${s.n}`].filter(Boolean).join("; "));
    fact("ended by", s.f);
    detail.append(facts);
    for (const flag of s.l || []) detail.append(make("span", "chip", words(flag)));
  }

  function clear() {
    for (const [, node] of filters) node.value = "";
    fillSubsets();
  }

  function openHash() {
    let wanted = "";
    try { wanted = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const index = places.get(wanted);
    if (index === undefined) return;
    clear();
    apply();
    choose(index);
    byId("samples").scrollIntoView();
  }

  // The leaderboard names itself in the links to reports; only a page of the same place may be led back to.
  const board = byId("board"), from = new URLSearchParams(location.search).get("board");
  if (from) {
    const url = new URL(from, location.href);
    if (url.protocol === location.protocol && url.host === location.host) { board.href = url.href; board.hidden = false; }
  }

  // A leaderboard beside this page opens it unseen and asks for one sample.
  window.addEventListener("message", async (event) => {
    const key = event.data?.key, place = places.get(key), s = samples[place];
    if (!key || (event.origin !== location.origin && location.protocol !== "file:")) return;
    try {
      if (s) { await load("samples", place); await Promise.all((s.m || []).map((of) => load("images", of))); }
    } catch { return; }
    event.source.postMessage({ key, sample: s, images: s && (s.m || []).map((of) => images[of][0]) }, "*");
  });

  fill(byId("f-task"), tally((s) => [s.t], (task) => titles[task] || task));
  fill(byId("f-verdict"), tally(verdicts, words));
  fill(byId("f-cause"), tally((s) => (s.k ? [s.k] : [])));
  fill(byId("f-flag"), tally((s) => s.l || [], words));
  fillSubsets();
  byId("f-task").addEventListener("change", fillSubsets);
  let timer = 0;
  for (const [name, node] of filters) {
    if (name === "text") node.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 120); });
    else node.addEventListener("change", apply);
  }
  byId("reset").addEventListener("click", () => { clear(); apply(); });
  list.addEventListener("scroll", () => requestAnimationFrame(draw));
  list.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -samples.length, End: samples.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    move(steps[event.key]);
  });
  document.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, .scroll")) return;
    event.preventDefault();
    move(steps[event.key]);
  });
  for (const link of document.querySelectorAll("a[data-cause]")) {
    link.addEventListener("click", () => {
      clear();
      byId("f-task").value = link.dataset.task;
      fillSubsets();
      byId("f-cause").value = link.dataset.cause;
      apply();
    });
  }
  window.addEventListener("resize", draw);
  window.addEventListener("hashchange", openHash);
  apply();
  openHash();
  document.documentElement.dataset.ready = "yes";
})();
