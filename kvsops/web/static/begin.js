// Before the page is painted: whether there is a link to join by, or one is to be asked for. With a
// link the page joins: `socket` asks our server for a seat while the page's modules are still on
// their way, and what the server says meanwhile is `heard`. `painted` comes true with the first
// paint, or at once where nobody looks.
const given = location.hash.slice(1);
const link = given || sessionStorage.getItem("link");
document.documentElement.className = link ? "joins" : "starts";
window.begun = {
  painted: new Promise((resolve) => {
    if (document.hidden) resolve();
    else requestAnimationFrame(() => setTimeout(resolve));
  }),
};
if (link) {
  const [socket, heard] = [new WebSocket(`${location.origin.replace("http", "ws")}/events`), []];
  // The seat that this tab had is of use for the same link only.
  const seat = () => !given || given === sessionStorage.getItem("link")
    ? sessionStorage.getItem("seat") : null;
  socket.onopen = () => socket.send(JSON.stringify({ link, seat: seat() }));
  socket.onmessage = (message) => heard.push(message);
  Object.assign(begun, { socket, heard });
}
