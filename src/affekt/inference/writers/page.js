// An utterance or a place in the waveform is played when it is clicked; what is played is marked.
function connect(recording, player, options = {}) {
  const items = [...recording.querySelectorAll("li[data-start]")];
  const lines = [...recording.querySelectorAll(".line")];
  const play = (time) => { player.currentTime = time; player.play(); };
  for (const item of items)
    item.querySelector("button").addEventListener("click", () => play(Number(item.dataset.start)));
  for (const line of lines) {
    const start = Number(line.dataset.start), length = Number(line.dataset.length);
    const head = line.appendChild(document.createElement("i"));
    const show = () => {
      const share = (player.currentTime - start) / length;
      head.hidden = share < 0 || share >= 1;
      head.style.left = `${share * 100}%`;
    };
    line.style.cursor = "pointer";
    line.addEventListener("click", (event) => {
      const box = line.getBoundingClientRect();
      play(start + (event.clientX - box.left) / box.width * length);
    });
    player.addEventListener("timeupdate", show, options);
    show();
  }
  player.addEventListener("timeupdate", () => {
    for (const item of items) {
      const now = player.currentTime >= item.dataset.start && player.currentTime < item.dataset.end;
      now ? item.setAttribute("aria-current", "true") : item.removeAttribute("aria-current");
    }
  }, options);
}
