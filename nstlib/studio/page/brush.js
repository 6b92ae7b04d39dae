// The brush: strokes over the picture, drawn as they are made, and sent; the kernel keeps them in `strokes`. They go as
// messages, as an undo does: the model's own changes wait while the kernel is busy, and an undo would overtake them.
// layers: {name, text, color}; the last one is what is to be painted anew, the others are the styles' and exclude
// each other. A stroke: {layer, erase, radius (of the longest side), points [[x, y], …]} (of the width, the height).

const DRAWN = 1024; // longest side of what is drawn, pixels
const NUDGE = 0.02; // of the picture: what an arrow moves the brush by

function brushed({ model, worlds, bar, el, place }) {
  const brush = { on: false, radius: 0.05, erase: false, layer: 0, at: [0.5, 0.5], stroke: null, sent: [], more: "" };
  const canvases = worlds.map((world) => element("canvas", "nst-marks", world));
  const rings = worlds.map((world) => element("div", "nst-ring", world));
  const tools = element("div", "nst-viewer-bar nst-brush", el, { role: "toolbar", "aria-label": "brush" });
  const toggle = (parent, text, title, action) => {
    const made = element("button", "nst-small", parent, { type: "button", title });
    made.textContent = text;
    made.addEventListener("click", action);
    return made;
  };
  const button = toggle(bar, "Brush", "mark where a style goes, or what is painted anew (P)", () => turn(!brush.on));
  const choice = element("select", "nst-small", tools, { "aria-label": "what the brush marks" });
  const size = element("input", "", tools, {
    type: "range", min: 0.005, max: 0.25, step: 0.005, "aria-label": "size of the brush", title: "size of the brush ([ and ])",
  });
  const eraser = toggle(tools, "Eraser", "take marks away (E)", () => { brush.erase = !brush.erase; show(); });
  toggle(tools, "Clear", "take all marks of this kind away; Undo brings them back", () => {
    model.send({ action: "clear", layer: layer().name });
  });
  const again = toggle(tools, "Repaint here", "paint what is marked anew, by the settings as they are; the rest stays", () => {
    model.send({ action: "repaint" });
  });
  const told = element("span", "nst-told", tools, { role: "status" });
  choice.addEventListener("change", () => { brush.layer = choice.selectedIndex; show(); tell(""); });
  size.addEventListener("input", () => resize(+size.value));

  const layers = () => model.get("layers");
  const layer = () => layers()[Math.min(brush.layer, layers().length - 1)];
  const scale = () => { // [width, height] of what is drawn
    const [width, height] = model.get("size");
    return [width, height].map((side) => Math.round(side * DRAWN / Math.max(width, height)));
  };
  let marks = new Map(); // a canvas for each layer

  function turn(on) {
    brush.on = on;
    if (on && !model.get("strokes").length) brush.layer = layers().length > 2 ? 0 : layers().length - 1;
    show();
    tell("");
    place();
    if (on) el.querySelector(".nst-panes").focus();
  }

  function resize(radius) {
    brush.radius = Math.min(0.25, Math.max(0.005, radius));
    show();
  }

  /** A stroke's part from point `from` on, into its layer; out of those that it takes the place of. */
  function draw(stroke, from = 0) {
    const [width, height] = scale();
    const last = layers().at(-1).name;
    for (const [name, canvas] of marks) {
      const own = name === stroke.layer;
      if (!own && (stroke.erase || [name, stroke.layer].includes(last))) continue;
      const pen = canvas.getContext("2d");
      pen.globalCompositeOperation = own && !stroke.erase ? "source-over" : "destination-out";
      pen.strokeStyle = layers().find((one) => one.name === name).color;
      pen.lineWidth = 2 * stroke.radius * Math.max(width, height);
      pen.lineCap = pen.lineJoin = "round";
      pen.beginPath();
      const points = stroke.points.slice(Math.max(0, from - 1));
      pen.moveTo(points[0][0] * width + 0.01, points[0][1] * height); // a line of no length at all is not drawn
      for (const [x, y] of points) pen.lineTo(x * width, y * height);
      pen.stroke();
    }
  }

  function redraw() {
    const [width, height] = scale();
    marks = new Map(layers().map(({ name }) => [name, Object.assign(document.createElement("canvas"), { width, height })]));
    const kept = model.get("strokes").map((stroke) => stroke.id);
    brush.sent = brush.sent.filter((stroke) => !kept.includes(stroke.id));
    const now = brush.stroke ? [brush.stroke] : [];
    for (const stroke of [...model.get("strokes"), ...brush.sent, ...now]) if (marks.has(stroke.layer)) draw(stroke);
    compose();
  }

  function compose() {
    const [width, height] = scale();
    for (const canvas of canvases) {
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const pen = canvas.getContext("2d");
      pen.clearRect(0, 0, width, height);
      for (const canvas of marks.values()) pen.drawImage(canvas, 0, 0);
    }
  }

  /** The share of the picture that the chosen layer has, in percent. */
  function share() {
    const small = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
    const pen = small.getContext("2d", { willReadFrequently: true });
    pen.drawImage(marks.get(layer().name), 0, 0, 64, 64);
    const pixels = pen.getImageData(0, 0, 64, 64).data;
    let sum = 0;
    for (let i = 3; i < pixels.length; i += 4) sum += pixels[i];
    return Math.round(100 * sum / 255 / 64 / 64);
  }

  /** Show what the brush is, without changing what is marked. */
  function show() {
    const offered = layers().map(({ name, text }) => Object.assign(document.createElement("option"), { value: name, textContent: text }));
    if ([...choice.options].map((o) => o.value).join("\n") !== offered.map((o) => o.value).join("\n")) {
      choice.replaceChildren(...offered);
    }
    brush.layer = Math.min(brush.layer, layers().length - 1);
    choice.selectedIndex = brush.layer;
    choice.style.borderLeft = `8px solid ${layer().color}`;
    size.value = brush.radius;
    button.setAttribute("aria-pressed", brush.on);
    eraser.setAttribute("aria-pressed", brush.erase);
    again.hidden = layer() !== layers().at(-1);
    tools.hidden = !brush.on;
    canvases.forEach((canvas) => { canvas.hidden = !brush.on; });
    const [width, height] = model.get("size");
    const across = 200 * brush.radius * Math.max(1, height / width); // of the picture's width, in percent
    for (const ring of rings) {
      ring.hidden = !brush.on;
      ring.style.cssText = `left: ${100 * brush.at[0]}%; top: ${100 * brush.at[1]}%; width: ${across}%; --nst-of: ${layer().color}`;
      ring.classList.toggle("nst-erases", brush.erase);
    }
  }

  function tell(more = brush.more) {
    brush.more = more;
    if (brush.on) told.textContent = `${share()} % marked${more}`;
  }

  const near = (a, b) => a.map((value, i) => Math.round(1e4 * value) / 1e4 === b[i]).every(Boolean);
  const rounded = (at) => at.map((value) => Math.round(1e4 * value) / 1e4);
  function begin(at) {
    const how = { layer: layer().name, erase: brush.erase, radius: brush.radius };
    brush.stroke = { id: Math.random(), ...how, points: [rounded(at)] };
    draw(brush.stroke);
    compose();
  }
  function goOn(at) {
    brush.at = at;
    if (brush.stroke && !near(at, brush.stroke.points.at(-1))) {
      brush.stroke.points.push(rounded(at));
      draw(brush.stroke, brush.stroke.points.length - 1);
      compose();
    }
    show();
  }
  function end() {
    const { stroke } = brush;
    brush.stroke = null;
    if (!stroke) return;
    brush.sent.push(stroke);
    redraw(); // as one line: drawn piece by piece, its edge is harder
    model.send({ action: "stroke", stroke });
    tell("");
  }

  /** What a key does while the picture has the focus: arrows move the brush, with Shift they mark, Enter is a dab. */
  function pressed(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const others = {
      Enter: () => { begin(brush.at); end(); }, "[": () => resize(brush.radius / 1.25), "]": () => resize(brush.radius * 1.25),
      e: () => eraser.click(), Escape: () => { turn(false); button.focus(); },
    };
    if (!brush.on || !(moves || others[event.key])) return false;
    if (moves) {
      if (event.shiftKey) begin(brush.at);
      goOn(brush.at.map((value, i) => Math.min(1, Math.max(0, value + NUDGE * moves[i]))));
      end();
      tell(`, the brush is at ${brush.at.map((value) => `${Math.round(100 * value)} %`).join(", ")}`);
    } else others[event.key]();
    return true;
  }

  const changed = { strokes: () => { redraw(); tell(); }, layers: () => { show(); redraw(); tell(); } };
  for (const [trait, listener] of Object.entries(changed)) model.on(`change:${trait}`, listener);
  const toldByKernel = (message) => { if (message.brush === false) turn(false); };
  model.on("msg:custom", toldByKernel);
  const reshaped = () => { if (scale().join() !== [canvases[0].width, canvases[0].height].join()) redraw(); show(); };
  show();
  redraw();
  return {
    get on() { return brush.on; },
    begin, goOn, end, pressed, reshaped,
    toggle: () => turn(!brush.on),
    leave: () => {
      for (const [trait, listener] of Object.entries(changed)) model.off(`change:${trait}`, listener);
      model.off("msg:custom", toldByKernel);
    },
  };
}

