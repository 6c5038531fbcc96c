"use strict";
unpack(data.samples).then((samples) => {
  const KEYS = ["task", "list", "sample"], holder = document.getElementById("pair-0");
  let state = {};
  const pair = { ...data, rows: data.rows.map((row) => ({
    ...row,
    label: (at) => [samples[at].id, samples[at].question],
    open: async (at) => ({ images: samples[at].images.map((place) => data.images[place]), sides: samples[at].sides.map((side, which) => ({ ...side, name: data.names[which] })) }),
  })) };
  const show = () => showPair(holder, pair, state, (next, focus) => {
    state = next;
    history.replaceState(null, "", `#${new URLSearchParams(KEYS.filter((key) => state[key]).map((key) => [key, state[key]]))}`);
    show();
    if (focus) holder.querySelector(focus)?.focus();
  });
  function read() {
    state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    show();
  }
  addEventListener("hashchange", read);
  read();
  document.documentElement.dataset.ready = "yes";
});
