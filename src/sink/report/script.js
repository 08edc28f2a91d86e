
"use strict";
(() => {
  const bar = document.getElementById("filter");
  if (!bar) return;
  const find = bar.querySelector("input"), level = bar.querySelector("select"), said = bar.querySelector("output");
  const alerts = Array.from(document.querySelectorAll("article.alert"), (card) => ({
    card, row: document.getElementById("r" + card.id.slice(1)), text: card.textContent.toLowerCase(),
  }));
  const apply = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { card, row, text } of alerts) {
      const fits = (!level.value || card.dataset.level === level.value) && words.every((word) => text.includes(word));
      card.hidden = !fits;
      if (row) row.hidden = !fits;
      shown += fits;
    }
    said.textContent = shown === alerts.length ? "" : shown + " of " + alerts.length + " alerts";
  };
  bar.hidden = false;
  bar.addEventListener("input", apply);
  bar.addEventListener("submit", (event) => event.preventDefault());
})();
