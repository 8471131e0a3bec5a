// Filters of the gallery: a row stays where every choice fits it. The choices stand in the address, so that a view can be kept.
{
  const form = document.querySelector("#filters");
  const table = document.querySelector("table");
  const data = JSON.parse(document.querySelector("#figures").textContent);
  const head = document.querySelector("#measure");
  const column = [...head.parentElement.cells].indexOf(head);
  const names = { data: "data set", model: "model", task: "task", state: "state" };
  const rows = [...table.tBodies[0].rows].map((row) => {
    const cell = row.cells[column];
    const facts = { tag: data.tags[row.dataset.row], figures: new Map(data.rows[row.dataset.row].map((f) => [String(f[0]), f])) };
    for (const [key, name] of Object.entries(names)) facts[key] = [row.querySelector(`[data-name="${name}"]`).dataset.value];
    return { row, cell, facts, text: row.textContent.toLowerCase(), main: { value: cell.dataset.value, text: cell.firstElementChild.textContent, name: cell.dataset.name, label: cell.lastElementChild.textContent } };
  });
  const fields = [...form.querySelectorAll("select, input")];
  const label = (select) => select.selectedOptions[0].textContent.replace(/ \(\d+\)$/, "");

  const measure = () => {
    const asked = form.elements.measure;
    for (const { cell, facts, main } of rows) {
      const own = facts.figures.get(asked.value);
      cell.dataset.value = asked.value ? (own ? own[1] : "") : main.value;
      cell.firstElementChild.textContent = asked.value ? (own ? own[2] : "-") : main.text;
      cell.dataset.name = asked.value ? label(asked) : main.name;
      cell.lastElementChild.textContent = asked.value ? "" : main.label;
    }
    head.firstElementChild.textContent = asked.value ? label(asked) : "test measure";
    // The best first: where less is better, the smallest.
    head.dataset.first = asked.value && data.lower[asked.value] ? "up" : "";
  };

  const show = () => {
    const asked = Object.fromEntries(fields.map((field) => [field.name, field.value]));
    const words = asked.search.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { row, facts, text } of rows) {
      const fits = ["data", "model", "task", "tag", "state"].every((key) => !asked[key] || facts[key].includes(asked[key]));
      const there = !asked.measure || facts.figures.has(asked.measure);
      row.hidden = !(fits && there && words.every((word) => text.includes(word)));
      count += !row.hidden;
    }
    for (const field of fields) field.classList.toggle("on", field.value !== "");
    document.querySelector("#shown").textContent = count === rows.length ? `All ${count} are shown.` : `${count} of ${rows.length} are shown.`;
  };

  const keep = () => {
    const chosen = fields.filter((field) => field.value);
    const pairs = chosen.map((field) => [field.name, field.name === "measure" ? label(field) : field.value]);
    const hash = new URLSearchParams(pairs).toString();
    try { history.replaceState(null, "", hash ? `#${hash}` : "#"); } catch { /* some browsers refuse it of files */ }
  };

  const restore = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) {
      const value = asked.get(field.name) ?? "";
      const option = field.name === "measure" ? [...field.options].find((one) => one.value && one.textContent.replace(/ \(\d+\)$/, "") === value) : null;
      field.value = option ? option.value : field.name === "measure" ? "" : value;
      if (field.selectedIndex === -1) field.value = "";
    }
    measure();
    show();
  };

  form.addEventListener("input", (event) => {
    if (event.target.name === "measure") measure();
    show();
    keep();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { measure(); show(); keep(); }));
  window.addEventListener("hashchange", restore);
  form.hidden = false;
  restore();
}
