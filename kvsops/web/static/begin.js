// Before the page is painted: whether there is a link to join by, or one is to be asked for. What
// takes a browser a while is begun meanwhile: `socket` is on its way to our server, and `painted`
// comes true with the first paint, or at once where nobody looks.
const link = location.hash.slice(1) || sessionStorage.getItem("link");
document.documentElement.className = link ? "joins" : "starts";
window.begun = {
  socket: link && new WebSocket(`${location.origin.replace("http", "ws")}/events`),
  painted: new Promise((resolve) => {
    if (document.hidden) resolve();
    else requestAnimationFrame(() => setTimeout(resolve));
  }),
};
