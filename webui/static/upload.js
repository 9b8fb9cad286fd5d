// How far an upload is. Without this script the form is sent all the same.
"use strict";

document.querySelector("form[data-upload]")?.addEventListener("submit", (event) => {
  const form = event.target;
  event.preventDefault();
  const [bar, said] = [document.getElementById("upload-progress"), document.getElementById("upload-said")];
  document.getElementById("upload").hidden = false;
  form.querySelector("button").disabled = true;
  const request = new XMLHttpRequest();
  request.upload.onprogress = (step) => {
    const percent = Math.round((100 * step.loaded) / step.total);
    bar.value = percent;
    said.textContent = percent < 100 ? form.dataset.sending.replace("{percent}", `${percent} %`) : form.dataset.keeping;
  };
  request.onload = () => {
    if (request.status === 204) { location.href = request.getResponseHeader("location"); return; }
    document.querySelector("main").innerHTML = new DOMParser().parseFromString(request.responseText, "text/html").querySelector("main").innerHTML;
    document.querySelector("main").focus();
  };
  request.onerror = () => HTMLFormElement.prototype.submit.call(form);
  request.open("POST", form.action);
  request.setRequestHeader("accept", "application/json");
  request.send(new FormData(form));
});
