// Draws each chart of the page from the definition beside it. The buttons of a legend switch series, the pointer tells
// values, dragging and Ctrl + wheel zoom, a double click shows all again. Nothing is loaded from elsewhere.
(() => {
  const tip = Object.assign(document.createElement("div"), { className: "chart-tip", hidden: true });
  document.body.append(tip);

  // Texts of the data are shown as text, whatever they hold.
  function tell(event, text) {
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${scrollX + Math.max(8, Math.min(room, event.clientX + 14))}px`;
    tip.style.top = `${scrollY + event.clientY + 16}px`;
  }

  const font = getComputedStyle(document.body).fontFamily;
  const shown = { filter: "indexof(hidden, datum.s) < 0" };
  const wheel = "wheel![event.ctrlKey || event.metaKey]";
  // A finger that strokes over a chart scrolls the page.
  const drag = '[pointerdown[event.pointerType == "mouse"], window:pointerup] > window:pointermove!';

  // What a page adds to the drawing that files hold: switches, zoom, values, the width of its place.
  function interactive({ spec, summary, nearest, zoom }, width) {
    const layers = spec.layer.map((layer) => ({
      ...layer,
      mark: { ...layer.mark, clip: zoom.length > 0 && layer.mark.type !== "text", tooltip: { content: "data" } },
      ...(layer.data ? { transform: [...(layer.transform || []), shown] } : {}),
    }));
    if (nearest) {
      const select = { type: "point", on: "pointerover", clear: "pointerout", nearest: true };
      layers.push({
        mark: { type: "point", filled: true, size: 46, tooltip: { content: "data" }, aria: false },
        params: [{ name: "near", select }],
        encoding: {
          color: layers[0].encoding.color,
          opacity: { condition: { param: "near", value: 1, empty: false }, value: 0 },
        },
      });
    }
    if (zoom.length) {
      const select = { type: "interval", encodings: zoom, zoom: wheel, translate: drag, clear: "dblclick" };
      layers[0].params = [{ name: "zoom", bind: "scales", select }];
    }
    return {
      ...spec, width, layer: layers, autosize: { type: "fit-x", contains: "padding" },
      params: [{ name: "hidden", value: [] }],
      transform: [...(spec.transform || []), shown],
      description: summary, config: { ...spec.config, font },
    };
  }

  const number = (value) => String(Number(value.toPrecision(4)));

  async function draw(figure) {
    const chart = JSON.parse(figure.querySelector("script").textContent);
    const place = figure.querySelector(".drawing");
    const value = (row) => (row.s in chart.names ? `${chart.names[row.s]}: ${number(row.x)}, ${number(row.y)}` : "");
    const told = (row) => row.told || value(row).replace(/^: /, "");
    const options = {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, hover: true,
      loader: { load: () => Promise.reject(new Error("a page loads nothing")) },
      tooltip: (_, event, item, value) => tell(event, value ? told(item.datum.datum || item.datum) : ""),
      // The legend of the page has switches; that of the drawing is for files.
      patch: (program) => ({ ...program, legends: [] }),
    };
    const { view } = await window.vegaEmbed(place, interactive(chart, place.clientWidth), options);
    figure.view = view;
    const buttons = [...figure.querySelectorAll(".legend button")];
    const off = () => buttons.filter((one) => one.getAttribute("aria-pressed") === "false");
    for (const button of buttons) {
      button.disabled = false;
      button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") === "false");
        view.signal("hidden", off().map((one) => Number(one.dataset.series))).run();
      });
    }
    let before = place.clientWidth;
    addEventListener("resize", () => {
      if (place.clientWidth === before) return;
      before = place.clientWidth;
      view.width(before).run();
    });
  }

  // One after the other whenever the page has nothing else to do; those in sight come first.
  const waiting = new Set(document.querySelectorAll("figure.chart"));
  const first = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting && waiting.delete(entry.target)) draw(entry.target);
  }, { rootMargin: "200px" });
  waiting.forEach((figure) => first.observe(figure));
  const idle = window.requestIdleCallback || ((work) => setTimeout(work, 30));
  async function next() {
    const [figure] = waiting;
    if (!figure) return document.documentElement.classList.add("drawn");
    waiting.delete(figure);
    await draw(figure);
    idle(next);
  }
  idle(next);
  addEventListener("beforeprint", () => waiting.forEach((figure) => waiting.delete(figure) && draw(figure)));
})();
