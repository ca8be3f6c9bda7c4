// AWS's page in Debian's Firefox, driven by Puppeteer, which speaks WebDriver BiDi to it.

import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import puppeteer from "puppeteer-core";

import { serve } from "./browser.mjs";

const FIREFOX = "/usr/bin/firefox-esr";
const PULSEAUDIO = "/usr/bin/pulseaudio";
const CERTUTIL = "/usr/bin/certutil";

// Nothing is fetched from elsewhere; the camera is made up, and need not be allowed.
const PREFERENCES = {
  "media.autoplay.default": 0,
  "media.gmp-manager.url": "data:,",
  "media.navigator.permission.disabled": true,
  "media.navigator.streams.fake": true,
  "media.peerconnection.ice.loopback": true,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
};

/** A profile that trusts the emulator's authority, the last of those that its clients trust. */
async function profile(ca) {
  const folder = await mkdtemp(join(tmpdir(), "firefox-"));
  const certutil = (...options) => promisify(execFile)(CERTUTIL, ["-d", `sql:${folder}`, ...options]);
  await certutil("-N", "--empty-password");
  const trusted = await readFile(ca, "utf8");
  const own = join(folder, "authority.pem");
  await writeFile(own, trusted.slice(trusted.lastIndexOf("-----BEGIN")));
  await certutil("-A", "-n", "emulator", "-t", "C,,", "-i", own);
  return folder;
}

/** What plays all sound to nobody: where nothing does, Firefox mixes none. */
function sound(folder) {
  const socket = join(folder, "sound");
  const modules = ["module-null-sink", `module-native-protocol-unix auth-anonymous=1 socket=${socket}`];
  const options = ["-n", "--exit-idle-time=-1", ...modules.flatMap((each) => ["-L", each])];
  const env = { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder, PULSE_SERVER: `unix:${socket}` };
  return { env, running: spawn(PULSEAUDIO, options, { env, stdio: "ignore" }) };
}

serve(async ({ ca }) => {
  const folder = await profile(ca);
  const { env, running } = sound(folder);
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: FIREFOX,
    userDataDir: folder,
    extraPrefsFirefox: PREFERENCES,
    env,
  });
  const [version, page] = await Promise.all([browser.version(), browser.newPage()]);
  const close = async () => {
    await browser.close();
    running.kill();
    await rm(folder, { recursive: true, force: true });
  };
  return { page, version: version.replace("/", " "), close };
});
