// What the report does beyond being read: marks that answer, methods that can be hidden, tables that sort, answers that
// can be searched. It reads nothing but the page, and puts texts from data into it as text alone.
"use strict";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function make(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...inside);
  return made;
}

// Marks. One of a drawing is in the order of the tab key, arrows go on from it.

const told = make("div", { id: "told", role: "tooltip", hidden: true });

function tell(mark) {
  told.textContent = mark.getAttribute("aria-label");
  told.hidden = false;
  const [box, own] = [mark.getBoundingClientRect(), told.getBoundingClientRect()];
  const left = Math.min(Math.max(8, box.x + box.width / 2 - own.width / 2), document.documentElement.clientWidth - own.width - 8);
  const above = box.y - own.height - 8;
  told.style.left = `${left}px`;
  told.style.top = `${above > 4 ? above : box.bottom + 8}px`;
}

const quiet = () => { told.hidden = true; };

function move(event, drawing) {
  const marks = all(".point", drawing).filter((mark) => mark.getClientRects().length);
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") quiet();
  if (!step || !marks.length) return;
  event.preventDefault();
  const next = marks[(marks.indexOf(document.activeElement) + step + marks.length) % marks.length];
  all(".point", drawing).forEach((mark) => mark.setAttribute("tabindex", mark === next ? 0 : -1));
  next.focus();
}

function marks() {
  document.body.append(told);
  for (const drawing of all("svg[role=group]")) {
    all(".point", drawing).forEach((mark, place) => {
      const title = mark.querySelector("title");
      mark.setAttribute("aria-label", title.textContent);
      title.remove(); // or the browser would show it as well
      mark.setAttribute("tabindex", place ? -1 : 0);
      mark.addEventListener("mouseenter", () => tell(mark));
      mark.addEventListener("mouseleave", quiet);
      mark.addEventListener("focus", () => tell(mark));
      mark.addEventListener("blur", quiet);
    });
    drawing.addEventListener("keydown", (event) => move(event, drawing));
  }
  addEventListener("scroll", () => { // the focus scrolls as well
    const pointed = document.querySelector(".point:hover, .point:focus");
    if (pointed && !told.hidden) tell(pointed);
    else quiet();
  }, { passive: true });
}

// Legends: a name hides and shows its method in all drawings and among the answers.

const keyOf = (element) => [...element.classList].find((name) => name.startsWith("of-"));

function toggle(key, shown) {
  all(`svg .${key}, .said tr.${key}`).forEach((part) => part.classList.toggle("off", !shown));
  all(`.legend button.${key}`).forEach((button) => button.setAttribute("aria-pressed", shown));
}

function legends() {
  for (const name of all(".legend .name")) {
    const key = keyOf(name);
    const button = make("button", { type: "button", class: key, "aria-pressed": "true" }, ...name.childNodes);
    button.classList.add("name");
    button.addEventListener("click", () => toggle(key, button.getAttribute("aria-pressed") !== "true"));
    name.replaceWith(button);
  }
  for (const legend of all(".crowd .legend")) {
    if (!legend.parentElement.querySelector(".between")) continue; // an older comparison has none
    const button = make("button", { type: "button", class: "name", "aria-pressed": "false" }, "all intervals");
    button.addEventListener("click", () => {
      const shown = legend.parentElement.classList.toggle("crowd");
      button.setAttribute("aria-pressed", !shown);
    });
    legend.append(make("li", {}, button));
  }
}

// Tables: a click on a head sorts, from the highest at first, and then the other way around.

const UNITS = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, s: 1, min: 60, h: 3600 };

function valueOf(cell) {
  const found = /^[^\d]{0,2}?([+\u2212-]?[\d.]+(?:e[+\u2212-]?\d+)?) ?(k|M|G|T|P|E|s|min|h)?(?![a-z])/.exec(cell.textContent.trim());
  return found ? parseFloat(found[1].replaceAll("\u2212", "-")) * (UNITS[found[2]] ?? 1) : null;
}

function sort(table, column, head) {
  const falling = head.getAttribute("aria-sort") !== "descending";
  const rows = all("tbody tr", table).map((row) => ({ row, text: row.cells[column].textContent, value: valueOf(row.cells[column]) }));
  const words = column === 0 || rows.every(({ value }) => value === null);
  rows.sort((a, b) => {
    if (words) return (falling ? 1 : -1) * a.text.localeCompare(b.text);
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null); // what is unknown comes last
    return (falling ? 1 : -1) * (b.value - a.value);
  });
  table.tBodies[0].append(...rows.map(({ row }) => row));
  all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
}

function tables() {
  for (const table of all("table:not(.matrix)")) {
    if (table.tBodies[0].rows.length < 2) continue;
    all("thead th", table).forEach((head, column) => {
      if (!head.textContent.trim() || all("tbody tr", table).every((row) => row.cells[column].querySelector(".strip"))) return;
      const button = make("button", { type: "button" }, ...head.childNodes);
      button.addEventListener("click", () => sort(table, column, head));
      head.append(button);
    });
  }
}

// Answers: every prompt with what methods say to it, weights side by side.

const PAGE = 5;
const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(2)}`;

function browser(place) {
  const data = JSON.parse(place.querySelector("script").textContent);
  const at = new Map(data.at.map((one) => [`${one.row} ${one.column}`, one]));
  const said = (row, column) => at.get(`${row} ${column}`) ?? at.get(`${row} -1`); // -1: the same at all weights
  const worth = (one, n, w) => one.scores[n].reduce((sum, score, m) => sum + score * w[m], 0);
  const state = { columns: data.columns.slice(0, data.first).map((_, k) => k), shown: PAGE };

  const search = make("input", { type: "search", oninput: fresh });
  const option = (name, value) => make("option", { value }, name);
  const rows = (chosen) => {
    const select = make("select", { onchange: fresh }, ...data.rows.map((row, k) => option(row.name, k)));
    select.value = Math.min(chosen, data.rows.length - 1);
    return select;
  };
  const [a, b] = [rows(0), rows(1)];
  const least = make("input", { type: "number", min: 0, step: 0.25, value: 0, oninput: fresh });
  const order = make("select", { onchange: fresh }, option("as measured", "no"), option("where A and B differ most", "yes"));
  const broken = make("input", { type: "checkbox", onchange: fresh });
  const weights = data.columns.map((column, k) => make("label", {}, make("input", {
    type: "checkbox", checked: k < data.first,
    onchange: (event) => { state.columns = state.columns.filter((c) => c !== k).concat(event.target.checked ? k : []).sort((x, y) => x - y); fresh(); },
  }), ` ${column.label}`));
  const label = (text, input) => make("label", {}, make("span", {}, text), input);
  const count = make("p", { role: "status", class: "note" });
  const list = make("div");
  const more = make("button", { type: "button", onclick: () => { state.shown += PAGE; draw(); } }, "more prompts");
  const several = data.rows.length > 1;

  function difference(n) {
    const gaps = state.columns.flatMap((c) => {
      const [ours, theirs] = [said(a.value, c), said(b.value, c)];
      return ours && theirs ? [Math.abs(worth(ours, n, data.columns[c].weights) - worth(theirs, n, data.columns[c].weights))] : [];
    });
    return gaps.length ? gaps.reduce((sum, gap) => sum + gap) / gaps.length : 0;
  }

  function matching() {
    const text = search.value.toLowerCase();
    const found = data.prompts.map((prompt, n) => ({ n, prompt, gap: difference(n) })).filter(({ n, prompt, gap }) =>
      (!text || prompt.toLowerCase().includes(text) || data.at.some((one) => one.said[n].toLowerCase().includes(text)))
      && gap >= (Number(least.value) || 0) && (!broken.checked || data.at.some((one) => one.broken[n])));
    return order.value === "yes" ? found.sort((x, y) => y.gap - x.gap) : found;
  }

  function cell(row, column, n) {
    const one = said(row, column);
    if (!one) return make("td", {}, "\u2013");
    const inside = [make("p", { dir: "auto" }, one.said[n] || "\u2013"), make("small", {}, one.scores[n].map((score, m) => `${data.objectives[m]} ${signed(score)}`).join(", "))];
    if (one.broken[n]) inside.unshift(make("small", { class: "flag" }, "degenerate"));
    return make("td", one.broken[n] ? { class: "broken" } : {}, ...inside);
  }

  function draw() {
    const found = matching();
    const head = make("tr", {}, make("th", { scope: "col" }, "Method"), ...state.columns.map((c) => make("th", { scope: "col" }, data.columns[c].label)));
    list.replaceChildren(...found.slice(0, state.shown).map(({ n, prompt, gap }) => {
      const lines = data.rows.map((row, k) => {
        const name = document.querySelector(`.${row.key}.name`).cloneNode(true);
        const off = document.querySelector(`.legend button.${row.key}[aria-pressed=false]`) ? " off" : "";
        return make("tr", { class: row.key + off }, make("th", { scope: "row" }, make("span", { class: "name" }, ...name.childNodes)), ...state.columns.map((c) => cell(k, c, n)));
      });
      const caption = `Prompt ${data.numbers[n]}${several ? `, A and B differ by ${gap.toFixed(2)}` : ""}`;
      const table = make("table", { class: "said" }, make("caption", {}, make("span", {}, caption)), make("thead", {}, head.cloneNode(true)), make("tbody", {}, ...lines));
      return make("section", { class: "sample" }, make("blockquote", { class: "prompt", dir: "auto" }, prompt), make("div", { class: "wide", role: "region", tabindex: 0, "aria-label": caption }, table));
    }));
    count.textContent = `${found.length} of ${data.prompts.length} prompts${data.prompts.length < data.of ? `, a sample of ${data.of}` : ""}`;
    more.hidden = found.length <= state.shown;
  }

  function fresh() { state.shown = PAGE; draw(); }

  const compared = several ? [label("A", a), label("B", b), label("differ by at least (SDs)", least), label("order", order)] : [];
  const controls = make("form", { class: "controls", onsubmit: (event) => event.preventDefault() }, label("search", search), ...compared,
    make("label", {}, broken, " degenerate only"), make("fieldset", {}, make("legend", {}, "weights"), ...weights));
  place.querySelector(".printed").hidden = true;
  place.append(controls, count, list, more);
  draw();
}

marks();
legends();
tables();
all(".browser").forEach(browser);
