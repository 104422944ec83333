// Opens pictures and videos in front of the chat. Without scripts the links still open the files.
(() => {
  const viewer = document.querySelector("dialog");
  const stage = viewer.querySelector(".stage");
  const tiles = [...document.querySelectorAll("a.tile")];
  const [previous, next] = [".previous", ".next"].map((name) => viewer.querySelector(name));
  let shown = -1;
  let touched = null;

  const show = (number) => {
    if (number < 0 || number >= tiles.length) return;
    shown = number;
    const tile = tiles[number];
    const isVideo = tile.classList.contains("video");
    const media = document.createElement(isVideo ? "video" : "img");
    if (isVideo) {
      media.poster = tile.querySelector("video").poster;
      media.controls = media.autoplay = media.playsInline = true;
    }
    media.src = tile.href;
    if (!isVideo) media.alt = tile.getAttribute("aria-label");
    else media.setAttribute("aria-label", tile.getAttribute("aria-label"));
    previous.disabled = number === 0;
    next.disabled = number === tiles.length - 1;
    stage.replaceChildren(media);
    viewer.querySelector("p").textContent = tile.title;
    if (!viewer.open) viewer.showModal();
  };

  tiles.forEach((tile, number) => tile.addEventListener("click", (event) => {
    event.preventDefault();
    show(number);
  }));
  previous.addEventListener("click", () => show(shown - 1));
  next.addEventListener("click", () => show(shown + 1));
  viewer.addEventListener("click", (event) => {
    if (event.target.tagName !== "VIDEO" && !event.target.closest(".previous, .next")) viewer.close();
  });
  // A swipe is longer than a tap, and goes more aside than up or down.
  viewer.addEventListener("touchstart", ({touches: [at]}) => { touched = at; }, {passive: true});
  viewer.addEventListener("touchend", ({changedTouches: [at]}) => {
    const [aside, down] = [at.clientX - touched.clientX, at.clientY - touched.clientY];
    if (Math.abs(aside) > 40 && Math.abs(aside) > Math.abs(down)) show(shown + (aside < 0 ? 1 : -1));
  });
  viewer.addEventListener("close", () => stage.replaceChildren());
  document.addEventListener("keydown", (event) => {
    if (!viewer.open) return;
    if (event.key === "ArrowRight") show(shown + 1);
    if (event.key === "ArrowLeft") show(shown - 1);
  });
})();
