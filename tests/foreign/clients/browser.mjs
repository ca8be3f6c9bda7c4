// AWS's JavaScript SDK for WebRTC in a browser: what is the same in whichever it is.
//
// Beyond the settings that all foreign peers take: "camera" true sends the browser's own fake
// camera, for which it shows its addresses; without, it hides them behind names in .local.
// "reconnect" true opens the signaling again whenever it ends, as AWS's test page does.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import { build } from "esbuild";

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
    "/": ["text/html", await readFile(new URL("browser.html", import.meta.url))],
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

/** Run in the page of a browser that `launch` starts, from the first line of input to its end. */
export function serve(launch) {
  const lines = createInterface({ input: process.stdin });
  let end;
  lines.once("line", (line) => {
    end = run(JSON.parse(line), launch);
    end.catch((error) => {
      tell({ event: "failed", why: String(error.message ?? error).split("\n")[0] });
      process.exit(1);
    });
  });
  lines.once("close", async () => {
    await (await end)?.();
    process.exit(0);
  });
}

async function run(settings, launch) {
  const [server, { page, version, close }] = await Promise.all([served(), launch(settings)]);
  page.on("pageerror", (error) => tell({ event: "failed", why: String(error) }));
  await page.exposeFunction("report", tell);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => window.begin);
  tell({ event: "version", version });
  await page.evaluate((given) => window.begin(given), settings);
  return async () => {
    await page.evaluate(() => window.end());
    await close();
    server.close();
    tell({ event: "closed" });
  };
}
