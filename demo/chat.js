// Opens pictures and videos in front of the chat. Without scripts the links still open the files.
(() => {
  const viewer = document.querySelector("dialog");
  const stage = viewer.querySelector(".stage");
  const tiles = [...document.querySelectorAll("a.tile")];
  let shown = -1;

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
    stage.replaceChildren(media);
    viewer.querySelector("p").textContent = tile.title;
    if (!viewer.open) viewer.showModal();
  };

  tiles.forEach((tile, number) => tile.addEventListener("click", (event) => {
    event.preventDefault();
    show(number);
  }));
  viewer.addEventListener("click", (event) => {
    if (event.target.tagName !== "VIDEO") viewer.close();
  });
  viewer.addEventListener("close", () => stage.replaceChildren());
  document.addEventListener("keydown", (event) => {
    if (!viewer.open) return;
    if (event.key === "ArrowRight") show(shown + 1);
    if (event.key === "ArrowLeft") show(shown - 1);
  });
})();
