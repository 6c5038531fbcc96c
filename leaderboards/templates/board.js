"use strict";
(() => {
  const DASH = "–";
  const narrow = matchMedia("(max-width: 600px)").matches;

  const minus = (text) => text.replace("-", "−");
  const show = (value, scale) => (value === null || value === undefined ? DASH : minus((value * scale).toFixed(1)));
  const ends = (low, high, scale) => (low === null || high === null ? "" : `[${show(low, scale)}, ${show(high, scale)}]`);
  const toneOf = (cell) => cell[4] || "muted";

  const spread = (range, scale) => (range.length ? `${show(range[0], scale)} to ${show(range[1], scale)}` : "");

  function score(row, number, column) {
    const cell = row.cells[number], isBase = row.base, range = row.ranges ? row.ranges[number] : [];
    const box = make("div");
    if (!cell) return make("span", "muted", DASH);
    const [value, low, high] = cell;
    const deviation = row.spreads && row.spreads[number] !== null ? ` ± ${show(row.spreads[number], column.scale)}` : "";
    box.append(make("span", "score", show(value, column.scale) + deviation), make("span", "ends", ends(low, high, column.scale)));
    if (range.length) {
      const note = make("div", "ends range", `range ${spread(range, column.scale)}`);
      note.title = "what it would be if all unsettled answers were wrong, or right";
      box.append(note);
    }
    const span = column.to - column.from || 1;
    const at = (x) => `${(100 * (x - column.from)) / span}%`;
    const strip = make("div", `strip ${isBase ? "" : toneOf(cell)}`);
    if (column.base !== null) {
      const tick = make("u");
      tick.style.left = at(column.base);
      strip.append(tick);
    }
    if (low !== null && high !== null) {
      const bar = make("i");
      bar.style.left = at(low);
      bar.style.width = `${(100 * (high - low)) / span}%`;
      strip.append(bar);
    }
    if (value !== null) {
      const dot = make("b");
      dot.style.left = at(value);
      strip.append(dot);
    }
    box.append(strip);
    if (column.base !== null) {
      const delta = make("span", `delta ${toneOf(cell)}${cell[6] ? " real" : ""}`);
      if (cell.length >= 8) {
        const [sign, stars, change] = cell.slice(5);
        const doubt = row.doubt && row.doubt[number];
        delta.textContent = [sign, change.split(" ")[0], stars, doubt ? "?" : ""].filter(Boolean).join(" ");
        delta.title = change + (doubt ? "; unsettled answers could turn it over" : "");
      } else {
        delta.textContent = isBase ? "baseline" : "not compared";
      }
      box.append(delta);
    }
    return box;
  }

  function stack(row, causes) {
    if (!row.causes) return make("span", "muted", DASH);
    const box = make("div");
    const total = row.causes.reduce((sum, share) => sum + share, 0);
    box.append(make("span", "total", `${show(total, 100)} of 100 wrong`));
    const bar = make("div", "stack");
    row.causes.forEach((share, number) => {
      const [cause, tone] = causes[number];
      const part = make("span", tone);
      part.style.width = `${(100 * share) / row.scaleOfCauses}%`;
      part.title = `${cause} ${show(share, 100)}`;
      bar.append(part);
    });
    box.append(bar);
    return box;
  }

  function heading(title, measure, definition) {
    return () => {
      const box = make("span", "", title);
      if (definition) box.title = definition;
      if (measure) box.append(make("span", "measure", measure));
      return box;
    };
  }

  function viewOf(field) {
    if (field === "name") return "always";
    return field.startsWith("diagnostic") ? "diagnostics" : field.startsWith("from") ? "provenance" : "scores";
  }

  function columnsOf(group, open) {
    const least = (scale) => (term, value) => value !== null && value !== undefined && value * scale >= Number(term);
    const columns = [{
      title: "Checkpoint", titleFormatter: heading("Checkpoint"), field: "name", frozen: true, width: narrow ? 124 : 200,
      headerFilter: "input", headerFilterPlaceholder: "filter by name",
      formatter: (cell) => {
        const row = cell.getData();
        const box = make("div");
        const button = make("button", "name");
        row.name.split(/(?<=[/_#])/).forEach((part) => button.append(part, document.createElement("wbr")));
        button.addEventListener("click", () => open(row));
        box.append(button);
        if (row.base) box.append(make("span", "tag", "baseline"));
        if (row.seeds) box.append(make("span", "tag", `${row.seeds} seeds`));
        if (row.unlike !== undefined) {
          const tag = make("span", "tag", "asked otherwise");
          tag.title = data.texts[row.unlike];
          box.append(tag);
        }
        return box;
      },
    }];
    group.columns.forEach((column, number) => columns.push({
      title: `task ${number}`, titleFormatter: heading(column.title, column.measure), field: `score${number}`, sorter: "number",
      sorterParams: { alignEmptyValues: "bottom" }, headerSortStartingDir: "desc", minWidth: narrow ? 126 : 160,
      headerFilter: "number", headerFilterPlaceholder: "at least", headerFilterFunc: least(column.scale), headerFilterLiveFilter: true,
      formatter: (cell) => score(cell.getData(), number, column),
    }));
    if (group.causes.length) columns.push({
      title: "Wrong because", titleFormatter: heading("Wrong because", "share of all answers"), field: "wrong", sorter: "number",
      minWidth: 150, formatter: (cell) => stack(cell.getData(), group.causes),
    });
    const counts = [["unanswered", "No answer"], ...(group.unsettled ? [["unsettled", "Unsettled"]] : []), ["errors", "Errors"]];
    counts.forEach(([field, title]) => columns.push({
      title, titleFormatter: heading(title, "% of questions"), field, sorter: "number", minWidth: 116, hozAlign: "right",
      formatter: (cell) => show(cell.getValue(), 100),
    }));
    group.diagnostics.forEach(([name, definition, scale, better], number) => columns.push({
      title: `diagnostic ${number}`, titleFormatter: heading(name, ["", "higher is better", "lower is better"].at(better), definition), field: `diagnostic${number}`, sorter: "number", minWidth: 130,
      sorterParams: { alignEmptyValues: "bottom" },
      formatter: (cell) => {
        const figure = (cell.getData().diagnostics || [])[number];
        const box = make("div");
        box.append(make("span", "score", figure ? show(figure[0], scale) : DASH), make("span", "ends", figure ? ends(figure[1], figure[2], scale) : ""));
        return box;
      },
    }));
    group.provenance.forEach((name, number) => columns.push({
      title: name, titleFormatter: heading(name), field: `from${number}`, minWidth: 110, headerFilter: "input",
      formatter: (cell) => { const box = make("span", "small", cell.getValue()); box.title = cell.getValue(); return box; },
    }));
    columns.forEach((column) => { column.visible = ["always", "scores"].includes(viewOf(column.field)); column.variableHeight = true; });
    return columns;
  }

  function plainTable(headers, rows) {
    const table = make("table", "figures");
    const head = table.createTHead().insertRow();
    headers.forEach((header) => head.append(make("th", "", header)));
    const body = table.createTBody();
    rows.forEach((cells) => { const line = body.insertRow(); cells.forEach((cell) => { const place = make("td"); place.append(cell); line.append(place); }); });
    const box = make("div", "scroll");
    box.append(table);
    return box;
  }

  const dialog = document.getElementById("details");
  function opener(group) {
    return (row) => {
      dialog.replaceChildren();
      const close = make("button", "close", "Close");
      close.addEventListener("click", () => dialog.close());
      dialog.append(close, make("h2", "", row.name));
      (row.links || []).forEach(([id, address]) => {
        const link = make("a", "", `Report of ${id}, with its samples`);
        link.href = address;
        const line = make("p");
        line.append(link);
        dialog.append(line);
      });
      if (row.members) {
        dialog.append(make("h3", "", "Checkpoints and seeds of this row"), plainTable(["checkpoint", "seed", "step", ...group.columns.map((column) => column.title)], row.members.map(([name, seed, step, address, values]) => {
          const link = make("a", "", name);
          if (address) link.href = address;
          return [address ? link : name, String(seed ?? DASH), String(step ?? DASH), ...values.map((value, number) => show(value, group.columns[number].scale))];
        })));
      }
      if (row.causes) {
        dialog.append(make("p", "small", "Wrong answers per 100: " + row.causes.map((share, number) => `${group.causes[number][0]} ${show(share, 100)}`).join(", ")));
      }
      group.columns.forEach((column, number) => {
        const cell = row.cells[number];
        if (!cell) return;
        dialog.append(make("h3", "", `${column.title}: ${show(cell[0], column.scale)} ${ends(cell[1], cell[2], column.scale)}`));
        const more = row.more && row.more[number];
        if (!more) return;
        const [counts, words, metrics] = more;
        if (words) dialog.append(make("p", "", `Against the baseline: ${words}`));
        const [samples, unanswered, notUnderstood, undecided, cutOff, errors, disputed] = counts;
        const unsettled = (notUnderstood ? `, ${notUnderstood} not understood` : "") + (undecided ? `, ${undecided} undecided` : "");
        dialog.append(make("p", "small muted", `${samples} questions, ${unanswered} unanswered${unsettled}, ${cutOff} cut off, ${errors} without a response; strict and official verdict differ on ${disputed}.`));
        dialog.append(plainTable(["metric", "strict", "95 % interval", "official", "n", ...(unsettled ? ["range"] : [])], metrics.map((metric) => [
          data.texts[metric[0]], show(metric[1], column.scale), ends(metric[2], metric[3], column.scale) || DASH, show(metric[4], column.scale), String(metric[5]),
          ...(unsettled ? [spread(metric.slice(6), column.scale) || DASH] : []),
        ])));
      });
      if (row.diagnostics) {
        dialog.append(make("h3", "", "Diagnostics"), plainTable(["figure", "value", "95 % interval"], row.diagnostics.map((figure, number) => [
          group.diagnostics[number][0], figure ? show(figure[0], group.diagnostics[number][2]) : DASH,
          (figure && ends(figure[1], figure[2], group.diagnostics[number][2])) || DASH,
        ])));
      }
      if (!row.more) dialog.append(make("p", "small muted", "All metrics of this row are in leaderboard.json; they are left out of large pages."));
      const list = make("dl");
      group.provenance.forEach((name, number) => {
        const value = data.texts[row.from[number]];
        if (value) list.append(make("dt", "", name), make("dd", "", value));
      });
      dialog.append(make("h3", "", "Where it comes from"), list);
      dialog.showModal();
    };
  }
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  data.groups.forEach((group, place) => {
    const holder = document.getElementById(`table-${place}`);
    holder.replaceChildren();
    const totals = group.rows.map((row) => (row.causes || []).reduce((sum, share) => sum + share, 0));
    const rows = group.rows.map((row, number) => {
      const flat = { ...row, number, wrong: row.causes ? totals[number] : null, scaleOfCauses: Math.max(...totals) || 1 };
      row.cells.forEach((cell, at) => { flat[`score${at}`] = cell ? cell[0] : null; });
      (row.diagnostics || []).forEach((figure, at) => { flat[`diagnostic${at}`] = figure ? figure[0] : null; });
      row.from.forEach((text, at) => { flat[`from${at}`] = data.texts[text]; });
      return flat;
    });
    const table = new Tabulator(holder, {
      data: rows, index: "number", columns: columnsOf(group, opener(group)), layout: "fitColumns", movableColumns: !narrow,
      // A table higher than a screen scrolls by itself, so that its heading stays in sight and only rows in sight are drawn.
      placeholder: "No checkpoint passes the filters.", ...(rows.length > 40 ? { height: "75vh" } : {}),
      rowFormatter: (row) => row.getElement().classList.toggle("base", Boolean(row.getData().base)),
    });
    const views = document.getElementById(`views-${place}`);
    views.addEventListener("change", (event) => {
      table.getColumns().forEach((column) => {
        const view = viewOf(column.getField());
        if (view !== "always") column[view === event.target.value ? "show" : "hide"]();
      });
      table.redraw(true);
    });
  });
})();
