// AWS's JavaScript SDK for WebRTC in Debian's Chromium, driven by Playwright.
//
// Beyond the settings that all foreign peers take: "camera" true sends the browser's own fake
// camera, for which it shows its addresses; without, it hides them behind names in .local.
// "reconnect" true opens the signaling again whenever it ends, as AWS's test page does.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { connect } from "node:tls";

import { GetSignalingChannelEndpointCommand, KinesisVideoClient }
  from "@aws-sdk/client-kinesis-video";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
const KVS_WEBRTC = "node_modules/amazon-kinesis-video-streams-webrtc/dist/kvs-webrtc.min.js";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

/** AWS's SDK v3 for browsers comes as modules for a bundler: here, what the page imports. */
async function bundled() {
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from "@aws-sdk/client-kinesis-video";
        export { GetIceServerConfigCommand, KinesisVideoSignalingClient }
          from "@aws-sdk/client-kinesis-video-signaling";`,
      resolveDir: process.cwd(),
    },
    bundle: true, format: "esm", platform: "browser", write: false, logLevel: "silent",
  });
  return outputFiles[0].contents;
}

async function served() {
  const files = {
    "/": ["text/html", await readFile(new URL("chromium.html", import.meta.url))],
    "/aws-sdk.mjs": ["text/javascript", await bundled()],
    "/kvs-webrtc.min.js": ["text/javascript", await readFile(KVS_WEBRTC)],
  };
  const server = createServer((request, response) => {
    const [type, body] = files[request.url] ?? ["text/plain", ""];
    response.writeHead(request.url in files ? 200 : 404, { "content-type": type }).end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** The channel's endpoints, of both kinds. */
async function endpoints({ channel, endpoint, region, credentials, role }) {
  const client = new KinesisVideoClient({ region, credentials, endpoint });
  const { ResourceEndpointList } = await client.send(new GetSignalingChannelEndpointCommand({
    ChannelARN: channel,
    SingleMasterChannelEndpointConfiguration: {
      Protocols: ["WSS", "HTTPS"], Role: role.toUpperCase(),
    },
  }));
  return ResourceEndpointList.map(({ ResourceEndpoint }) => new URL(ResourceEndpoint));
}

/** The digest by which Chromium takes the key of a server whose authority we trust. */
function pin(url, ca) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: url.hostname, port: url.port || 443, ca }, () => {
      const { publicKey } = socket.getPeerX509Certificate();
      const key = publicKey.export({ type: "spki", format: "der" });
      socket.destroy();
      resolve(createHash("sha256").update(key).digest("base64"));
    });
    socket.on("error", reject);
  });
}

async function launched(settings) {
  const ca = await readFile(settings.ca);
  const pins = await Promise.all((await endpoints(settings)).map((url) => pin(url, ca)));
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox", // as root, in a container
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-device-for-media-stream",
      `--ignore-certificate-errors-spki-list=${[...new Set(pins)].join(",")}`,
    ],
  });
}

async function run(settings) {
  const [server, browser] = await Promise.all([served(), launched(settings)]);
  const permissions = settings.camera ? ["camera", "microphone"] : [];
  const page = await browser.newPage({ permissions });
  page.on("pageerror", (error) => tell({ event: "failed", why: String(error) }));
  await page.exposeFunction("report", tell);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => window.begin);
  tell({ event: "version", version: `Chromium ${browser.version()}` });
  await page.evaluate((given) => window.begin(given), settings);
  return async () => {
    await page.evaluate(() => window.end());
    await browser.close();
    server.close();
    tell({ event: "closed" });
  };
}

const lines = createInterface({ input: process.stdin });
let end;
lines.once("line", (line) => {
  end = run(JSON.parse(line));
  end.catch((error) => {
    tell({ event: "failed", why: String(error.message ?? error).split("\n")[0] });
    process.exit(1);
  });
});
lines.once("close", async () => {
  await (await end)?.();
  process.exit(0);
});
