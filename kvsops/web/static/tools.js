// What one can do with the picture: hear its sound, keep it, see it large.

const at = (id) => document.getElementById(id);

/** Let the buttons be pressed once there is something to hear or to keep. */
export function soundCame() {
  at("sound").disabled = false;
  tellSound();
}

function tellSound() {
  at("sound").textContent = at("picture").muted ? "Turn on sound" : "Turn off sound";
}

function toggleSound() {
  const video = at("picture");
  video.muted = !video.muted;
  video.play().catch(() => {});
  tellSound();
}

/** Save the picture that is shown as a PNG. */
async function snapshot() {
  const video = at("picture");
  if (!video.videoWidth) return;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  const when = new Date().toISOString().slice(0, 19).replaceAll(/[:T]/g, "-");
  link.download = `${at("channel").textContent}-${when}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  at("said").textContent = `Saved as ${link.download}`;
}

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else at("stage").requestFullscreen?.().catch(() => {});
}

at("sound").addEventListener("click", toggleSound);
at("snapshot").addEventListener("click", snapshot);
at("full").addEventListener("click", toggleFull);
