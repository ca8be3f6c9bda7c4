// A stack whose API is the W3C's RTCPeerConnection: what `kvs.mjs` asks of it. What differs between
// them is left to `send(kind)`, which sends video or audio, `prefer()`, which narrows the codecs,
// `watch(track, heard)`, `stats()` and `stop()`.

const KINDS = ["audio", "video"]; // in the order of browsers' offers

export class PeerConnection {
  constructor(connection, wish, heard) {
    Object.assign(this, { connection, wish });
    connection.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) heard.candidate(candidate);
    };
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === "connected") heard.connected();
      if (connection.connectionState === "failed") heard.failed("the connection failed");
    };
    connection.ondatachannel = ({ channel }) => take(channel);
    connection.ontrack = ({ track }) => {
      if (track.kind === "video") this.watch(track, heard);
    };
  }

  async offer() {
    this.#addMedia();
    for (const kind of KINDS) {
      if (!this.wish.send.includes(kind)) {
        this.connection.addTransceiver(kind, { direction: "recvonly" });
      }
    }
    this.prefer();
    if (this.wish.send.includes("data")) take(this.connection.createDataChannel("foreign"));
    await this.connection.setLocalDescription(await this.connection.createOffer());
    return this.local();
  }

  async answer(offer) {
    await this.connection.setRemoteDescription(offer);
    this.#addMedia();
    this.prefer();
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    return this.local();
  }

  accept(answer) {
    return this.connection.setRemoteDescription(answer);
  }

  add(candidate) {
    return this.connection.addIceCandidate(candidate);
  }

  gathered() {
    return new Promise((resolve) => {
      const look = () => this.connection.iceGatheringState === "complete" && resolve();
      this.connection.onicegatheringstatechange = look;
      look();
    });
  }

  local() {
    const { type, sdp } = this.connection.localDescription;
    return { type, sdp };
  }

  close() {
    this.stop();
    this.connection.close();
  }

  prefer() {}

  #addMedia() {
    KINDS.filter((kind) => this.wish.send.includes(kind)).forEach((kind) => this.send(kind));
  }
}

/** Send back what comes on a data channel. */
function take(channel) {
  channel.onmessage = ({ data }) => channel.send(data);
}
