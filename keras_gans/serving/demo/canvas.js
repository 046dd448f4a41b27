// What happens on a `Canvas`. Its value is `{background, strokes}`, pictures as data
// URLs: Python sets the background, and gets both at each `input`.

const find = (name) => element.querySelector(name);
const ink = find(".ink"), paper = find(".sketch"), pen = find(".pen");
const status = find("[role=status]"), size = ink.width;
const STEP = size / 32, MILLISECONDS = 120;
let background = null, strokes = [], stroke = null;
let place = [size / 2, size / 2], timer = null, sent = 0;

function color() {
  const chosen = find("input[type=radio]:checked");
  return chosen ? chosen.value : find(".board").dataset.color;
}

function width() {
  return Number(find("input[type=range]").value);
}

function paint() {
  const context = ink.getContext("2d");
  context.clearRect(0, 0, size, size);
  context.lineCap = context.lineJoin = "round";
  for (const { color, width, points } of strokes) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(...points[0]);
    // A line of no length would leave no dot.
    for (const [x, y] of points) context.lineTo(x + 0.01, y);
    context.stroke();
  }
  find(".undo").disabled = find(".clear").disabled = !strokes.length;
  pen.style.left = `${(100 * place[0]) / size}%`;
  pen.style.top = `${(100 * place[1]) / size}%`;
  pen.style.width = `${(100 * width()) / size}%`;
  pen.style.borderColor = stroke ? color() : "";
}

// Now, or as soon as the last one is some time ago.
function send() {
  if (timer) return;
  timer = setTimeout(() => {
    timer = null;
    sent = Date.now();
    props.value = { background, strokes: strokes.length ? ink.toDataURL() : null };
    trigger("input");
  }, Math.max(0, sent + MILLISECONDS - Date.now()));
}

function say(text) {
  status.textContent = text;
}

function begin() {
  if (find(".board").dataset.vanishes) forget();
  stroke = { color: color(), width: width(), points: [[...place]] };
  strokes.push(stroke);
}

function move(x, y) {
  place = [x, y].map((length) => Math.min(size, Math.max(0, length)));
  if (stroke) stroke.points.push([...place]);
}

// The last stroke, or as many as there are.
function remove(count) {
  stroke = null;
  strokes = strokes.slice(0, strokes.length - count);
  say(strokes.length ? "The last stroke is gone." : "Nothing is drawn.");
  paint();
  send();
}

function lift() {
  stroke = null;
  paint();
}

// An example is only there until one draws oneself.
function forget() {
  background = null;
  paper.getContext("2d").clearRect(0, 0, size, size);
}

function load() {
  forget();
  background = props.value?.background || null;
  const wanted = background;
  strokes = [];
  const context = paper.getContext("2d");
  const picture = new Image();
  picture.onload = () => {
    if (wanted !== background) return;
    context.imageSmoothingEnabled = picture.width > size;
    context.drawImage(picture, 0, 0, size, size);
  };
  if (background) picture.src = background;
  lift();
}

function pointed(event) {
  const box = ink.getBoundingClientRect();
  move(
    ((event.clientX - box.left) / box.width) * size,
    ((event.clientY - box.top) / box.height) * size
  );
}

ink.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  event.preventDefault();
  ink.focus({ focusVisible: false, preventScroll: true });
  ink.setPointerCapture(event.pointerId);
  stroke = null;
  pointed(event);
  begin();
  paint();
  send();
});
ink.addEventListener("pointermove", (event) => {
  if (!ink.hasPointerCapture(event.pointerId)) return;
  pointed(event);
  paint();
  send();
});
ink.addEventListener("lostpointercapture", lift);
ink.addEventListener("keydown", (event) => {
  const ways = {
    ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP],
    ArrowDown: [0, STEP],
  };
  if (event.key === " ") {
    if (stroke) stroke = null;
    else begin();
    say(stroke ? "Pen down." : "Pen up.");
  } else if (event.key in ways && !event.altKey && !event.metaKey) {
    const [right, down] = ways[event.key];
    move(place[0] + right, place[1] + down);
  } else if (event.key === "Escape") {
    stroke = null;
  } else {
    return;
  }
  event.preventDefault();
  paint();
  send();
});
ink.addEventListener("blur", lift);
element.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (strokes.length) remove(1);
  }
});
// A colour of one's own is chosen by picking it.
const picker = find("input[type=color]");
if (picker) {
  for (const name of ["click", "input"]) {
    picker.addEventListener(name, () => {
      const own = find("input[type=radio].own");
      own.value = picker.value;
      own.checked = true;
    });
  }
}
find("input[type=range]").addEventListener("input", paint);
find(".undo").addEventListener("click", () => remove(1));
find(".clear").addEventListener("click", () => remove(strokes.length));
watch("value", load);
load();
