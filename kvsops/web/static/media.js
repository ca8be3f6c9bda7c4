// What this page sends: a microphone, and a camera or the screen. Nothing here knows of calls.

const PICTURE = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const SCREEN = { width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 15 } };
const NAMES = { audio: "microphone", video: "camera" };

/** Say why a device was not opened, and what to do. */
function reason(kind, error) {
  const device = NAMES[kind];
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return `The ${device} is blocked for this page. Allow it at the left of the address bar, `
        + `then choose the ${device} or turn it on.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No ${device} was found. Plug one in, or take part without.`;
    case "NotReadableError":
    case "AbortError":
      return `The ${device} is in use by another program. Close it there, then turn the ${device} on.`;
    default:
      return `The ${device} cannot be used (${error.name}).`;
  }
}

/** The tracks that are sent. A "change" event tells that one is another now, or is none. */
export class Media extends EventTarget {
  tracks = { audio: null, video: null };
  chosen = { audio: "", video: "" };
  muted = false;
  #camera = null; // while the screen is shared
  screen = false;

  /** Open what is wanted; return why not, a sentence for each device that is not to be had. */
  async open(kinds) {
    if (!navigator.mediaDevices) {
      return ["This browser opens no camera here: the page needs https, or to be on this computer."];
    }
    if (kinds.length === 2) {
      try { // one question for both, where both are there
        await this.#take(kinds);
        return [];
      } catch { /* then each by itself tells what is wrong */ }
    }
    const problems = [];
    for (const kind of kinds) {
      try {
        await this.#take([kind]);
      } catch (error) {
        problems.push(reason(kind, error));
      }
    }
    return problems;
  }

  on(kind) {
    return kind === "audio" ? Boolean(this.tracks.audio) && !this.muted : Boolean(this.camera);
  }

  get camera() {
    return this.screen ? this.#camera : this.tracks.video;
  }

  mute(muted) {
    this.muted = muted;
    if (this.tracks.audio) this.tracks.audio.enabled = !muted;
    this.#changed();
  }

  /** Let the camera go: its light goes out, too. */
  closeCamera() {
    this.camera?.stop();
    if (this.screen) this.#camera = null;
    else this.tracks.video = null;
    this.#changed();
  }

  /** Let the microphone go. */
  closeMicrophone() {
    this.tracks.audio?.stop();
    this.tracks.audio = null;
    this.#changed();
  }

  /** Send the screen, or a window, in the camera's place; return why not. */
  async share() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: SCREEN });
    } catch (error) {
      return error.name === "NotAllowedError" ? [] : [`The screen cannot be shared (${error.name}).`];
    }
    const [track] = stream.getVideoTracks();
    track.contentHint = "detail";
    track.onended = () => this.unshare(); // the browser's own button
    [this.#camera, this.tracks.video, this.screen] = [this.tracks.video, track, true];
    this.#changed();
    return [];
  }

  unshare() {
    if (!this.screen) return;
    this.tracks.video.onended = null;
    this.tracks.video.stop();
    [this.tracks.video, this.#camera, this.screen] = [this.#camera, null, false];
    this.#changed();
  }

  close() {
    this.unshare();
    Object.values(this.tracks).forEach((track) => track?.stop());
    this.tracks = { audio: null, video: null };
    this.#changed();
  }

  async #take(kinds) {
    const wanted = (kind, ideal) => (kinds.includes(kind)
      && { ...ideal, ...(this.chosen[kind] && { deviceId: { exact: this.chosen[kind] } }) });
    const constraints = { audio: wanted("audio", SOUND), video: wanted("video", PICTURE) };
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    for (const track of stream.getTracks()) this.#use(track);
    this.#changed();
  }

  #use(track) {
    const { kind } = track;
    track.onended = () => this.#lost(track); // unplugged, or taken away
    if (kind === "audio") track.enabled = !this.muted;
    if (kind === "video" && this.screen) {
      this.#camera?.stop();
      this.#camera = track;
    } else {
      this.tracks[kind]?.stop();
      this.tracks[kind] = track;
    }
  }

  #lost(track) {
    if (track === this.#camera) this.#camera = null;
    else if (track === this.tracks[track.kind]) this.tracks[track.kind] = null;
    else return;
    this.dispatchEvent(new CustomEvent("lost", { detail: NAMES[track.kind] }));
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** List the devices of a kind by id and name: names are there once one was allowed. */
export async function devices(kind) {
  const all = await navigator.mediaDevices?.enumerateDevices() ?? [];
  return all.filter((each) => each.kind === `${kind}input` && each.deviceId)
    .map(({ deviceId, label }, at) => ({ id: deviceId, name: label || `${NAMES[kind]} ${at + 1}` }));
}
