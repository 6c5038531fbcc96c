"use strict";
// Two rows beside each other: their differences on one axis, the samples that changed, and one of them with both responses.
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

const LISTS = { fixed: "Fixed", broken: "Broken", hallucinated: "Newly hallucinated" };

function showPair(holder, pair, state, changed) {
  // pair: { names: [a, b], note, rows: [{ title, a, b, shown, lists: { fixed, broken, hallucinated }, label(at), open(at) }] }
  const part = (name) => holder.querySelector(`[data-${name}]`);
  const MOST = 200, order = Object.keys(LISTS);
  const ends = pair.rows.flatMap(({ shown }) => [shown.value, shown.low, shown.high]).filter((end) => end !== null && end !== undefined);
  const widest = Math.max(...ends.map((end, at) => Math.abs(end)), 1e-9);

  function differencesTable() {
    const table = make("table", "figures");
    const head = table.createTHead().insertRow();
    for (const [text, title] of [["", ""], [pair.names[0], "before"], [pair.names[1], "after"], ["difference", "all on one axis"], ["", ""]]) {
      const cell = make("th", "", text);
      cell.scope = "col";
      if (title) cell.append(make("small", "", title));
      head.append(cell);
    }
    const body = table.createTBody();
    for (const { title, a, b, shown } of pair.rows) {
      const line = body.insertRow(), name = make("th", "", title), at = (value) => `${50 + (50 * value) / widest}`;
      name.scope = "row";
      const strip = make("i", `strip ${shown.tone}`), cell = make("td", "difference");
      strip.style.cssText = `--b:50;--v:${at(shown.value)}` + (shown.low === null ? "" : `;--l:${at(shown.low)};--h:${at(shown.high)}`);
      cell.append(make("span", shown.tone, [shown.sign, shown.change, shown.stars].filter(Boolean).join(" ")), ...(shown.value === null ? [] : [strip]));
      const words = make("td", "words", shown.words);
      const [before, after] = [a, b].map((value, which) => { const of = make("td", "", value); of.dataset.label = which ? "after" : "before"; return of; });
      line.append(name, before, after, cell, words);
    }
    const box = make("div", "scroll");
    box.append(table);
    return box;
  }

  const withLists = pair.rows.filter((row) => row.lists);
  const row = () => withLists.find((of) => of.task === state.task) || withLists.find((of) => order.some((name) => of.lists[name].length)) || withLists[0];
  const list = (of) => (LISTS[state.list] ? state.list : order.find((name) => of.lists[name].length) || "fixed");

  function choice(name, values, chosen) {
    const box = make("fieldset"), legend = make("legend", "", name);
    box.append(legend);
    for (const [value, text] of values) {
      const label = make("label"), input = make("input");
      input.type = "radio";
      input.name = `${holder.id}-${name}`;
      input.checked = value === chosen;
      input.addEventListener("change", () => changed({ ...state, [name]: value, sample: undefined, ...(name === "task" ? { list: undefined } : {}) }, `[name="${input.name}"]:checked`));
      label.append(input, text);
      box.append(label);
    }
    return box;
  }

  if (pair.rows.length) part("differences").replaceChildren(differencesTable(), make("p", "legend", pair.note));
  else part("differences").replaceChildren(make("p", "muted", "These rows have no benchmark in common over the same questions."));
  for (const name of ["lists", "samples", "sample"]) part(name).replaceChildren();
  const of = row();
  if (!of) return;
  const chosen = list(of), places = of.lists[chosen], tools = make("div", "tools");
  if (withLists.length > 1) tools.append(choice("task", withLists.map(({ task, title, tab }) => [task, tab || title]), of.task));
  tools.append(choice("list", order.map((name) => [name, `${LISTS[name]} (${of.lists[name].length})`]), chosen));
  part("lists").append(tools);
  if (!places.length) part("samples").append(make("li", "muted", "No sample."));
  const open = places.find((at) => of.label(at)[0] === state.sample);

  function add(from) {
    for (const at of places.slice(from, from + MOST)) {
      const [id, question] = of.label(at), item = make("li"), button = make("button");
      button.type = "button";
      button.append(make("span", "", question || id), make("small", "", question ? id : ""));
      button.setAttribute("aria-pressed", String(at === open));
      button.addEventListener("click", () => changed({ ...state, task: of.task, list: chosen, sample: id }, `[data-samples] [aria-pressed="true"]`));
      item.append(button);
      part("samples").append(item);
    }
    if (places.length > from + MOST) {
      const item = make("li"), more = make("button", "", `${places.length - from - MOST} more`);
      more.type = "button";
      more.addEventListener("click", () => { item.remove(); add(from + MOST); });
      item.append(more);
      part("samples").append(item);
    }
  }
  add(0);
  while (open !== undefined && places.indexOf(open) >= part("samples").querySelectorAll("[aria-pressed]").length) part("samples").querySelector("li:last-child button").click();
  if (open !== undefined) describe(of, open);
  else if (places.length) part("sample").append(make("p", "muted", "Choose a sample to see both responses."));

  async function describe(of, at) {
    const box = part("sample"), [id, question] = of.label(at);
    box.replaceChildren(make("h4", "", id), make("p", "muted", "Fetching the responses …"));
    const found = await of.open(at);
    if (box.querySelector("h4")?.textContent !== id) return;  // Another one was opened meanwhile.
    const known = found.sides.map(({ sample }) => sample).find(Boolean);
    box.replaceChildren(make("h4", "", id), make("p", "question", known?.q || question || ""));
    for (const address of found.images || []) {
      const image = make("img");
      image.src = address;
      image.alt = `what sample ${id} shows`;
      box.append(image);
    }
    if (known?.c) {
      const options = make("ul");
      for (const [letter, text] of Object.entries(known.c)) options.append(make("li", "", `${letter}. ${text}`));
      box.append(options);
    }
    if (known) box.append(make("p", "small", `Right: ${known.c?.[known.g] ? `${known.g}. ${known.c[known.g]}` : known.g}`));
    const both = make("div", "both");
    found.sides.forEach(({ name, state, sample, why, link }) => {
      const side = make("section"), head = make("h5", "", name);
      head.append(make("small", `state ${state.tone}`, state.text));
      side.append(head);
      if (sample) {
        side.append(make("p", "small muted", [sample.a ? `read: ${sample.a}` : "nothing read", sample.r].filter(Boolean).join(" · ")));
        side.append(...(sample.e ? [make("p", "worse", sample.e)] : responseParts(sample.x || "(empty response)", sample.sp)));
      } else side.append(make("p", "muted", why));
      if (link) {
        const anchor = make("a", "small", "in its report");
        anchor.href = link;
        side.append(anchor);
      }
      both.append(side);
    });
    box.append(both);
  }

  part("samples").onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], item = event.target.closest("li");
    const next = step && item && (step > 0 ? item.nextElementSibling : item.previousElementSibling);
    if (!next) return;
    event.preventDefault();
    next.querySelector("button").focus();
  };
}
