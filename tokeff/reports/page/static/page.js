"use strict";
(() => {
  // Theme: the system's unless the button says otherwise.
  const root = document.documentElement, theme = document.getElementById("theme");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const show = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-pressed", String(isDark())); };
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; show(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();

  // Tables: a click on a column's name sorts by it; rows without a number stay last.
  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => {
      const th = button.parentElement, table = th.closest("table"), body = table.tBodies[0];
      const place = th.cellIndex, up = th.getAttribute("aria-sort") === "descending";
      for (const other of th.parentElement.cells) other.setAttribute("aria-sort", "none");
      th.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows], numeric = rows.some(row => row.cells[place].dataset.v !== undefined);
      const key = row => row.cells[place].dataset.v === undefined ? null : Number(row.cells[place].dataset.v);
      rows.sort((a, b) => {
        if (!numeric) return (up ? 1 : -1) * a.cells[place].textContent.localeCompare(b.cells[place].textContent);
        const x = key(a), y = key(b);
        if (x === null || y === null) return (x === null) - (y === null);
        return up ? x - y : y - x;
      });
      body.append(...rows);
    });
  }

  // Marks of figures say what they are to a pointer; the tables say it to everyone.
  const tip = document.getElementById("tip");
  document.addEventListener("pointerover", event => {
    const mark = event.target.closest && event.target.closest("figure svg [aria-roledescription][aria-label]");
    const said = mark && !/axis|legend|group/.test(mark.getAttribute("aria-roledescription")) && mark.getAttribute("aria-label");
    tip.hidden = !said;
    if (!said) return;
    tip.textContent = said;
    const box = mark.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(scrollX + box.left, scrollX + innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${scrollY + box.top - tip.offsetHeight - 8}px`;
  });

  // Print with every table open.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(each => { each.open = true; }));
})();
