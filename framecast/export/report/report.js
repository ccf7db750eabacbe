// The player of a report: pictures that are in the page already, one slider over all panels, no library and no network.
"use strict";

const clip = JSON.parse(document.getElementById("clip").textContent);
const nBefore = clip.before.length;
const n = clip.captions.length;
const byId = (id) => document.getElementById(id);
const player = byId("player");
const slider = byId("lead");
const panels = player.querySelector(".panels");
let frame = nBefore; // begins at lead 1
let timer = null;
let blinked = false;
let swipe = 0.5;

function make(tag, options = {}, ...children) {
  const element = Object.assign(document.createElement(tag), options);
  element.append(...children);
  return element;
}

// What panel `index` shows at a frame: before the origin all panels show what was observed, and there is no error yet.
function source(index, at) {
  if (at < nBefore) return clip.panels[index].title === "Error" ? "" : clip.before[at];
  return clip.panels[index].pictures[at - nBefore];
}

function draw() {
  const mode = byId("mode").value;
  player.dataset.mode = mode;
  views.forEach((view, index) => {
    const hidden = mode !== "side" && index === 1;
    view.figure.hidden = hidden;
    const under = mode === "blink" && index === 0 && blinked ? 1 : index;
    const picture = source(under, frame);
    view.image.style.visibility = picture ? "" : "hidden";
    if (picture) view.image.src = picture;
    view.image.alt = `${clip.panels[under].title}, ${clip.captions[frame]}`;
    const swiping = mode === "swipe" && index === 0;
    view.over.hidden = view.handle.hidden = !swiping;
    if (swiping) {
      view.over.src = source(1, frame);
      view.over.alt = `${clip.panels[1].title}, right of the handle`;
      view.over.style.clipPath = `inset(0 0 0 ${100 * swipe}%)`;
      view.handle.style.left = `${100 * swipe}%`;
    }
    const both = `${clip.panels[0].title} | ${clip.panels[1].title}`;
    view.title.textContent = swiping ? both : clip.panels[under].title;
  });
  slider.value = frame;
  byId("caption").textContent = clip.captions[frame];
  const lead = frame - nBefore;
  const last = Math.max(1, n - nBefore - 1);
  for (const line of document.querySelectorAll(".chart i")) {
    line.hidden = lead < 0;
    line.style.left = `${100 * (clip.plot.left + ((clip.plot.right - clip.plot.left) * lead) / last)}%`;
  }
}

function show(at) {
  frame = Math.min(n - 1, Math.max(0, Math.round(at)));
  draw();
}

function play(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => show(frame + 1 < n ? frame + 1 : 0), 1000 / Number(byId("speed").value)) : null;
  byId("play").textContent = on ? "Pause" : "Play";
}

const views = clip.panels.map((panel) => {
  const image = make("img");
  const over = make("img", { className: "over", hidden: true });
  const handle = make("div", { className: "handle", hidden: true });
  const stack = make("div", { className: "stack" }, image, over, handle);
  const title = make("figcaption");
  const figure = make("figure", {}, title, stack);
  if (panel.title === "Error") {
    const bar = make("div", { className: "bar" });
    bar.style.background = clip.legend.gradient;
    const marks = make("div", { className: "marks" });
    clip.legend.marks.forEach(([place, text], index) => {
      const last = index === clip.legend.marks.length - 1;
      const mark = make("span", { textContent: text + (last ? clip.legend.units : "") });
      mark.style.left = `${100 * place}%`;
      marks.append(mark);
    });
    figure.append(bar, marks);
  }
  const drag = (event) => {
    if (byId("mode").value !== "swipe" || !(event.buttons & 1)) return;
    const box = stack.getBoundingClientRect();
    swipe = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    draw();
  };
  stack.addEventListener("pointerdown", drag);
  stack.addEventListener("pointermove", drag);
  image.draggable = over.draggable = false;
  panels.append(figure);
  return { figure, image, over, handle, title };
});

if (clip.pixelated) panels.classList.add("pixelated");
slider.max = n - 1;
slider.addEventListener("input", () => show(Number(slider.value)));
byId("play").addEventListener("click", () => play(!timer));
byId("back").addEventListener("click", () => show(frame - 1));
byId("next").addEventListener("click", () => show(frame + 1));
byId("speed").addEventListener("change", () => timer && play(true));
byId("mode").addEventListener("change", draw);
setInterval(() => {
  if (byId("mode").value !== "blink") return;
  blinked = !blinked;
  draw();
}, 500);

player.addEventListener("keydown", (event) => {
  if (event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
  const mode = (value) => {
    byId("mode").value = byId("mode").value === value ? "side" : value;
    draw();
  };
  const swiping = byId("mode").value === "swipe" && event.shiftKey;
  const nudge = (by) => {
    swipe = Math.min(1, Math.max(0, swipe + by));
    draw();
  };
  const act = {
    " ": () => event.target.tagName !== "BUTTON" && play(!timer),
    ArrowLeft: () => (swiping ? nudge(-0.05) : show(frame - 1)),
    ArrowRight: () => (swiping ? nudge(0.05) : show(frame + 1)),
    Home: () => show(0),
    End: () => show(n - 1),
    b: () => mode("blink"),
    s: () => mode("swipe"),
  }[event.key];
  if (!act) return;
  act();
  if (!(event.key === " " && event.target.tagName === "BUTTON")) event.preventDefault();
});

for (const chart of document.querySelectorAll(".chart")) {
  chart.addEventListener("click", (event) => {
    const box = chart.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const place = (share - clip.plot.left) / (clip.plot.right - clip.plot.left);
    show(nBefore + Math.min(1, Math.max(0, place)) * (n - nBefore - 1));
  });
}
for (const id of ["why", "again"]) byId(id).hidden = byId(id).children.length < 2;
draw();
