// The runs of a folder as they stand, asked for again every few seconds. Texts go into the page as text alone.
"use strict";

const EVERY = 3000;
const MEASURES = { loss: "loss", reward: "reward", kl: "KL (nats)" };
const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes = {}, ...inside) {
  const made = attributes.viewBox || name === "path" ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

// A measure of a run: its stages one after the other, a line each.
function drawing(measure, curves) {
  const values = curves.flatMap((curve) => curve.values);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const lines = curves.map((curve, k) => {
    const along = (step) => (300 * (k + step / curve.steps.at(-1))) / curves.length;
    const up = (value) => 76 - (72 * (value - low)) / (high - low || 1);
    const points = curve.values.map((value, n) => `${along(curve.steps[n]).toFixed(1)} ${up(value).toFixed(1)}`);
    return make("path", { d: `M${points.length > 1 ? points.join("L") : `${points[0]}h1`}`, fill: "none", stroke: "currentColor", "stroke-width": 1.5 });
  });
  const last = curves.at(-1);
  const said = `${MEASURES[measure]} ${last.values.at(-1)}, between ${low} and ${high}, in ${curves.map((curve) => curve.stage).join(", ")}`;
  const svg = make("svg", { viewBox: "0 0 300 80", role: "img", "aria-label": said }, ...lines);
  return make("figure", {}, make("figcaption", {}, `${MEASURES[measure]} ${last.values.at(-1)}`), svg);
}

function shown(run) {
  const of = (measure) => run.curves.filter((curve) => curve.measure === measure);
  const drawn = Object.keys(MEASURES).filter((measure) => of(measure).length).map((measure) => drawing(measure, of(measure)));
  const head = make("h4", {}, run.name, " ", make("small", {}, run.standing));
  return make("section", { class: "sample" }, head, make("p", { class: "note" }, run.at), make("div", { class: "panels many" }, ...drawn));
}

let before = "";

async function look() {
  const state = document.getElementById("state");
  try {
    const text = await (await fetch("/runs.json")).text();
    const found = JSON.parse(text);
    const training = found.runs.filter((run) => run.standing === "training").length;
    state.textContent = `${found.runs.length} runs, ${training} of them training`;
    if (text !== before) {
      const links = found.reports.map((one) => make("li", {}, make("a", { href: one.address }, one.name)));
      document.getElementById("reports").replaceChildren(...(links.length ? links : [make("li", {}, "none yet")]));
      const order = (run) => ["training", "stopped", "damaged"].indexOf(run.standing) >>> 0; // what is at work comes first
      document.getElementById("runs").replaceChildren(...found.runs.sort((a, b) => order(a) - order(b)).map(shown));
      before = text;
    }
  } catch {
    state.textContent = "moa view no longer answers";
  }
  setTimeout(look, EVERY);
}

look();
