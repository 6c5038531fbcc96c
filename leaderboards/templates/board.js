"use strict";
(() => {
  const { number: show } = differences, DASH = "–", KEYS = ["sort", "find", "only", "base", "a", "b", "task", "list", "sample"];
  const ends = (low, high, scale) => (low === null || high === null ? "" : `[${show(low, scale)}, ${show(high, scale)}]`);
  const range = ([from, to], scale) => (from === undefined ? DASH : `${show(from, scale)} to ${show(to, scale)}`);

  function plainTable(label, headers, rows) {
    const table = make("table", "figures"), head = table.createTHead().insertRow(), body = table.createTBody();
    headers.forEach((header) => { const cell = make("th", "", header); cell.scope = "col"; head.append(cell); });
    rows.forEach((cells) => { const line = body.insertRow(); cells.forEach((cell) => line.append(make("td", "", cell))); });
    const box = make("div", "scroll");
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", label);
    box.append(table);
    return box;
  }

  const dialog = document.getElementById("details");
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  function describe(group, row) {
    const close = make("button", "close", "Close");
    close.addEventListener("click", () => dialog.close());
    dialog.replaceChildren(close, make("h2", "", row.name));
    for (const [id, address] of row.links || []) {
      const link = make("a", "", `Report of ${id}, with its samples`), line = make("p");
      link.href = withWayBack(address);
      line.append(link);
      dialog.append(line);
    }
    if (row.causes) dialog.append(make("p", "small", "Wrong answers per 100: " + row.causes.map((share, at) => `${group.causes[at]} ${show(share, 100)}`).join(", ")));
    group.columns.forEach(({ title, scale }, at) => {
      const cell = row.cells[at], more = row.more?.[at];
      if (!cell) return;
      dialog.append(make("h3", "", `${title}: ${show(cell[0], scale)} ${ends(cell[1], cell[2], scale)}`));
      if (!more) return;
      const [[samples, unanswered, notUnderstood, undecided, cutOff, errors, disputed], words, metrics] = more;
      if (words) dialog.append(make("p", "", `Against ${group.rows[group.baseline].name}: ${words}`));
      const unsettled = (notUnderstood ? `, ${notUnderstood} not understood` : "") + (undecided ? `, ${undecided} undecided` : "");
      dialog.append(make("p", "small muted", `${samples} questions, ${unanswered} unanswered${unsettled}, ${cutOff} cut off, ${errors} without a response; strict and official verdict differ on ${disputed}.`));
      dialog.append(plainTable(`Metrics of ${title}`, ["metric", "strict", "95 % interval", "official", "n", ...(unsettled ? ["range"] : [])], metrics.map(([name, value, low, high, official, n, ...supposed]) => [
        data.texts[name], show(value, scale), ends(low, high, scale) || DASH, show(official, scale), n, ...(unsettled ? [range(supposed, scale)] : []),
      ])));
    });
    if (row.diagnostics) dialog.append(make("h3", "", "Diagnostics"), plainTable("Diagnostics", ["figure", "value", "95 % interval"], row.diagnostics.map((figure, at) => {
      const [title, scale] = group.diagnostics[at];
      return [title, figure ? show(figure[0], scale) : DASH, (figure && ends(figure[1], figure[2], scale)) || DASH];
    })));
    if (!row.more) dialog.append(make("p", "small muted", "All metrics of this row are in leaderboard.json; they are left out of large pages."));
    const list = make("dl");
    group.provenance.forEach((name, at) => { const value = data.texts[row.from[at]]; if (value) list.append(make("dt", "", name), make("dd", "", value)); });
    dialog.append(make("h3", "", "Where it comes from"), list);
    dialog.showModal();
  }

  // A report is told which page leads to it, and leads back.
  const withWayBack = (address) => `${address}?board=${encodeURIComponent(location.href)}`;

  // The responses stand in the runs' reports, which are opened unseen and asked for one sample.
  const frames = new Map();
  function ask(address, key) {
    if (!frames.has(address)) {
      if (frames.size >= 4) { const [first, old] = frames.entries().next().value; old.frame.remove(); frames.delete(first); }
      const frame = make("iframe");
      frame.hidden = true;
      // A run may be anybody's, and its report with it. Pages of files have an origin each, and a sandbox no files.
      if (location.protocol !== "file:") frame.sandbox = "allow-scripts";
      frame.src = address;
      frames.set(address, { frame, loaded: new Promise((done) => frame.addEventListener("load", done)) });
      document.body.append(frame);
    }
    const { frame, loaded } = frames.get(address);
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(null), 20000);
      function finish(found) { clearTimeout(timer); removeEventListener("message", heard); resolve(found); }
      function heard(event) { if (event.source === frame.contentWindow && event.data?.key === key) finish(event.data); }
      addEventListener("message", heard);
      loaded.then(() => { frame.contentWindow.postMessage({ key }, "*"); setTimeout(() => finish(null), 3000); });
    });
  }

  // What changed between two rows; of several seeds, what is right or wrong in more of them.
  const WRONG = "0", RIGHT = "1", YES = "2";
  function listsOf(task, a, b) {
    const lists = { fixed: [], broken: [], hallucinated: [] }, out = new Set();
    const share = (runs, at, state) => runs.filter(([, states]) => states[at] === state).length / runs.length;
    const sides = [task.runs[a], task.runs[b]];
    task.ids.forEach((_, at) => {
      if (sides.some((runs) => runs.some(([, states]) => states[at] === differences.FAILED))) return;
      const [before, after] = sides.map((runs) => share(runs, at, RIGHT));
      if (after > before) lists.fixed.push(at);
      if (after < before) {
        lists.broken.push(at);
        if (share(sides[1], at, YES) > share(sides[0], at, YES)) lists.hallucinated.push(at);
      }
    });
    return lists;
  }
  const SAID = { [RIGHT]: ["right", "right"], [WRONG]: ["wrong", "wrong"], [YES]: ["a wrong yes", "wrong"], [differences.FAILED]: ["no response", "muted"] };

  const state = data.groups.map(() => ({}));
  function readHash() {
    const found = new URLSearchParams(location.hash.slice(1));
    if (location.hash.length > 1 && !location.hash.includes("=")) return false;  // A heading of the page.
    state.forEach((_, place) => { state[place] = Object.fromEntries(KEYS.flatMap((key) => (found.has(key + place) ? [[key, found.get(key + place)]] : []))); });
    return true;
  }
  function writeHash() {
    const parts = new URLSearchParams();
    state.forEach((of, place) => KEYS.forEach((key) => { if (of[key]) parts.set(key + place, of[key]); }));
    history.replaceState(null, "", `#${parts}`);
  }

  function start(group, place) {
    const board = document.getElementById(`board-${place}`), table = board.querySelector("table.rows");
    const bodies = [...table.tBodies], part = (name) => board.querySelector(`[data-state="${name}"]`), pairBox = board.querySelector(".pair");
    const rows = group.rows.map((row, at) => {
      const lines = bodies[at].rows[0], cells = [...lines.cells].slice(1, 1 + group.columns.length);
      const haystack = [row.name, ...row.from.map((text) => data.texts[text])].join("\n").toLowerCase();
      const built = cells.map((cell) => { const delta = cell.querySelector(".delta"); return delta && { className: delta.className, title: delta.title, text: delta.textContent }; });
      return { ...row, at, body: bodies[at], cells: cells, scores: row.cells, haystack, built };
    });
    const byName = new Map(rows.map((row) => [row.name, row.at]));
    let outcomes = null, pairable = [];

    for (const row of rows) {
      const name = row.body.querySelector(".name"), button = make("button", "name");
      button.type = "button";
      row.name.split(/(?<=[/_#-])/).forEach((piece) => button.append(piece, make("wbr")));
      button.addEventListener("click", () => describe(group, group.rows[row.at]));
      name.replaceWith(button);
      row.cells.forEach((cell, column) => cell.querySelector(".delta")?.addEventListener("click", (event) => {
        event.preventDefault();
        if (!pairBox) return;
        const before = state[place].base ?? group.rows[group.baseline]?.name;
        update({ a: before === row.name ? undefined : before, b: row.name, task: group.columns[column].title, list: undefined, sample: undefined });
        pairBox.scrollIntoView();
      }));
    }
    for (const head of table.tHead.rows[0].cells) {
      const button = make("button", "sort"), key = head.dataset.sort;
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const [was, way] = (state[place].sort || "").split("~"), first = key === "name" ? "up" : "down";
        update({ sort: `${key}~${was === key ? (way === "up" ? "down" : "up") : first}` });
      });
    }

    function sortRows(sort) {
      const [key, way] = (sort || "").split("~"), heads = [...table.tHead.rows[0].cells], column = heads.findIndex((head) => head.dataset.sort === key);
      heads.forEach((head, at) => (at === column ? head.setAttribute("aria-sort", way === "up" ? "ascending" : "descending") : head.removeAttribute("aria-sort")));
      const turn = way === "up" ? 1 : -1;
      const value = ({ body, name }) => { if (column === 0) return name; const found = body.rows[0].cells[column].dataset.v; return found === undefined ? null : Number(found); };
      const sorted = column < 0 ? rows : [...rows].sort((one, other) => {
        const [x, y] = [value(one), value(other)];
        if (x === null || y === null) return (x === null) - (y === null);
        return turn * (column === 0 ? x.localeCompare(y) : x - y);
      });
      table.append(...sorted.map(({ body }) => body));
    }

    function filterRows({ find, only }) {
      const needle = (find || "").trim().toLowerCase();
      let count = 0;
      for (const row of rows) {
        const fits = row.haystack.includes(needle) && (!only || row.verdicts.includes(only));
        row.body.hidden = !fits;
        count += fits;
      }
      board.querySelector("[data-count]").textContent = count === rows.length ? `${count} rows` : `${count} of ${rows.length} rows`;
    }

    function pairOf(a, b) {
      const items = group.columns.map(({ again }, column) => {
        const task = outcomes.tasks[column];
        if (!task?.runs[a] || !task.runs[b]) return null;
        const twice = again !== null && [a, b].every((row) => rows[row].scores[again]), found = differences.compare(task, a, b);
        const note = twice ? [found.note, `of the answers to ${group.columns[again].title}, which are tested`].filter(Boolean).join("; ") : found.note;
        return { ...found, note, described: twice };
      });
      return items;
    }
    function tested(pairs, least = 0) {  // Lists of items by column, all of them one family.
      const flat = differences.testTogether(pairs.flat().filter(Boolean), least);
      let next = 0;
      return [pairs.map((items) => items.map((item) => item && flat[next++])), Math.max(0, ...flat.map((item) => item.family))];
    }

    let ofTable = group.tests;  // Differences that are tested together in it.

    function compareWith(base) {
      const chosen = base !== undefined && outcomes && base !== group.baseline, note = board.querySelector(".chosen");
      for (const row of rows) {
        row.body.classList.toggle("base", row.at === (chosen ? base : group.baseline));
        row.verdicts = [];
      }
      note.hidden = !chosen;
      const others = rows.filter(({ at }) => at !== base && pairable.includes(at));
      const [found, family] = chosen ? tested(others.map(({ at }) => pairOf(base, at))) : [[], group.tests];
      ofTable = family;
      if (chosen) note.textContent = `The table is compared with ${rows[base].name} now: ${family || "no"} difference${family > 1 ? "s are tested together, with simultaneous 95 % intervals" : " is tested"}.` + (group.baseline === null ? "" : ` What is said above it and drawn below is against ${rows[group.baseline].name}.`);
      for (const row of rows) {
        row.cells.forEach((cell, column) => {
          const delta = cell.querySelector(".delta"), strip = cell.querySelector(".strip"), built = row.built[column];
          if (!delta) return;
          if (chosen) {
            const item = found[others.indexOf(row)]?.[column];
            const shown = item && differences.shown(item, group.columns[column].scale);
            delta.className = `delta ${shown ? shown.tone : "muted"}`;
            delta.textContent = shown ? [shown.sign, shown.change, shown.stars, shown.doubt ? "?" : ""].filter(Boolean).join(" ") : row.at === base ? "baseline" : "not compared";
            delta.title = shown ? shown.words : "";
          } else Object.assign(delta, { className: built.className, title: built.title, textContent: built.text });
          if (strip) strip.className = `strip ${delta.classList.contains("better") ? "better" : delta.classList.contains("worse") ? "worse" : "plain"}`;
          const sign = delta.textContent.trim()[0];
          row.verdicts.push({ "▲": "better", "▼": "worse", "=": "no difference shown" }[sign]);
        });
      }
      return base === undefined ? group.baseline : base;
    }

    function comparePair(a, b, base) {
      const inTable = base === a || base === b;  // It says the same of them.
      const [[items], family] = tested([pairOf(a, b)], inTable ? ofTable : 0), names = [rows[a].name, rows[b].name];
      const several = [a, b].some((row) => outcomes.tasks.some((task) => task?.runs[row]?.length > 1));
      const whose = inTable ? "those of the table, of which these are a part." : "this pair is a family of its own, whatever other rows say.";
      const note = `${family || "no"} difference${family > 1 ? "s are tested together" : " is tested"}: ${whose}` + (several ? " Of several seeds, fixed is right in more of them, broken in fewer." : "");
      const pair = {
        names, note,
        rows: group.columns.flatMap(({ title, scale }, column) => {
          const item = items[column], task = outcomes.tasks[column];
          if (!item) return [];
          const shown = differences.shown(item, scale);
          return [{
            task: title, title, a: show(item.a, scale), b: show(item.b, scale), shown, lists: listsOf(task, a, b),
            label: (at) => [task.ids[at], task.questions?.[at]], open: (at) => openSample(column, [a, b], at),
          }];
        }),
      };
      showPair(pairBox, pair, state[place], (next, focus) => { state[place] = next; writeHash(); render(); if (focus) pairBox.querySelector(focus)?.focus(); });
    }

    async function openSample(column, sides, at) {
      const task = outcomes.tasks[column], shares = sides.map((row) => task.runs[row].filter(([, states]) => states[at] === RIGHT).length / task.runs[row].length);
      const found = await Promise.all(sides.map(async (row, side) => {
        const runs = task.runs[row], gained = shares[side] > shares[1 - side];
        const [seed, states] = runs.find(([, of]) => (of[at] === RIGHT) === gained) || runs[0];
        const link = outcomes.reports[row][column].find(([of]) => of === seed)?.[1], key = `${group.tasks[column]}/${task.ids[at]}`;
        const told = link && /\.html$/.test(link) ? await ask(link, key) : null;
        const of = runs.length > 1 ? `, ${runs.filter(([, s]) => s[at] === RIGHT).length} of ${runs.length} seeds right; seed ${seed}` : "";
        return {
          name: rows[row].name + of, state: { text: SAID[states[at]][0], tone: SAID[states[at]][1] }, sample: told?.sample, images: told?.images, link: told?.sample && `${withWayBack(link)}#${encodeURIComponent(key)}`,
          why: link ? (told ? "Its report does not have this sample." : "Its report could not be opened.") : "Its run has no page of its own beside this one, which would have the response; 'harness diagnose RUN' writes one.",
        };
      }));
      return { sides: found, images: (found.find((side) => side.images?.length) || {}).images };
    }

    function render() {
      const of = state[place], base = compareWith(byName.get(of.base));
      sortRows(of.sort);
      for (const name of ["find", "only"]) if (part(name).value !== (of[name] || "")) part(name).value = of[name] || "";
      filterRows(of);
      if (!outcomes) return;
      const fallback = pairable.includes(base) ? base : pairable.find((at) => at !== pairable[0]);
      const known = (name, or) => (pairable.includes(byName.get(name)) ? byName.get(name) : or);
      const b = known(of.b, pairable.find((at) => at !== known(of.a, fallback))), a = known(of.a, b === fallback ? pairable.find((at) => at !== b) : fallback);
      for (const [name, at] of [["base", base], ["a", a], ["b", b]]) part(name).value = at === null ? "" : String(at);
      comparePair(a, b, base);
    }
    function update(changes) {
      state[place] = { ...state[place], ...changes };
      writeHash();
      render();
    }

    for (const name of ["find", "only"]) part(name).addEventListener("input", () => update({ [name]: part(name).value || undefined }));
    for (const label of board.querySelectorAll(".scripted")) label.hidden = false;
    if (group.pairs) {
      unpack(group.pairs).then((found) => {
        outcomes = found;
        pairable = rows.map(({ at }) => at).filter((at) => found.tasks.some((task) => task?.runs[at]));
        for (const name of ["base", "a", "b"]) {
          part(name).append(...(name === "base" && group.baseline === null ? [new Option("none", "")] : []), ...pairable.map((at) => new Option(rows[at].name, at)));
          part(name).addEventListener("change", () => {
            const row = rows[part(name).value]?.name;
            update(name === "base" ? { base: rows[group.baseline]?.name === row ? undefined : row } : { [name]: row, sample: undefined, list: undefined });
          });
        }
        render();
        document.documentElement.dataset.ready = "yes";
      });
    } else if (pairBox) pairBox.remove();
    return render;
  }

  readHash();
  const renders = data.groups.map(start);
  const renderAll = () => renders.forEach((render) => render());
  renderAll();
  addEventListener("hashchange", () => { if (readHash()) renderAll(); });
})();
