// What getStats tells of a connection, second by second.

import { selectedPair } from "/peer.js";

const KINDS = { host: "direct", srflx: "direct, through NAT", prflx: "direct, through NAT",
  relay: "relayed by TURN" };

/** Reads a connection's figures; each call gives what changed since the last. */
export class Figures {
  #last = null;

  async read(connection) {
    const report = await connection.getStats();
    const all = [...report.values()];
    const of = (type, kind) => all.find((each) => each.type === type && each.kind === kind) ?? {};
    const video = of("inbound-rtp", "video");
    const audio = of("inbound-rtp", "audio");
    const pair = selectedPair(report);
    const now = {
      at: performance.now() / 1000,
      frames: video.framesDecoded ?? 0,
      bytes: (video.bytesReceived ?? 0) + (audio.bytesReceived ?? 0),
      got: (video.packetsReceived ?? 0) + (audio.packetsReceived ?? 0),
      lost: (video.packetsLost ?? 0) + (audio.packetsLost ?? 0),
    };
    const before = this.#last ?? { ...now, at: now.at - 1 };
    const first = !this.#last;
    this.#last = now;
    const spent = now.at - before.at;
    const [got, lost] = [now.got - before.got, Math.max(0, now.lost - before.lost)];
    const measured = (value) => (first || !now.got ? null : value);
    return {
      ...path(report, pair),
      codec: codecOf(report, video),
      sound: codecOf(report, audio),
      size: video.frameWidth ? `${video.frameWidth} × ${video.frameHeight}` : null,
      frames: now.frames,
      packets: now.got,
      lost: now.lost,
      roundTrip: pair.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
      fps: measured((now.frames - before.frames) / spent),
      bitrate: measured(((now.bytes - before.bytes) * 8) / 1000 / spent),
      loss: measured(got + lost ? (100 * lost) / (got + lost) : 0),
      jitter: now.got ? Math.max(video.jitter ?? 0, audio.jitter ?? 0) * 1000 : null,
    };
  }
}

function path(report, pair) {
  const [local, remote] = [report.get(pair.localCandidateId), report.get(pair.remoteCandidateId)];
  if (!local || !remote) return { path: null };
  const relayed = [local, remote].find(({ candidateType }) => candidateType === "relay");
  const { protocol, relayProtocol } = local;
  const way = relayed ? KINDS.relay : KINDS[local.candidateType] ?? local.candidateType;
  const transport = (relayProtocol ?? protocol ?? "").toUpperCase();
  return { path: `${way}, over ${transport}`, relayed: Boolean(relayed),
    local: candidate(local), remote: candidate(remote) };
}

/** An address that a browser hides has none. */
const candidate = ({ address, ip, port, candidateType }) =>
  `${candidateType} ${address ?? ip ?? "(hidden)"}:${port}`;

const codecOf = (report, { codecId }) =>
  report.get(codecId)?.mimeType.replace(/^\w+\//, "") ?? null;
