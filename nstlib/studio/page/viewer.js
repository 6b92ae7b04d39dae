// The picture: a wipe between two pictures, zoom with linked pan, and the panel's keys.
// left, right: the two pictures, encoded. size: (width, height) of the right one in its own pixels.

const ZOOMS = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16];
const KEYS = { " ": "start", k: "keep", b: "blink", p: "brush", "+": "in", "=": "in", "-": "out", 0: "fit", 1: "full" };
const TYPED = "input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable=true]";
const PRESSED = "button, a, summary, [role=slider], [role=button], [role=tab], input";

function element(tag, classes, parent, attributes = {}) {
  const made = document.createElement(tag);
  made.className = classes;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent?.append(made);
  return made;
}

/** Show a picture's bytes in an image; the address of the one before is let go once this one is there. */
function showBytes(image, bytes) {
  if (!bytes?.byteLength) return;
  const before = image.src;
  image.src = URL.createObjectURL(new Blob([bytes]));
  image.addEventListener("load", () => before && URL.revokeObjectURL(before), { once: true });
}

/** One side: a window on a picture, whose two layers are the left and the right picture. */
function pane(parent) {
  const root = element("div", "nst-pane", parent);
  const world = element("div", "nst-world", root);
  const right = element("img", "nst-right", world, { alt: "", draggable: "false" });
  const left = element("img", "nst-left", world, { alt: "", draggable: "false" });
  const names = ["nst-left-name", "nst-right-name"].map((name) => element("span", `nst-badge ${name}`, root));
  return { root, world, left, right, names };
}

function initialize({ model }) {
  model.on("msg:custom", (message, buffers) => {
    if (!message.download) return;
    const link = document.createElement("a");
    link.download = message.download;
    link.href = URL.createObjectURL(new Blob([buffers[0]], { type: message.type }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
}

function render({ model, el }) {
  el.classList.add("nst-viewer");
  const panes = element("div", "nst-panes", el, { tabindex: 0, role: "group", "aria-label": "the picture; with the brush, arrows move it, Shift and arrows or Enter mark" });
  const [one, other] = [pane(panes), pane(panes)];
  one.right.classList.add("nst-picture");
  const divider = element("div", "nst-divider", one.root, {
    role: "slider", tabindex: 0, "aria-label": "wipe: how much of the left picture is seen",
    "aria-valuemin": 0, "aria-valuemax": 100,
  });
  const bar = element("div", "nst-viewer-bar", el, { role: "toolbar", "aria-label": "view" });
  const button = (text, title, action) => {
    const made = element("button", "nst-small", bar, { type: "button", title });
    made.textContent = text;
    made.addEventListener("click", action);
    return made;
  };

  const view = { zoom: 0, x: 0.5, y: 0.5, left: false }; // zoom 0: as large as fits; x, y: what is in the middle
  const out = button("−", "smaller (−)", () => step(-1));
  const scale = element("span", "nst-scale", bar, { "aria-live": "polite" });
  button("+", "larger (+)", () => step(1));
  button("Fit", "as large as fits (0)", () => zoomTo(0));
  button("100 %", "a pixel of the picture for a pixel of the page (1)", () => zoomTo(1));
  const beside = button("Side by side", "both pictures, moved together", () => {
    model.set("beside", !model.get("beside"));
    model.save_changes();
  });
  const blink = button("A/B", "the left picture, and back (B)", () => {
    view.left = !view.left;
    place();
  });
  const brush = brushed({ model, worlds: [one.world, other.world], bar, el, place });

  function step(direction) {
    const now = current();
    const next = direction > 0 ? ZOOMS.find((z) => z > now * 1.01) : ZOOMS.findLast((z) => z < now * 0.99);
    if (next) zoomTo(next);
  }

  function zoomTo(zoom) {
    Object.assign(view, { zoom }, zoom ? {} : { x: 0.5, y: 0.5 });
    place();
  }

  const fits = () => {
    const [width, height] = model.get("size");
    return Math.min(one.root.clientWidth / width, one.root.clientHeight / height) || 1;
  };
  const current = () => view.zoom || fits();

  /** Lay the picture under its window, and the wipe over it. */
  function place() {
    const two = model.get("beside");
    other.root.hidden = !two;
    divider.hidden = two || view.left;
    const [width, height] = model.get("size").map((side) => side * current());
    const [wide, tall] = [one.root.clientWidth, one.root.clientHeight];
    const keep = (middle, side, window) => side <= window ? 0.5 : Math.min(1 - window / side / 2, Math.max(window / side / 2, middle));
    Object.assign(view, { x: keep(view.x, width, wide), y: keep(view.y, height, tall) });
    const [x, y] = [wide / 2 - view.x * width, tall / 2 - view.y * height];
    for (const { world } of [one, other]) {
      Object.assign(world.style, { width: `${width}px`, height: `${height}px`, transform: `translate(${x}px, ${y}px)` });
      world.classList.toggle("nst-pixels", view.zoom >= 4);
    }
    const [from, to] = [Math.max(0, x), Math.min(wide, x + width)]; // what is seen of the picture
    const share = view.left ? 1 : model.get("split");
    const edge = from + share * (to - from);
    one.left.style.clipPath = two ? "" : `inset(0 ${Math.max(0, x + width - edge)}px 0 0)`;
    one.left.hidden = !two && share === 0;
    other.left.hidden = true;
    divider.style.left = `${Math.min(wide - 13, Math.max(13, edge))}px`; // its handle is whole at the picture's ends
    divider.classList.toggle("nst-end", share === 0 || share === 1); // no line where there is nothing on its other side
    divider.setAttribute("aria-valuenow", Math.round(100 * share));
    const badges = [two || share > 0, two ? false : share < 1];
    one.names.forEach((name, side) => { name.hidden = !badges[side] || !name.textContent; });
    other.names[0].hidden = true;
    const larger = width > wide + 1 || height > tall + 1;
    one.root.style.cursor = brush.on ? "crosshair" : larger ? "grab" : two ? "" : "ew-resize";
    brush.reshaped();
    scale.textContent = `${Math.round(100 * current())} %`;
    beside.setAttribute("aria-pressed", two);
    blink.setAttribute("aria-pressed", view.left);
    out.disabled = current() <= ZOOMS[0];
  }

  function wipeTo(split) {
    model.set("split", Math.min(1, Math.max(0, split)));
    place();
  }

  /** Where a pointer is on the picture, as shares of its width and height. */
  function placeOf(event, pane) {
    const box = pane.world.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  /** Mark with the brush, as long as the pointer is down. */
  function mark(down) {
    const pane = other.root.contains(down.target) ? other : one;
    const move = (event) => { for (const each of event.getCoalescedEvents?.() ?? [event]) brush.goOn(placeOf(each, pane)); };
    panes.setPointerCapture(down.pointerId);
    brush.begin(placeOf(down, pane));
    panes.addEventListener("pointermove", move);
    panes.addEventListener("lostpointercapture", () => {
      panes.removeEventListener("pointermove", move);
      brush.end();
    }, { once: true });
  }

  panes.addEventListener("pointermove", (event) => {
    if (brush.on && !event.buttons) brush.goOn(placeOf(event, other.root.contains(event.target) ? other : one));
  });

  /** Drag the wipe; where the picture is larger than its window, drag the picture, and the wipe by its line. */
  panes.addEventListener("pointerdown", (down) => {
    if (down.button) return;
    if (brush.on && down.target !== divider && !down.altKey) {
      mark(down);
      return;
    }
    const [width, height] = model.get("size").map((side) => side * current());
    const box = one.root.getBoundingClientRect();
    const larger = width > box.width + 1 || height > box.height + 1;
    const wipes = !model.get("beside") && (down.target === divider || !(larger || brush.on));
    if (!wipes && !larger) return;
    let last = down;
    const seen = Math.min(box.width, width);
    const move = (event) => {
      if (wipes) wipeTo((event.clientX - box.left - (box.width - seen) / 2) / seen);
      else {
        view.x -= (event.clientX - last.clientX) / width;
        view.y -= (event.clientY - last.clientY) / height;
        place();
      }
      last = event;
    };
    const end = () => {
      panes.removeEventListener("pointermove", move);
      model.save_changes();
    };
    panes.setPointerCapture(down.pointerId);
    panes.addEventListener("pointermove", move);
    panes.addEventListener("lostpointercapture", end, { once: true });
    if (wipes) move(down);
  });
  panes.addEventListener("dblclick", () => brush.on || zoomTo(view.zoom ? 0 : 1));
  panes.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    step(-Math.sign(event.deltaY));
  }, { passive: false });
  divider.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    wipeTo(model.get("split") + moves[event.key]);
    model.save_changes();
  });

  const panel = () => el.closest(".nst-studio") ?? el;
  const actions = {
    in: () => step(1), out: () => step(-1), fit: () => zoomTo(0), full: () => zoomTo(1), blink: () => blink.click(),
    brush: brush.toggle,
  };

  /** The panel's keys, before the notebook has them: its B would add a cell. */
  function pressed(event) {
    const target = event.target;
    const alone = target === document.body && document.body.dataset.voila;
    if (!alone && !panel().contains(target)) return;
    if (target.closest?.(TYPED) && !target.closest("[role=slider]")) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let name = command ? { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key] : event.altKey ? null : KEYS[key];
    if (name === "start" && target.closest?.(PRESSED)) name = null;
    if (target === panes && !command && !event.altKey && brush.pressed(event)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (name) {
      event.preventDefault();
      event.stopImmediatePropagation();
      (actions[name] ?? (() => model.send({ action: name })))();
    } else if (!command && !event.altKey && event.key.length === 1 && !alone) {
      event.stopImmediatePropagation(); // no letter pressed in the panel edits the notebook
    }
  }

  /** A double click on a knob's name takes it back. */
  function reset(event) {
    const row = event.target.closest?.(".nst-row > .widget-label")?.parentElement;
    const of = row && [...row.classList].find((name) => name.startsWith("nst-of-"));
    if (of) model.send({ action: "reset", name: of.slice(7) });
  }

  /** Names for those who hear the page: ipywidgets leaves sliders and fields without. */
  function name() {
    for (const row of panel().querySelectorAll(".nst-row")) {
      const text = row.querySelector(":scope > .widget-label")?.textContent;
      for (const one of row.querySelectorAll("[role=slider], input, select, textarea, [contenteditable]")) {
        if (text && one.getAttribute("aria-label") !== text) one.setAttribute("aria-label", text);
      }
    }
    for (const one of panel().querySelectorAll("input:not([aria-label]), select:not([aria-label])")) {
      const text = one.placeholder?.trim() || one.title || one.parentElement.title;
      if (text && ![...one.labels].some((label) => label.innerText.trim())) one.setAttribute("aria-label", text);
    }
    for (const bar of panel().querySelectorAll(".progress:not([aria-label])")) {
      bar.setAttribute("aria-label", "steps taken");
      bar.setAttribute("role", "progressbar");
    }
    for (const image of panel().querySelectorAll("img.widget-image:not([alt])")) image.alt = "";
    panel().querySelector(".nst-message")?.setAttribute("role", "status");
  }

  const names = () => [one, other].forEach(({ names }, side) => {
    names[0].textContent = model.get("left_name");
    names[1].textContent = model.get("right_name");
  });
  const pictures = () => {
    showBytes(one.left, model.get("left"));
    showBytes(one.right, model.get("right"));
    if (model.get("beside")) showBytes(other.right, model.get("right"));
  };
  const change = {
    left: () => showBytes(one.left, model.get("left")),
    right: () => {
      showBytes(one.right, model.get("right"));
      if (model.get("beside")) showBytes(other.right, model.get("right"));
    },
    beside: () => { pictures(); place(); },
    size: place, split: place,
    left_name: () => { names(); place(); },
    right_name: () => { names(); place(); },
  };
  for (const [trait, listener] of Object.entries(change)) model.on(`change:${trait}`, listener);

  let due = 0;
  const later = new MutationObserver(() => { due ||= requestAnimationFrame(() => { due = 0; name(); }); });
  const sized = new ResizeObserver(place);
  sized.observe(one.root);
  window.addEventListener("keydown", pressed, true);
  requestAnimationFrame(() => { // by then the view is in the panel
    panel().addEventListener("dblclick", reset);
    later.observe(panel(), { childList: true, subtree: true });
    name();
    if (window.nstGone) model.send({ action: "gone" });
  });
  names();
  pictures();
  place();

  return () => {
    window.removeEventListener("keydown", pressed, true);
    later.disconnect();
    sized.disconnect();
    brush.leave();
    for (const [trait, listener] of Object.entries(change)) model.off(`change:${trait}`, listener);
    for (const image of el.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  };
}

export default { initialize, render };
