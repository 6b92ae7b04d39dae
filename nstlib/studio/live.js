// Live's page: a frame goes out only when the last one's picture is back.
function render({ model, el }) {
  el.classList.add("nst-live");
  el.innerHTML = `<canvas class="nst-live-picture" width="256" height="192" role="img" aria-label="what is painted"></canvas>
    <div class="nst-live-row"><button>Start</button>
    <label>strength <input type="range" class="nst-live-strength" min="0" max="1" step="0.05"></label>
    <label>size <input type="range" class="nst-live-size" min="96" max="640" step="32"></label>
    <span class="nst-live-rate"></span></div><div class="nst-live-told" role="status"></div>`;
  const find = (name) => el.querySelector(name);
  const picture = find("canvas"), button = find("button"), told = find(".nst-live-told"), rate = find(".nst-live-rate");
  const video = document.createElement("video"), small = document.createElement("canvas");
  const times = [];
  const most = 2;  // frames on their way: the kernel paints one while the page takes up the other
  let running = false, stream = null, address = null, away = 0;
  video.muted = true; video.loop = true; video.playsInline = true;

  for (const [name, read] of [["strength", parseFloat], ["size", parseInt]]) {
    const slider = find(`.nst-live-${name}`);
    slider.value = model.get(name);
    slider.oninput = () => { model.set(name, read(slider.value)); model.save_changes(); };
  }

  function send() {
    if (!running || away >= most) return;
    const longest = Math.max(video.videoWidth, video.videoHeight);
    if (!longest) { requestAnimationFrame(send); return; }
    const scale = model.get("size") / longest;
    small.width = Math.max(16, Math.round(video.videoWidth * scale));
    small.height = Math.max(16, Math.round(video.videoHeight * scale));
    const pen = small.getContext("2d", { willReadFrequently: true });
    pen.drawImage(video, 0, 0, small.width, small.height);
    const pixels = pen.getImageData(0, 0, small.width, small.height).data;
    away += 1;
    model.send({ width: small.width, height: small.height }, undefined, [pixels.buffer]);
  }

  function show(message, buffers) {
    away = Math.max(0, away - 1);
    const view = buffers[0];
    const bytes = new Uint8ClampedArray(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);
    picture.width = message.width; picture.height = message.height;
    picture.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(bytes), message.width), 0, 0);
    times.push(performance.now());
    if (times.length > 20) times.shift();
    const seconds = (times.at(-1) - times[0]) / 1000;
    if (seconds > 0) rate.textContent = `${((times.length - 1) / seconds).toFixed(1)} frames a second`;
    send();
  }

  function stop() {
    running = false; times.length = 0; button.textContent = "Start";
    stream?.getTracks().forEach((track) => track.stop());
    if (address) URL.revokeObjectURL(address);
    stream = address = null; video.pause(); video.srcObject = null; video.removeAttribute("src");
  }

  button.onclick = async () => {
    if (running) { stop(); return; }
    told.textContent = "";
    try {
      const clip = model.get("clip");
      if (clip?.byteLength) video.src = address = URL.createObjectURL(new Blob([clip]));
      else {
        if (!navigator.mediaDevices) throw new Error("a browser gives it to https and localhost alone");
        video.srcObject = stream = await navigator.mediaDevices.getUserMedia({ video: true });
      }
      running = true; button.textContent = "Stop";
      await video.play();
      for (let frame = 0; frame < most; frame += 1) send();
    } catch (error) {
      stop();
      const what = model.get("clip")?.byteLength ? "the clip cannot be played" : "there is no camera to use";
      told.textContent = `${what}: ${error.message}`;
    }
  };
  const fails = () => { away = 0; told.textContent = model.get("told"); if (model.get("told")) stop(); };
  model.on("msg:custom", show);
  model.on("change:told", fails);
  return () => { stop(); model.off("msg:custom", show); model.off("change:told", fails); };
}

export default { render };
