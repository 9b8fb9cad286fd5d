// A station's pages: a picture is shown before it is uploaded.
"use strict";

document.addEventListener("change", (event) => {
  const preview = document.getElementById(event.target.dataset?.preview ?? "");
  if (!preview) return;
  const file = event.target.files?.[0];
  if (preview.src.startsWith("blob:")) URL.revokeObjectURL(preview.src);
  preview.hidden = !file;
  if (file) preview.src = URL.createObjectURL(file);
});
