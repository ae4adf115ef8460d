// Tables sort by any column: ascending, descending, and back to the order they were written in.
"use strict";

/** The number a cell begins with, or its text. */
function sortKey(cell) {
  const text = cell.textContent.trim();
  const number = text.replaceAll("−", "-").replaceAll(",", "").match(/^[<+]?\s*(-?\d+(\.\d+)?(e-?\d+)?)/);
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
    // rules divide the order the table was written in; in another order they mean nothing
    row.classList.toggle("ruled", !direction && row.dataset.ruled === "yes");
    body.append(row);
  }
}

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
