// What the Node programs share: AWS's SDK for endpoints and ICE servers, AWS's signaling client,
// and the contract with the tests: one line of JSON in, lines of JSON out (see ../peer.py).
//
// A stack is a class: `new Stack(wish, iceServers, heard)`, with `offer()`, `answer(offer)`,
// `accept(answer)`, `add(candidate)`, `gathered()`, `local()`, `stats()` and `close()`;
// `heard` has `candidate(c)`, `connected()`, `failed(why)` and `picture(levels)`.

import { createInterface } from "node:readline";
import { KinesisVideo } from "@aws-sdk/client-kinesis-video";
import { KinesisVideoSignaling } from "@aws-sdk/client-kinesis-video-signaling";
import kvs from "amazon-kinesis-video-streams-webrtc";
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // AWS's client expects the browser's
const CORRELATION = "foreign"; // with it the service tells of a refusal

export function say(event, more = {}) {
  process.stdout.write(JSON.stringify({ event, ...more }) + "\n");
}

/** Read the wish, meet the other end with this stack, and end when standard input does. */
export async function run(Stack) {
  const lines = createInterface({ input: process.stdin });
  const wish = JSON.parse(await new Promise((resolve) => lines.once("line", resolve)));
  const peers = new Map();
  lines.on("close", () => end(peers));
  process.on("uncaughtException", (error) => say("failed", { why: String(error) }));
  process.on("unhandledRejection", (error) => say("failed", { why: String(error) }));
  const { wss, iceServers } = await found(wish);
  const client = signalingClient(wish, wss);
  listen(client, (id) => begin(Stack, wish, iceServers, client, peers, id), peers, wish);
  setInterval(() => tell(peers), 1000);
  client.open();
}

function end(peers) {
  for (const peer of peers.values()) peer.close();
  say("closed");
  setTimeout(() => process.exit(0), 200); // what was said is written, and goodbyes are sent
}

async function tell(peers) {
  for (const peer of peers.values()) {
    if (peer.isConnected) say("stats", await peer.stats());
  }
}

/** Ask AWS for the endpoint of signaling and for the ICE servers that this transport uses. */
async function found(wish) {
  const { region, credentials, channel: ChannelARN } = wish;
  const control = new KinesisVideo({ region, credentials, endpoint: wish.endpoint });
  const asked = await control.getSignalingChannelEndpoint({
    ChannelARN,
    SingleMasterChannelEndpointConfiguration: {
      Protocols: ["WSS", "HTTPS"],
      Role: wish.role.toUpperCase(),
    },
  });
  const at = Object.fromEntries(
    asked.ResourceEndpointList.map((each) => [each.Protocol, each.ResourceEndpoint]),
  );
  const signaling = new KinesisVideoSignaling({ region, credentials, endpoint: at.HTTPS });
  const { IceServerList } = await signaling.getIceServerConfig({ ChannelARN });
  return { wss: at.WSS, iceServers: chosen(IceServerList, wish.transport) };
}

/** Return what an RTCPeerConnection takes: all, or the one way to TURN that was asked for. */
function chosen(list, transport) {
  const wanted = {
    direct: () => true,
    "relay-udp": (uri) => uri.startsWith("turn:") && uri.endsWith("udp"),
    "relay-tls": (uri) => uri.startsWith("turns:") && uri.endsWith("tcp"),
  }[transport];
  return list
    .map((each) => ({
      urls: each.Uris.filter(wanted),
      username: each.Username,
      credential: each.Password,
    }))
    .filter((each) => each.urls.length);
}

function signalingClient(wish, channelEndpoint) {
  return new kvs.SignalingClient({
    role: wish.role === "master" ? kvs.Role.MASTER : kvs.Role.VIEWER,
    channelARN: wish.channel,
    channelEndpoint,
    region: wish.region,
    credentials: wish.credentials,
    ...(wish.role === "viewer" ? { clientId: wish.clientId } : {}),
  });
}

function listen(client, make, peers, wish) {
  client.on("open", async () => {
    say("ready");
    if (wish.role !== "viewer") return;
    const peer = make(undefined);
    const offer = await described(peer, wish, await peer.offer());
    client.sendSdpOffer(offer, undefined, CORRELATION);
    peer.release();
  });
  client.on("sdpOffer", async (offer, id) => {
    peers.get(id)?.close();
    const peer = make(id);
    const answer = await described(peer, wish, await peer.answer(offer));
    client.sendSdpAnswer(answer, id, CORRELATION);
    peer.release();
  });
  client.on("sdpAnswer", (answer, id) => peers.get(id)?.accept(answer));
  client.on("iceCandidate", (candidate, id) => peers.get(id)?.add(candidate));
  client.on("statusResponse", (status) => say("failed", { why: JSON.stringify(status) }));
  client.on("error", (error) => say("failed", { why: error.message ?? String(error) }));
}

/** Return the description: at once where candidates trickle, else with all of them in it. */
async function described(peer, wish, description) {
  if (wish.trickle) return description;
  await peer.gathered();
  return peer.local();
}

/** Make a peer for whoever it is. Its candidates wait until its description was sent. */
function begin(Stack, wish, iceServers, client, peers, id) {
  let waiting = [];
  const send = (candidate) => client.sendIceCandidate(candidate, id, CORRELATION);
  const heard = {
    candidate: (each) => wish.trickle && (waiting ? waiting.push(each) : send(each)),
    connected: () => {
      if (!peer.isConnected) say("connected", { peer: id ?? null });
      peer.isConnected = true;
    },
    failed: (why) => say("failed", { why }),
    picture: (pixels) => say("picture", { pixels }),
  };
  const peer = new Stack(wish, iceServers, heard);
  peer.release = () => {
    waiting.forEach(send);
    waiting = null;
  };
  peers.set(id, peer);
  return peer;
}
