// Before the page is painted: whether there is a link to join by, or one is to be asked for. With a
// link the page joins: `socket` asks our server for a seat while the page's modules are still on
// their way, and what the server says meanwhile is `heard`.
const PAINT_SECONDS = 0.5;
const given = location.hash.slice(1);
const link = given || sessionStorage.getItem("link");
document.documentElement.className = link ? "joins" : "starts";
window.begun = {};
if (link) {
  const [socket, heard] = [new WebSocket(`${location.origin.replace("http", "ws")}/events`), []];
  // The seat that this tab had is of use for the same link only.
  const seat = () => !given || given === sessionStorage.getItem("link")
    ? sessionStorage.getItem("seat") : null;
  socket.onopen = () => socket.send(JSON.stringify({ link, seat: seat() }));
  socket.onmessage = (message) => heard.push(message);
  Object.assign(begun, { socket, heard });
}

// The modules are loaded once the page is painted, so that they do not hold that up; or after a
// while, where nobody looks and nothing is painted.
addEventListener("DOMContentLoaded", () => {
  const load = () => document.head.append(document.getElementById("after-paint").content);
  requestAnimationFrame(() => setTimeout(load));
  setTimeout(load, document.hidden ? 0 : PAINT_SECONDS * 1000);
});
