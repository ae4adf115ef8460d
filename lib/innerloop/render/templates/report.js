// Tables can be sorted, figures show values, hide curves and can be saved, and code can be copied.
"use strict";

/** The number that a cell begins with, or its text. */
function sortKey(cell) {
  const text = cell.textContent.trim();
  const number = text.replaceAll("−", "-").replaceAll(",", "").match(/^(?:exactly )?[<+]?\s*(-?\d+(\.\d+)?(e-?\d+)?)/);
  return number ? parseFloat(number[1]) : text;
}

/** Numbers before text, dashes last. */
function compare(a, b) {
  if (a === "–" || b === "–") return (a === "–") - (b === "–");
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? -1 : 1;
  return a.localeCompare(b, undefined, { numeric: true });
}

function sortBy(table, column, direction, original) {
  const body = table.tBodies[0];
  const rows = original.map((row) => ({ row, key: sortKey(row.cells[column]) }));
  const sign = direction === "descending" ? -1 : 1;
  if (direction) rows.sort((a, b) => sign * compare(a.key, b.key));
  for (const { row } of rows) {
    // rules between rows only make sense in the table's original order
    row.classList.toggle("ruled", !direction && row.dataset.ruled === "yes");
    body.append(row);
  }
}

// Tables sort by any column: ascending, descending, and back to their original order.
for (const table of document.querySelectorAll("table.sortable")) {
  const original = [...table.tBodies[0].rows];
  const headings = [...table.tHead.rows[0].cells];
  if (original.length < 2) continue;
  for (const row of original) row.dataset.ruled = row.classList.contains("ruled") ? "yes" : "no";
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: null };
      const now = heading.getAttribute("aria-sort");
      const direction = now === null ? "ascending" : next[now];
      for (const other of headings) other.removeAttribute("aria-sort");
      if (direction) heading.setAttribute("aria-sort", direction);
      sortBy(table, column, direction, original);
    });
  });
}

const SVG = "http://www.w3.org/2000/svg";
/** In pixels: how near to a point the pointer must be, and how far from the point its values are shown. */
const REACH = 30, GAP = 12;
/** Pixels of a saved picture per typographical point. */
const SCALE = 200 / 72;

const number = (value) => typeof value === "number" ? String(+value.toPrecision(4)).replace("-", "−") : value;

function download(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** The figure as an SVG file: what is shown, in the colours of the printed figure. */
function svgText(svg) {
  const copy = svg.cloneNode(true);
  copy.querySelectorAll(".entry, .mark").forEach((added) => added.remove());
  return new XMLSerializer().serializeToString(copy).replace(/var\(--c\w{6}, (#\w{6})\)/g, "$1");
}

async function savePicture(svg, name) {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(svgText(svg))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  const { width, height } = svg.viewBox.baseVal;
  [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => download(name, blob));
}

/** The curves' values as CSV, a row per point. */
function csv(curves) {
  const rows = curves.flatMap(({ name, panel, along, value, points }) =>
    points.map(([, , ...shown]) => [name, panel, along, value, ...shown]));
  const cell = (text) => `"${String(text).replaceAll('"', '""')}"`;
  return [["curve", "panel", "along", "quantity", "at", "value", "low", "high"], ...rows]
    .map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

/** The nearest point of the curves that are not hidden, with its curve. */
function nearest(curves, hidden, left, top, reach) {
  let found = null;
  for (const curve of curves.filter(({ name }) => !hidden.has(name))) {
    for (const point of curve.points) {
      const distance = Math.hypot(point[0] - left, point[1] - top);
      if (distance < reach) [found, reach] = [{ curve, point }, distance];
    }
  }
  return found;
}

function sayValues(drawing, svg, curves, hidden) {
  const said = document.createElement("output");
  const mark = document.createElementNS(SVG, "circle");
  mark.setAttribute("class", "mark");
  mark.setAttribute("r", 5);
  mark.setAttribute("style", "fill: none; stroke: currentColor; stroke-width: 1.5");
  const forget = () => { said.remove(); mark.remove(); };
  const say = (event) => {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const found = nearest(curves, hidden, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale, REACH * scale);
    if (!found) return forget();
    const { curve, point: [left, top, at, value, low, high] } = found;
    const interval = low === undefined ? "" : ` (${number(low)} to ${number(high)})`;
    said.textContent = [
      curve.name === at ? at : `${curve.name}, ${curve.along} ${number(at)}`,
      `${curve.value}: ${number(value)}${interval}`, curve.panel,
    ].filter(Boolean).join("\n");
    mark.setAttribute("cx", left);
    mark.setAttribute("cy", top);
    svg.append(mark);
    drawing.append(said);
    const half = said.offsetWidth / 2;
    said.style.left = `${Math.min(Math.max(left / scale, half), box.width - half) - half}px`;
    // above the point, or below it where the drawing ends above
    const above = top / scale - said.offsetHeight - GAP;
    said.style.top = `${above < 0 ? top / scale + GAP : above}px`;
  };
  for (const kind of ["pointermove", "pointerdown"]) drawing.addEventListener(kind, say);
  drawing.addEventListener("pointerleave", forget);
}

/** Clicking an entry of the legend hides its curve or shows it again. */
function filterCurves(svg, hidden) {
  const entries = Map.groupBy(svg.querySelectorAll("[data-legend]"), (part) => part.dataset.legend);
  for (const [name, parts] of entries) {
    const boxes = parts.map((part) => part.getBBox());
    const [left, top] = [Math.min(...boxes.map((b) => b.x)), Math.min(...boxes.map((b) => b.y))];
    const entry = document.createElementNS(SVG, "rect");
    const place = {
      x: left - 2, y: top - 2, width: Math.max(...boxes.map((b) => b.x + b.width)) - left + 4,
      height: Math.max(...boxes.map((b) => b.y + b.height)) - top + 4,
    };
    const said = { class: "entry", role: "button", tabindex: 0, "aria-pressed": true, "aria-label": `Show ${name}` };
    for (const [key, value] of Object.entries({ ...place, ...said })) entry.setAttribute(key, value);
    const turn = () => {
      const shown = hidden.delete(name);
      if (!shown) hidden.add(name);
      entry.setAttribute("aria-pressed", shown);
      for (const part of parts) part.setAttribute("opacity", shown ? 1 : 0.3);
      for (const part of svg.querySelectorAll("[data-curve]")) {
        if (part.dataset.curve === name) part.setAttribute("display", shown ? "inline" : "none");
      }
    };
    entry.addEventListener("click", turn);
    entry.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      turn();
    });
    svg.append(entry);
  }
}

/** Make a figure show its values, hide curves and offer files to save. */
function enliven(figure) {
  const svg = figure.querySelector("svg"), hidden = new Set();
  const curves = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const files = { PNG: () => savePicture(svg, `${figure.id}.png`) };
  files.SVG = () => download(`${figure.id}.svg`, new Blob([svgText(svg)], { type: "image/svg+xml" }));
  if (curves.length) files.CSV = () => download(`${figure.id}.csv`, new Blob([csv(curves)], { type: "text/csv" }));
  for (const [kind, save] of Object.entries(files)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = kind;
    button.addEventListener("click", save);
    figure.querySelector(".downloads").append(button);
  }
  filterCurves(svg, hidden);
  sayValues(svg.parentElement, svg, curves, hidden);
}

for (const figure of document.querySelectorAll("figure")) {
  const fold = figure.closest("details");  // what is folded has no size yet
  if (fold) fold.addEventListener("toggle", () => enliven(figure), { once: true });
  else enliven(figure);
}

// Commands and files can be copied; if the browser does not let a page write to the clipboard, they are selected.
for (const code of document.querySelectorAll("pre")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected: press Ctrl+C";
    }
  });
  code.before(button);
}
