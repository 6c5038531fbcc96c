"use strict";
// Every text of a run reaches the page through textContent, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = String(text);
  return element;
}

// The sections of a response, a block each; in them, the words that its reading rests on are marked.
const TAG = /(<[ \t]{0,3}\/?[ \t]{0,3}(?:planning|prethink|caption|think|answer)[ \t]{0,3}>)/i;
const TITLES = { planning: "planning", caption: "caption", think: "thinking", answer: "answer", outside: "outside the sections", "": "response" };
function responseParts(text, span) {
  const pieces = text.split(TAG), blocks = [], plain = pieces.length === 1 ? "" : "outside";
  let section = plain, at = 0;
  for (const piece of pieces) {
    const start = at;
    at += piece.length;
    if (TAG.test(piece)) {
      section = piece.includes("/") ? plain : piece.replace(/[<>\/\s]/g, "").toLowerCase().replace("prethink", "planning");
    } else if (piece.trim()) {
      const block = make("div", `part ${section}`), body = make("p");
      block.append(make("h4", "", TITLES[section]), body);
      blocks.push(block);
      const [from, to] = (span || [0, 0]).map((end) => Math.max(start, Math.min(at, end)) - start);
      if (from < to) body.append(piece.slice(0, from).trimStart(), make("mark", "", piece.slice(from, to)), piece.slice(to).trimEnd());
      else body.append(piece.trim());
    }
  }
  return blocks;
}
