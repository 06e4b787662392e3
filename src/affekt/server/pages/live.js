// A microphone, the stream of the server, and a moving picture of what it answers.
const SHOWN_S = 30;
const part = (id) => document.getElementById(id);
const canvas = part("picture");
const COLOURS = JSON.parse(canvas.dataset.colours);
let session = null;

function say(text, warning = false) {
  part("status").textContent = text;
  part("status").className = warning ? "warn" : "quiet";
}

function legend(emotions) {
  part("legend").replaceChildren(...emotions.map((emotion) => {
    const item = document.createElement("li");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of [["width", "100%"], ["height", "100%"], ["fill", COLOURS[emotion]]]) {
      square.setAttribute(name, value);
    }
    svg.append(square);
    item.append(svg, emotion);
    return item;
  }));
}

function show(event) {
  if (event.event === "ready") {
    session.emotions = event.emotions;
    legend(event.emotions);
    say("Listening.");
  } else if (event.event === "measurement") {
    session.measurements.push(event);
    const [emotion, share] = Object.entries(event.probabilities).sort((a, b) => b[1] - a[1])[0];
    part("now").textContent = `${emotion} ${Math.round(100 * share)} %`;
  } else if (event.event === "utterance_end") {
    const item = document.createElement("li");
    const time = document.createElement("span");
    const text = document.createElement("span");
    time.textContent = `${event.start_s.toFixed(1)} to ${event.end_s.toFixed(1)} s`;
    const found = event.prediction;
    text.textContent = !found ? "too short or silent: no prediction"
      : found.unsure ? `unsure: ${found.prediction_set.join(", ")}`
      : `${found.emotion} ${Math.round(100 * found.confidence)} %`;
    if (found?.out_of_distribution) text.append(", unlike the training data: do not rely on it");
    item.append(time, text);
    part("utterances").prepend(item);
  } else if (event.event === "error") {
    say(event.problem.detail ?? event.problem.title, true);
  } else if (event.event === "end") {
    session.ended = true;
  }
}

function draw() {
  if (!session) return;
  const width = canvas.width = canvas.clientWidth * devicePixelRatio;
  const height = canvas.height = canvas.clientHeight * devicePixelRatio;
  const brush = canvas.getContext("2d");
  const now_s = session.began ? (performance.now() - session.began) / 1000 : 0;
  const at = (seconds) => width * (1 - (now_s - seconds) / SHOWN_S);
  session.measurements = session.measurements.filter((one) => one.end_s > now_s - SHOWN_S);
  for (const one of session.measurements) {
    let top = 0.3 * height;
    session.emotions.forEach((emotion) => {
      const tall = 0.7 * height * one.probabilities[emotion];
      brush.fillStyle = COLOURS[emotion];
      brush.fillRect(at(one.start_s), top, at(one.end_s) - at(one.start_s) + 1, tall);
      top += tall;
    });
  }
  brush.fillStyle = getComputedStyle(document.body).color;
  session.levels = session.levels.filter((one) => one.time_s > now_s - SHOWN_S);
  for (const one of session.levels) {
    const tall = Math.max(1, 0.28 * height * Math.min(1, one.peak / 16384));
    brush.fillRect(at(one.time_s), 0.14 * height - tall / 2, Math.max(1, width / SHOWN_S / 14), tall);
  }
  requestAnimationFrame(draw);
}

async function start() {
  part("start").hidden = true;
  part("utterances").replaceChildren();
  say("Connecting.");
  const own = session = { emotions: [], measurements: [], levels: [], began: 0, ended: false };
  try {
    if (!isSecureContext) throw new Error("browsers ask for https or localhost.");
    const sound = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    session.microphone = await navigator.mediaDevices.getUserMedia({ audio: sound });
    session.context = new AudioContext();
    await session.context.audioWorklet.addModule("/pages/samples.js");
  } catch (error) {
    say(`The microphone cannot be used: ${error.message}`, true);
    return stop();
  }
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = session.socket = new WebSocket(`${scheme}://${location.host}/v1/stream`);
  socket.binaryType = "arraybuffer";
  const configuration = { sample_rate: session.context.sampleRate };
  if (part("key")?.value) configuration.key = part("key").value;
  socket.onopen = () => socket.send(JSON.stringify(configuration));
  socket.onmessage = (message) => {
    const event = JSON.parse(message.data);
    show(event);
    if (event.event === "ready") listen(socket);
  };
  socket.onclose = () => {
    const known = own.ended || part("status").className === "warn";
    if (!known) say("The connection to the server was lost or refused.", true);
    stop();
  };
  part("stop").hidden = false;
  requestAnimationFrame(draw);
}

function listen(socket) {
  const { context, microphone } = session;
  session.began = performance.now();
  session.node = new AudioWorkletNode(context, "samples", { numberOfOutputs: 0 });
  session.node.port.onmessage = ({ data }) => {
    let peak = 0;
    for (const value of new Int16Array(data)) peak = Math.max(peak, Math.abs(value));
    session.levels.push({ time_s: (performance.now() - session.began) / 1000 - 0.1, peak });
    if (socket.readyState === WebSocket.OPEN) socket.send(data);
  };
  context.createMediaStreamSource(microphone).connect(session.node);
}

function finish() {
  const { socket, node, microphone } = session ?? {};
  if (node) node.port.onmessage = null;
  microphone?.getTracks().forEach((track) => track.stop());
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ event: "end" }));
  else stop();
}

function stop() {
  session?.microphone?.getTracks().forEach((track) => track.stop());
  session?.context?.close();
  if (session?.socket) {  // what it still says is not for the next session
    session.socket.onopen = session.socket.onmessage = session.socket.onclose = null;
    session.socket.close();
  }
  if (part("status").className !== "warn") say("Stopped.");
  session = null;
  part("start").hidden = false;
  part("stop").hidden = true;
}

part("controls").onsubmit = (event) => {
  event.preventDefault();
  start();
};
part("stop").onclick = finish;
