// A station's pages: a picture is shown before it is uploaded; #operation-reset opens that operation's form; a message leads
// to its answer and back.
"use strict";

const MOST_PIXELS = 480;

document.addEventListener("change", async (event) => {
  const preview = document.getElementById(event.target.dataset?.preview ?? "");
  if (!preview) return;
  const file = event.target.files?.[0];
  preview.hidden = true;
  if (!file) return;
  try {
    const picture = await createImageBitmap(file); // drawn: the page's policy lets in no address of the browser's own
    const scale = Math.min(1, MOST_PIXELS / Math.max(picture.width, picture.height));
    preview.width = Math.round(picture.width * scale);
    preview.height = Math.round(picture.height * scale);
    preview.getContext("2d").drawImage(picture, 0, 0, preview.width, preview.height);
    preview.hidden = false;
  } catch { /* no picture: the server says so in words */ }
});

{
  const reveal = () => {
    const box = location.hash.startsWith("#operation-") && document.getElementById(location.hash.slice(1));
    if (!box) return;
    box.open = true;
    box.scrollIntoView({ block: "center" });
    (box.querySelector("input:enabled:not([type=hidden]), select:enabled, textarea:enabled, button:enabled") ?? box.querySelector("summary")).focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);
  if (document.readyState === "complete") reveal();
  else addEventListener("load", () => setTimeout(reveal, 0)); // after the browser went to the fragment itself
}

// Both halves of an exchange have the same id; the station and we may use the same id at the same time, so directions differ.
document.addEventListener("click", (event) => {
  const from = event.target.closest?.("a[data-twin]")?.closest("tr");
  if (!from || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const rows = [...from.parentElement.querySelectorAll(`tr[data-message-id="${CSS.escape(from.dataset.messageId)}"]`)];
  const direction = (row) => row.classList.contains("received");
  const twins = rows.filter((row) => row.dataset.half !== from.dataset.half && direction(row) !== direction(from));
  const apart = (row) => Math.abs(row.rowIndex - from.rowIndex);
  const twin = twins.sort((a, b) => apart(a) - apart(b))[0];
  if (!twin) return; // not on this page: the link shows all that has the id
  event.preventDefault();
  twin.scrollIntoView({ block: "nearest" });
  (twin.querySelector("a[data-twin]") ?? twin).focus(); // and its own link leads back
});
