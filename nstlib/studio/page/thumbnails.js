// Tiles to choose pictures by: a click chooses one; with Ctrl, or while `blend` is on, it adds or takes away.

function render({ model, el }) {
  el.classList.add("nst-tiles");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", model.get("label"));

  function draw() {
    for (const image of el.querySelectorAll("img")) URL.revokeObjectURL(image.src);
    el.replaceChildren(...model.get("items").map(tile));
    mark();
  }

  function tile({ name, title, thumb }, number) {
    const button = document.createElement("button");
    button.className = "nst-tile";
    button.type = "button";
    button.title = title;
    const image = document.createElement("img");
    image.alt = "";
    image.draggable = false;
    image.src = URL.createObjectURL(new Blob([thumb]));
    const caption = document.createElement("span");
    caption.textContent = name;
    button.append(image, caption);
    button.addEventListener("click", (event) => choose(number, event.ctrlKey || event.metaKey));
    return button;
  }

  function choose(number, adds) {
    const old = model.get("chosen");
    let now = [number];
    if (model.get("many") && (adds || model.get("blend"))) {
      now = old.includes(number) ? old.filter((other) => other !== number) : [...old, number].sort((a, b) => a - b);
    }
    model.set("chosen", now.length ? now : old);
    model.save_changes();
  }

  function mark() {
    [...el.children].forEach((tile, number) => tile.setAttribute("aria-pressed", model.get("chosen").includes(number)));
  }

  el.addEventListener("dragover", (event) => event.preventDefault());
  el.addEventListener("drop", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    for (const file of event.dataTransfer.files) model.send({ file: file.name }, undefined, [await file.arrayBuffer()]);
  });
  model.on("change:items", draw);
  model.on("change:chosen", mark);
  draw();
  return () => {
    model.off("change:items", draw);
    model.off("change:chosen", mark);
    for (const image of el.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  };
}

export default { render };
