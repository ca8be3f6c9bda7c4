/** Show on a meter how loud the microphone is, until it is over; browsers want a click or key first. */
export function listen(media, meter, isOver) {
  const sound = new AudioContext();
  const analyser = sound.createAnalyser();
  const samples = new Float32Array(analyser.fftSize);
  let [source, track] = [null, null];
  const timer = setInterval(() => {
    if (isOver()) {
      clearInterval(timer);
      return sound.close();
    }
    if (track !== media.tracks.audio) {
      source?.disconnect();
      track = media.tracks.audio;
      source = track && sound.createMediaStreamSource(new MediaStream([track]));
      source?.connect(analyser);
    }
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
    meter.value = source ? Math.min(1, Math.sqrt(power) * 4) : 0;
    return undefined;
  }, 100);
}
