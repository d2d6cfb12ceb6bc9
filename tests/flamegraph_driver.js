/* Appended to a flame graph by check_flamegraph.c: does what a user does, and writes down what the
 * picture shows. */
(() => {
const seen = {};
const rects = () => [...document.querySelectorAll("#frames rect[aria-label]")];
const find = (name, nth = 0) => rects().filter(rect => rect.getAttribute("aria-label").startsWith(name + ","))[nth];
const width = rect => rect ? Number(rect.getAttribute("width")) : -1;
const labels = list => list.map(rect => rect.getAttribute("aria-label").split(",")[0]).sort().join(" ");
const click = element => element.dispatchEvent(new MouseEvent("click", {bubbles: true}));
const press = (key, on = document) => on.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const plain = text => text.replace(/\u202f/g, " ");
const search = text => {
    const input = document.getElementById("search");
    input.value = text;
    input.dispatchEvent(new Event("input"));
    return plain(document.getElementById("found").textContent);
};
const hits = () => labels(rects().filter(rect => rect.classList.contains("hit")));
const tip = name => {
    find(name).dispatchEvent(new MouseEvent("mousemove", {bubbles: true, clientX: 50, clientY: 50}));
    return [...document.querySelectorAll("#tip > *")].map(line => plain(line.textContent));
};

seen.title = document.title;
seen.still = document.querySelectorAll("#still").length;
seen.scripts = document.querySelectorAll("script").length;
seen.page = getComputedStyle(document.documentElement).backgroundColor;
seen.head = plain(document.querySelector(".head").textContent);
seen.frames = labels(rects());
seen.all = width(find("all"));
const name = document.documentElement.dataset.try || "leaks";
if (find(name)) {
    seen.before = width(find(name));
    seen.tip = tip(name);
    seen.label = plain(find(name).getAttribute("aria-label"));
    click(find(name));
    seen.zoomed = width(find(name));
    seen.zoomedFrames = labels(rects());
    click(document.getElementById("reset"));
    seen.reset = width(find(name));

    seen.found = search("leaf");
    seen.hits = hits();
    seen.foundExpression = search("/^le.k/");
    seen.hitsExpression = hits();
    seen.foundKind = search("in:memory");
    seen.hitsKind = hits();
    seen.foundNothing = search("nobody is called so");
    seen.hitsNothing = hits();
    seen.foundWrong = search("/(/");
    search("");
    seen.hitsCleared = hits() + document.getElementById("found").textContent;

    const top = rect => Number(rect.getAttribute("y"));
    seen.mainIsBelow = top(find("main")) > top(find("all"));
    click(document.getElementById("turn"));
    seen.mainIsBelowTurned = top(find("main")) > top(find("all"));
    click(document.getElementById("turn"));

    press("ArrowDown"); /* all, its heaviest child, and so on: down to main */
    press("ArrowDown");
    press("Enter");
    const chosen = document.querySelector("rect.chosen");
    seen.keyed = chosen ? chosen.getAttribute("aria-label").split(",")[0] : "";
    press("Escape");
    seen.keyedReset = width(find(name));
}
const out = document.createElementNS("http://www.w3.org/2000/svg", "desc");
out.id = "seen";
out.textContent = encodeURIComponent(JSON.stringify(seen));
document.documentElement.append(out);
})();
