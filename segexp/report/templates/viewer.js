// The viewer takes its pictures from the figures of the page; all panes share place and zoom.
(() => {
  const viewer = document.getElementById("viewer");
  const figures = [...document.querySelectorAll(".specimens figure")];
  const find = (query) => viewer.querySelector(query);
  const all = (query) => [...viewer.querySelectorAll(query)];
  const stages = find(".stages"), strip = find(".strip"), outlines = find("#outlines"), opacity = find("#opacity");
  const order = ["image", "truth", "prediction", "errors", "probability"];
  const state = { number: 0, mode: "side", zoom: 1, x: 0, y: 0 };
  const chosen = { side: new Set(["image", "truth", "prediction", "errors"]), over: new Set(["image", "errors"]) };
  const most = 32;

  const picture = (key) => figures[state.number].querySelector(`img[data-key="${key}"]`);
  const drawnKey = (key) => outlines.checked && picture(`${key}-outline`) ? `${key}-outline` : key;

  function pane(keys, name) {
    const stage = document.createElement("div");
    const { width, height } = figures[state.number].dataset;
    stage.className = "stage";
    stage.style.setProperty("--ratio", width / height);
    const sheet = document.createElement("div");
    sheet.className = "sheet";
    for (const key of keys) {
      const image = picture(drawnKey(key)).cloneNode();
      if (keys.length > 1 && key !== "image") image.style.opacity = opacity.value / 100;
      sheet.append(image);
    }
    stage.append(sheet);
    if (name) stage.append(Object.assign(document.createElement("span"), { className: "tag", textContent: name }));
    return stage;
  }

  function draw() {
    const shown = order.filter((key) => chosen[state.mode].has(key));
    // An outline alone says nothing: in a pane of its own it lies over the image.
    const alone = (key) => (drawnKey(key) === key ? [key] : ["image", key]);
    const panes = state.mode === "over" ? [pane(shown, "")] : shown.map((key) => pane(alone(key), key));
    stages.replaceChildren(...panes);
    stages.className = `stages ${state.mode}`;
    stages.style.setProperty("--panes", Math.max(1, Math.min(panes.length, panes.length === 5 ? 3 : 4)));
    const figure = figures[state.number];
    find("#caption").innerHTML = figure.querySelector("figcaption").innerHTML;
    find("#number").textContent = `${state.number + 1} of ${figures.length}`;
    for (const button of all("[data-mode]")) button.setAttribute("aria-pressed", button.dataset.mode === state.mode);
    for (const button of all("[data-layer]")) {
      button.setAttribute("aria-pressed", chosen[state.mode].has(button.dataset.layer));
    }
    for (const entry of all("#swatches li")) {
      const seen = (key) => (key === "outlines" ? outlines.checked : chosen[state.mode].has(key));
      entry.hidden = !entry.dataset.layers.split(" ").some(seen);
    }
    opacity.disabled = state.mode === "side" && !outlines.checked;
    [...strip.children].forEach((button, number) => button.setAttribute("aria-current", number === state.number));
    place();
  }

  // x and y: the point of the picture, in shares of its sides, that lies in the middle of a pane.
  function place() {
    const room = 0.5 - 0.5 / state.zoom;
    state.x = Math.min(room, Math.max(-room, state.x));
    state.y = Math.min(room, Math.max(-room, state.y));
    for (const sheet of all(".sheet")) {
      sheet.style.transform = `scale(${state.zoom}) translate(${-100 * state.x}%, ${-100 * state.y}%)`;
      const pixel = (state.zoom * sheet.clientWidth) / figures[state.number].dataset.width;
      sheet.classList.toggle("close", pixel > 3);
      // Masks of large images: every n-th pixel alone would tear thin structures.
      sheet.classList.toggle("reduced", pixel * devicePixelRatio < 1);
    }
    stages.classList.toggle("zoomed", state.zoom > 1);
    find("#zoom").textContent = `${Math.round(100 * state.zoom)} %`;
  }

  // Zooms so that the point under (across, down), shares of the pane from its middle, stays where it is.
  function zoomBy(factor, across = 0, down = 0) {
    const next = Math.min(most, Math.max(1, state.zoom * factor));
    state.x += across * (1 / state.zoom - 1 / next);
    state.y += down * (1 / state.zoom - 1 / next);
    state.zoom = next;
    place();
  }

  function fit() {
    Object.assign(state, { zoom: 1, x: 0, y: 0 });
    place();
  }

  function show(number) {
    state.number = (number + figures.length) % figures.length;
    Object.assign(state, { zoom: 1, x: 0, y: 0 });
    draw();
    const button = strip.children[state.number];
    strip.scrollTo({ left: button.offsetLeft - (strip.clientWidth - button.clientWidth) / 2 });
  }

  function toggle(key) {
    const set = chosen[state.mode];
    if (!set.delete(key)) set.add(key);
    if (set.size === 0) set.add(key);
    draw();
  }

  function arrange(mode) {
    state.mode = mode;
    draw();
  }

  const acts = {
    ArrowLeft: () => show(state.number - 1), ArrowRight: () => show(state.number + 1),
    "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: fit,
    i: () => toggle("image"), t: () => toggle("truth"), p: () => toggle("prediction"), e: () => toggle("errors"),
    o: () => outlines.click(), s: () => arrange(state.mode === "side" ? "over" : "side"),
  };
  viewer.addEventListener("keydown", (event) => {
    const slides = event.target === opacity && event.key.startsWith("Arrow");
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || slides || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });

  const shares = (event, stage) => {
    const box = stage.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width - 0.5, (event.clientY - box.top) / box.height - 0.5];
  };
  // The page goes on scrolling over a viewer that nobody has clicked.
  stages.addEventListener("wheel", (event) => {
    const stage = event.target.closest(".stage");
    if (!stage || !(event.ctrlKey || viewer.contains(document.activeElement))) return;
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 300), ...shares(event, stage));
  }, { passive: false });

  const fingers = new Map();
  const apart = () => {
    const [one, other] = [...fingers.values()];
    return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  };
  stages.addEventListener("pointerdown", (event) => {
    if (!event.target.closest(".stage")) return;
    viewer.focus({ preventScroll: true });
    stages.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    event.preventDefault();
  });
  stages.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const box = find(".stage").getBoundingClientRect();
    const gap = fingers.size === 2 ? apart() : 0;
    fingers.set(event.pointerId, event);
    state.x -= (event.clientX - before.clientX) / box.width / state.zoom / fingers.size;
    state.y -= (event.clientY - before.clientY) / box.height / state.zoom / fingers.size;
    if (gap > 0) zoomBy(apart() / gap);
    place();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stages.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  stages.addEventListener("dblclick", (event) => {
    const stage = event.target.closest(".stage") || find(".stage");
    state.zoom > 1 ? fit() : zoomBy(3, ...shares(event, stage));
  });

  for (const button of all("[data-mode]")) button.addEventListener("click", () => arrange(button.dataset.mode));
  for (const button of all("[data-layer]")) button.addEventListener("click", () => toggle(button.dataset.layer));
  for (const button of all("[data-step]")) {
    button.addEventListener("click", () => show(state.number + Number(button.dataset.step)));
  }
  const zooms = { in: () => zoomBy(1.5), out: () => zoomBy(1 / 1.5), fit };
  for (const button of all("[data-zoom]")) button.addEventListener("click", () => zooms[button.dataset.zoom]());
  outlines.addEventListener("change", draw);
  opacity.addEventListener("input", draw);
  window.addEventListener("resize", place);

  figures.forEach((figure, number) => {
    const button = document.createElement("button");
    const image = figure.querySelector('img[data-key="image"]').cloneNode();
    button.type = "button";
    button.append(image, Object.assign(document.createElement("span"), { textContent: figure.dataset.rank }));
    button.addEventListener("click", () => show(number));
    strip.append(button);
  });
  viewer.hidden = false;
  document.documentElement.classList.add("scripted");
  draw();
})();
